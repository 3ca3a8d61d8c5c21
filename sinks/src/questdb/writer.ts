/** Gathers rows into requests, keeps them until QuestDB has them, and gives up only what can never be stored. */
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { orAborted } from '../abortable.ts';
import type { Gate, Store, Taken } from '../sink.ts';
import type { WriteAnswer } from './http.ts';
import { type BadRow, isolate } from './isolate.ts';
import type { TableContext } from './table-sink.ts';

/** The rows of one request. */
export interface Chunk {
  readonly rows: number;
  readonly sizeBytes: number;
  /** Adds the rows of a record, or throws and is as before. @throws {RejectedError} */
  add(taken: Taken): void;
  /** Writes rows `from` to `to`, not included; may be called again for the same rows. */
  write(from: number, to: number): Promise<WriteAnswer>;
  reset(): void;
}

export interface WriterOptions {
  /** For messages, metrics, and the doors to QuestDB and the rejected topic. */
  readonly context: TableContext;
  readonly sink: string;
  readonly newChunk: () => Chunk;
  /** Row `i` of a record that has several, encoded as a record of its own. */
  readonly part: (taken: Taken, i: number) => Uint8Array;
  /** Requests at a time. More than one only where rows with the same keys are always equal: requests may overtake. */
  readonly inFlight: number;
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Shortest time between two requests that are not full; the first row after a pause goes at once. */
  readonly lingerMs: number;
  /** Undefined, or what is wrong with the table: asked before rows are given up. */
  readonly tableFault: () => Promise<string | undefined>;
}

/**
 * How long a sink whose newest row must stand waits after a failed request before it sends other rows. A request that we
 * gave up may lie whole in the sockets of a frozen server, which reads it when it goes on: by then the same rows must not
 * come after newer ones.
 */
const overtakingMs = 2000;

/** QuestDB names the operating system's error (28: no space left); rows that can never be stored have a negative one. */
const systemError = /\berrno: [1-9]/;

interface Piece {
  readonly taken: Taken;
  readonly from: number;
  readonly to: number;
}

interface Request {
  readonly chunk: Chunk;
  pieces: Piece[];
}

/**
 * Rows: filling → (full, or due) waiting → in flight → stored and settled.
 *                                            ├─ TransientError: backoff, the same rows again
 *                                            └─ refused: isolated; bad rows to the rejected topic, then settled
 * Memory: one request filling, one waiting, `inFlight` on the way; `room` resolves while none waits.
 */
export class Writer implements Store {
  readonly #options: WriterOptions;
  readonly #free: Chunk[] = [];
  readonly #waiting: Request[] = [];
  readonly #sending = new Set<Promise<void>>();
  #filling: Request | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = false;
  #sealedAtMs = Number.NEGATIVE_INFINITY;
  #onProgress = Promise.withResolvers<void>();
  readonly #failure = Promise.withResolvers<never>();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#failure.promise.catch(() => {}); // Whoever runs the sink listens; nobody may yet.
  }

  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  get gate(): Gate {
    return this.#options.context.gate;
  }

  get trouble(): string | undefined {
    return this.#options.context.outage.reason ?? this.gate.shut?.sentence;
  }

  take(taken: Taken): number {
    const { maxRows, maxBytes, newChunk } = this.#options;
    this.#filling ??= { chunk: this.#free.pop() ?? newChunk(), pieces: [] };
    const { chunk, pieces } = this.#filling;
    const from = chunk.rows;
    chunk.add(taken);
    const to = chunk.rows;
    if (to === from) {
      taken.settled();
      return 0;
    }
    pieces.push({ taken, from, to });
    if (chunk.rows >= maxRows || chunk.sizeBytes >= maxBytes) this.#seal();
    else this.#schedule();
    return to - from;
  }

  async room(signal: AbortSignal): Promise<void> {
    while (this.#waiting.length > 0) await orAborted(this.#onProgress.promise, signal);
  }

  async drained(): Promise<void> {
    // A request that only refused records have met is begun and empty.
    while ((this.#filling?.chunk.rows ?? 0) > 0 || this.#waiting.length > 0 || this.#sending.size > 0) {
      if (this.#waiting.length === 0) this.#seal();
      await this.#onProgress.promise;
    }
  }

  /** Lets go of what is not stored; `drained` first where there is time. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#filling = undefined;
    this.#waiting.length = 0;
    await Promise.all(this.#sending);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#due) return;
    const delayMs = Math.max(0, this.#sealedAtMs + this.#options.lingerMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // While every place is taken more rows can join, and the next free place takes them.
      if (this.#sending.size < this.#options.inFlight) this.#seal();
      else this.#due = true;
    }, delayMs);
  }

  #seal(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
    if (this.#filling === undefined || this.#filling.chunk.rows === 0) return;
    this.#sealedAtMs = performance.now();
    this.#waiting.push(this.#filling);
    this.#filling = undefined;
    this.#pump();
  }

  #pump(): void {
    while (this.#sending.size < this.#options.inFlight) {
      const request = this.#waiting.shift();
      if (request === undefined) break;
      const sending = this.#send(request).then(
        () => {
          request.chunk.reset();
          this.#free.push(request.chunk);
        },
        error => this.#failure.reject(error),
      );
      const ended = sending.then(() => {
        this.#sending.delete(ended);
        if (this.#due && this.#waiting.length === 0) this.#seal();
        this.#pump();
        this.#progress();
      });
      this.#sending.add(ended);
    }
    this.#progress();
  }

  #progress(): void {
    const { resolve } = this.#onProgress;
    this.#onProgress = Promise.withResolvers<void>();
    resolve();
  }

  async #send({ chunk, pieces }: Request): Promise<void> {
    const { stop, outage, gate, metrics } = this.#options.context;
    for (let tries = 0; ; tries++) {
      await gate.passable(stop);
      try {
        const answer = await this.#write(chunk, 0, chunk.rows);
        const bad = answer.outcome === 'stored' ? [] : await this.#isolate(chunk, answer);
        outage.recovered();
        await this.#settle(pieces, bad);
        if (tries > 0 && this.#options.inFlight === 1) await wait(overtakingMs, undefined, { signal: stop });
        return;
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        outage.failed(messageOf(error));
        metrics.retries.inc();
      }
      await wait(backoffMs(tries, 100, 5000), undefined, { signal: stop });
    }
  }

  /**
   * @throws {TransientError} also when the table is at fault (every column we write is one that our migrations make) and
   * when the server's machine is: with a full disk one table may still take the probe while another takes nothing.
   */
  async #write(chunk: Chunk, from: number, to: number): Promise<WriteAnswer> {
    this.#options.context.metrics.requests.inc();
    const answer = await chunk.write(from, to);
    // Said of a column for a moment after it was added, too, when `table_columns` shows it already.
    if (answer.outcome !== 'stored' && /does not exist/.test(answer.message))
      throw new TransientError((await this.#options.tableFault()) ?? `QuestDB: ${answer.message}`);
    if (answer.outcome === 'failed' && systemError.test(answer.message))
      throw new TransientError(`QuestDB cannot write: ${answer.message}`);
    return answer;
  }

  async #isolate(chunk: Chunk, first: WriteAnswer): Promise<readonly BadRow[]> {
    const { context, sink, tableFault } = this.#options;
    const fault = await tableFault();
    if (fault !== undefined) throw new TransientError(fault);
    return isolate({
      rows: chunk.rows,
      first,
      write: (from, to) => this.#write(chunk, from, to),
      takesRows: async () => {
        const probe = `${context.tablePrefix}sink_probe,sink=${sink} 0t\n`;
        return (await context.http.write(Buffer.from(probe))).outcome === 'stored';
      },
    });
  }

  async #settle(pieces: readonly Piece[], bad: readonly BadRow[]): Promise<void> {
    const { context, part } = this.#options;
    let next = 0;
    if (bad.length > 0)
      context.log.warn(
        { table: context.table, rows: bad.length },
        `rows rejected, the first one for: ${bad[0]!.message}`,
      );
    const rejections: Promise<void>[] = [];
    for (const { taken, from, to } of pieces) {
      const own: Promise<void>[] = [];
      for (let row = bad[next]; row !== undefined && row.row < to; row = bad[++next]) {
        const whole = to - from === 1;
        const index = row.row - from;
        own.push(
          context.reject(taken, {
            reason: row.message,
            field: whole ? 'payload' : `value[${index}]`,
            ...(whole ? {} : { part: { row: index, value: part(taken, index) } }),
          }),
        );
      }
      context.metrics.stored(taken, to - from - own.length);
      if (own.length === 0) taken.settled();
      else rejections.push(Promise.all(own).then(() => taken.settled()));
    }
    await Promise.all(rejections);
  }
}
