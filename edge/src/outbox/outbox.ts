/** The gateway's durable queue: readings go in by group commit, sealed batches come out in order, and leave on PUBACK. */
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { Reading } from '../reading.ts';
import { Admission } from './admission.ts';
import { CommitTimer } from './commit-timer.ts';
import { Declarations, type Note } from './declarations.ts';
import { type Origin, type SealedBatch, seal } from './seal.ts';
import { openStore, SqliteCode, type Store, sqliteCode } from './store.ts';

export interface OutboxOptions {
  readonly path: string;
  readonly origin: Origin;
  /** Names of the sources whose declarations count for `complete_through`. */
  readonly sources: readonly string[];
  /** Sealed bytes held at most; one batch is always taken. */
  readonly maxBytes: number;
  /** An append waits at most this long for company. */
  readonly groupCommitMs: number;
  /** This many readings do not wait any longer. */
  readonly groupCommitReadings: number;
  readonly log: Logger;
}

interface Append {
  readonly source: string;
  readonly readings: readonly Reading[];
  readonly note: Note;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const coalesceDeletesMs = 500;
const retryWriteMs = 1000;
/** Readings gathered into one transaction, so that a long queue of appends does not become one huge transaction. */
const maxGroupReadings = 10_000;

/**
 * States: **open** (appends are committed within `groupCommitMs`) ⇄ **full** (appends wait for PUBACKs) or **unwritable**
 * (a full disk or an I/O error: appends wait, a write is tried each second); any of them → **draining** (an append is
 * committed at once or rejected) → **closed**. Any other error of the database → **failed**: everything is rejected.
 */
export class Outbox implements AsyncDisposable {
  readonly boot: number;
  /** Rejects when the database breaks in a way that waiting does not mend. */
  readonly failed: Promise<never>;
  readonly #options: OutboxOptions;
  readonly #store: Store;
  readonly #fail: (error: unknown) => void;
  readonly #declarations: Declarations;
  readonly #admission: Admission;
  readonly #timer = new CommitTimer(() => this.#commit());
  #state: 'open' | 'full' | 'unwritable' | 'draining' | 'closed' | 'failed' = 'open';
  #appends: Append[] = [];
  #gathered = 0;
  #acknowledged = new Map<number, SealedBatch>();
  #nextSeq: number;
  #completeThroughUs: number;
  readonly #level: { batches: number; readings: number; bytes: number };
  #wanted = 0;
  #listener: () => void = () => {};

  constructor(store: Store, options: OutboxOptions) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    this.#fail = reject;
    this.#store = store;
    this.#options = options;
    this.boot = store.boot;
    this.#declarations = new Declarations(options.sources, store.found.sources);
    this.#admission = new Admission(options.log);
    this.#nextSeq = store.found.nextSeq;
    this.#completeThroughUs = store.found.completeThroughUs;
    this.#level = { batches: store.found.batches, readings: store.found.readings, bytes: store.found.bytes };
  }

  /** What waits for its PUBACK. `lastSeq` is −1 before the first reading. */
  get level(): { batches: number; readings: number; bytes: number; lastSeq: number; completeThroughUs: number } {
    return { ...this.#level, lastSeq: this.#nextSeq - 1, completeThroughUs: this.#completeThroughUs };
  }

  /** Readings refused because no batch may hold them. */
  get refused(): number {
    return this.#admission.refused;
  }

  /** True, or what keeps an append from being committed. */
  get writable(): true | string {
    if (this.#state === 'open') return true;
    return this.#state === 'full' ? `full (${this.#level.bytes} of ${this.#options.maxBytes} bytes)` : this.#state;
  }

  /** Where the source stood at its last committed append. */
  cursor(source: string): string | undefined {
    return this.#declarations.cursor(source);
  }

  /** Called after batches were sealed or forgotten; there is one listener. */
  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  /**
   * Resolves once the readings, and the note, are on disk. Waits while the outbox is full.
   * A reading that no batch may hold (no finite number, no unit…) is refused alone, counted, and said once a series.
   * @throws {TransientError} when the outbox closes before it could be done; then nothing of it was taken.
   */
  append(source: string, readings: readonly Reading[], note: Note = {}): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'failed')
      return Promise.reject(new TransientError(`the outbox is ${this.#state}`));
    return new Promise((resolve, reject) => {
      const taken = this.#admission.admit(source, readings);
      this.#appends.push({ source, readings: taken, note, resolve, reject });
      this.#gathered += taken.length;
      if (this.#state === 'draining') this.#commit();
      else if (this.#state === 'open')
        this.#timer.within(this.#gathered >= this.#options.groupCommitReadings ? 0 : this.#options.groupCommitMs);
    });
  }

  /** The source will give nothing more: `complete_through` does not wait for it. */
  finish(source: string): void {
    this.#declarations.finish(source);
  }

  /** Batches to send, oldest first, with `firstSeq` above `afterSeq`; those acknowledged are left out. */
  page(afterSeq: number, limit: number): SealedBatch[] {
    try {
      // Acknowledged rows may still lie in the file: ask for as many more.
      const rows = this.#store.page(afterSeq, limit + this.#acknowledged.size);
      return rows.filter(({ firstSeq }) => !this.#acknowledged.has(firstSeq)).slice(0, limit);
    } catch (error) {
      this.#break(error);
      return [];
    }
  }

  /** The broker has it. Its row goes with the next commit; a crash before that means one more resend of the same bytes. */
  acknowledge(batch: SealedBatch): void {
    if (this.#acknowledged.has(batch.firstSeq)) return;
    this.#acknowledged.set(batch.firstSeq, batch);
    this.#level.batches -= 1;
    this.#level.readings -= batch.lastSeq - batch.firstSeq + 1;
    this.#level.bytes -= batch.bytes.length;
    if (this.#state === 'full' && this.#fits(this.#wanted)) this.#commit();
    else this.#timer.within(coalesceDeletesMs);
    this.#listener();
  }

  /** From now on an append is committed at once, or rejected when that is not possible. */
  drain(): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#state = 'draining';
    this.#commit();
  }

  // oxlint-disable-next-line require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.drain();
    this.#timer.stop();
    if (this.#state !== 'failed') this.#state = 'closed';
    this.#store[Symbol.dispose]();
  }

  #fits(bytes: number): boolean {
    return this.#level.batches === 0 || this.#level.bytes + bytes <= this.#options.maxBytes;
  }

  #commit(): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#timer.stop();
    try {
      while (this.#appends.length > 0 || this.#acknowledged.size > 0) if (!this.#commitGroup()) break;
    } catch (error) {
      this.#cannotWrite(error);
    }
    if (this.#state === 'draining') this.#rejectAppends('the agent is stopping and the outbox cannot take more');
    this.#listener();
  }

  /** One transaction; false when what is gathered has to wait. */
  #commitGroup(): boolean {
    const group = this.#group();
    const readings = group.flatMap(append => append.readings);
    const sources = this.#declarations.changedBy(group);
    const completeThroughUs = Math.max(this.#completeThroughUs, this.#declarations.claim(sources));
    const batches = seal(readings, this.#options.origin, {
      boot: this.boot,
      firstSeq: this.#nextSeq,
      completeBeforeUs: this.#completeThroughUs,
      completeAfterUs: completeThroughUs,
    });
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const forget = [...this.#acknowledged.keys()];
    if (!this.#fits(bytes)) {
      this.#becomeFull(bytes);
      if (forget.length > 0) this.#store.forget(forget);
      this.#acknowledged.clear();
      return false;
    }
    const nextSeq = this.#nextSeq + readings.length;
    this.#store.write({ batches, sources, nextSeq, completeThroughUs, forget });
    this.#acknowledged.clear();
    this.#becomeOpen();
    this.#appends.splice(0, group.length);
    this.#gathered -= readings.length;
    this.#nextSeq = nextSeq;
    if (batches.length > 0) this.#completeThroughUs = completeThroughUs;
    this.#declarations.keep(sources);
    this.#level.batches += batches.length;
    this.#level.readings += readings.length;
    this.#level.bytes += bytes;
    for (const append of group) append.resolve();
    return true;
  }

  #group(): Append[] {
    let readings = 0;
    const end = this.#appends.findIndex(
      (append, i) => (readings += append.readings.length) > maxGroupReadings && i > 0,
    );
    return end === -1 ? [...this.#appends] : this.#appends.slice(0, end);
  }

  #becomeFull(wanted: number): void {
    this.#wanted = wanted;
    if (this.#state !== 'open' && this.#state !== 'unwritable') return;
    this.#state = 'full';
    this.#options.log.warn(
      this.#level,
      'the outbox is full: sources wait until the broker has acknowledged some of it',
    );
  }

  #becomeOpen(): void {
    if (this.#state !== 'full' && this.#state !== 'unwritable') return;
    this.#options.log.info(this.#level, `the outbox takes readings again; it was ${this.#state}`);
    this.#state = 'open';
  }

  #cannotWrite(error: unknown): void {
    const code = sqliteCode(error);
    if (code === SqliteCode.FULL || code === SqliteCode.IOERR) {
      if (this.#state === 'draining') return;
      if (this.#state !== 'unwritable')
        this.#options.log.error(`the outbox cannot be written (${messageOf(error)}): sources wait; trying each second`);
      this.#state = 'unwritable';
      this.#timer.within(retryWriteMs);
      return;
    }
    this.#break(error);
  }

  #break(error: unknown): void {
    this.#state = 'failed';
    this.#timer.stop();
    this.#rejectAppends(`the outbox failed: ${messageOf(error)}`);
    this.#fail(error);
  }

  #rejectAppends(reason: string): void {
    for (const { reject } of this.#appends.splice(0)) reject(new TransientError(reason));
    this.#gathered = 0;
  }
}

/**
 * Opens the outbox and finds what a former run left in it.
 * @throws {ConfigError} when the path cannot be used, or another agent uses it.
 */
export function openOutbox(options: OutboxOptions): Outbox {
  const store = openStore(options.path);
  const { setAside, found, boot } = store;
  if (setAside !== undefined)
    options.log.error(
      setAside,
      `the outbox was damaged (${setAside.reason}); it was set aside as ${setAside.path}, and a new one with a new boot takes its place`,
    );
  options.log.info({ boot, waiting: found.readings, nextSeq: found.nextSeq }, 'outbox open');
  return new Outbox(store, options);
}
