/**
 * Notices when QuestDB takes rows that nobody can read: it answers 204 while a table is suspended. Asks QuestDB to go on
 * when the cause is one that passes.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { orAborted } from '../abortable.ts';
import type { Gate, ShutReason } from '../sink.ts';
import type { QuestdbHttp } from './http.ts';

export interface WalState {
  readonly suspended: boolean;
  /** Transactions acknowledged and not yet applied: `sequencerTxn − writerTxn`. */
  readonly lag: number;
  /** The last transaction applied. */
  readonly writerTxn: number;
  /** QuestDB's own words for why a table is suspended. */
  readonly error: string;
  /** What kind of trouble suspended it, where QuestDB knows: `DISK FULL`. */
  readonly errorTag: string;
}

export interface WalWatchOptions {
  readonly http: QuestdbHttp;
  readonly log: Logger;
  /** Lag at which a table's gate shuts; it opens again below half of it, or it would flap. */
  readonly lagLimit: number;
  /** Default 1000. */
  readonly intervalMs?: number;
  /** Between two attempts to resume a table whose trouble passes by itself. Default 30,000. */
  readonly resumeEveryMs?: number;
  /** Counts those attempts. */
  readonly resumes?: { inc(): void };
}

/**
 * Shortages of the machine: they end when somebody makes room, and the transaction that failed succeeds then. Anything else
 * (a file damaged or missing) needs a person, and fails the same way again. Values of QuestDB's `ErrorTag`.
 */
const passing: ReadonlySet<string> = new Set([
  'DISK FULL',
  'OUT OF MEMORY',
  'OUT OF MMAP AREAS',
  'TOO MANY OPEN FILES',
]);

/**
 * Polls `wal_tables()`. Each table's gate:
 *
 * open ──suspended──► shut (said once) ──not suspended, and past the transaction it stuck at──► open (said once)
 * open ──lag ≥ limit──► shut (said once) ──lag ≤ limit / 2──► open (said once)
 *
 * A table suspended for want of disk, memory or file handles is resumed now and then; while the want lasts, QuestDB
 * suspends it again at the same transaction, and the gate stays shut. While QuestDB does not answer, gates stay as they
 * are: the writers notice by themselves.
 */
export class WalWatch implements AsyncDisposable {
  readonly #options: WalWatchOptions;
  readonly #gates = new Map<string, SwitchedGate>();
  readonly #stop = new AbortController();
  readonly #polling: Promise<void>;
  #answers = false;

  /** Starts to poll. */
  static start(options: WalWatchOptions): WalWatch {
    return new WalWatch(options);
  }

  private constructor(options: WalWatchOptions) {
    this.#options = options;
    this.#polling = this.#poll();
  }

  /** Whether the last poll was answered. */
  get answers(): boolean {
    return this.#answers;
  }

  gate(table: string): Gate {
    let gate = this.#gates.get(table);
    if (gate === undefined) {
      gate = new SwitchedGate();
      this.#gates.set(table, gate);
    }
    return gate;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the watch has ended'));
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { http, intervalMs = 1000 } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const states = await walStates(http);
        this.#answers = true;
        for (const [table, gate] of this.#gates) await this.#judge(table, gate, states.get(table));
      } catch (error) {
        this.#answers = false;
        // Whatever it is, the writers meet it too, and they decide: a watch that ends the service would be worse than none.
        if (!(error instanceof TransientError)) this.#options.log.debug(`wal_tables(): ${messageOf(error)}`);
      }
      await wait(intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  async #judge(table: string, gate: SwitchedGate, state: WalState | undefined): Promise<void> {
    if (state === undefined) return; // The table is gone: writes are refused, and say so.
    const { log, lagLimit } = this.#options;
    const { suspended, lag } = state;
    if (suspended) {
      if (gate.shut?.reason !== 'suspended') {
        const sentence = suspendedSentence(table, state);
        log.warn(`${sentence}: rows would be taken and not be readable; paused. ${remedy(table, state)}`);
        gate.switch({ reason: 'suspended', sentence });
        gate.stuck = { at: state.writerTxn, resumedAtMs: Date.now() };
      }
      if (passesByItself(state)) await this.#resume(table, gate);
      return;
    }
    const stuck = gate.stuck !== undefined && lag > 0 && state.writerTxn <= gate.stuck.at;
    if (gate.isOpen && lag >= lagLimit) {
      const sentence = `QuestDB is ${lag} transactions behind on the table ${table} (limit ${lagLimit})`;
      log.warn(`${sentence}: paused until it has caught up`);
      gate.switch({ reason: 'wal-lag', sentence });
    } else if (!gate.isOpen && !stuck && lag <= lagLimit / 2) {
      log.info(`table ${table} is well again: going on`);
      gate.switch(undefined);
      gate.stuck = undefined;
    }
  }

  /** Harmless while the trouble lasts, and from several processes at once: QuestDB tries the same transaction again. */
  async #resume(table: string, { stuck }: SwitchedGate): Promise<void> {
    const { http, log, resumeEveryMs = 30_000, resumes } = this.#options;
    if (stuck === undefined || Date.now() - stuck.resumedAtMs < resumeEveryMs) return;
    stuck.resumedAtMs = Date.now();
    log.debug(`asking QuestDB to resume the table ${table}`);
    await http.query(`ALTER TABLE "${table}" RESUME WAL`);
    resumes?.inc();
  }
}

/** Whether RESUME WAL may help without a person. A full disk has its tag or only its errno, by where QuestDB met it [ran, 9.3.4]. */
export const passesByItself = ({ errorTag, error }: WalState): boolean =>
  passing.has(errorTag) || error.includes('[28] No space left');

export function suspendedSentence(table: string, { error, errorTag }: WalState): string {
  const why = [errorTag, error].filter(text => text !== '').join(': ');
  return `QuestDB has suspended the table ${table}${why === '' ? '' : ` (${why})`}`;
}

export function remedy(table: string, state: WalState): string {
  return passesByItself(state)
    ? `Make room on QuestDB's machine; it goes on by itself then`
    : `Mend the cause, then: ALTER TABLE ${table} RESUME WAL`;
}

/** Every WAL table's state, by name. */
export async function walStates(http: QuestdbHttp): Promise<ReadonlyMap<string, WalState>> {
  const { rows } = await http.query(
    'SELECT name, suspended, sequencerTxn, writerTxn, errorMessage, errorTag FROM wal_tables()',
  );
  return new Map(
    rows.map(([name, suspended, sequencer, writer, error, tag]) => [
      name as string,
      {
        suspended: suspended === true,
        lag: Number(sequencer) - Number(writer),
        writerTxn: Number(writer),
        error: typeof error === 'string' ? error : '',
        errorTag: typeof tag === 'string' ? tag : '',
      },
    ]),
  );
}

class SwitchedGate implements Gate {
  /** Since it was suspended: the last transaction applied then, and when QuestDB was asked last to go on. */
  stuck: { readonly at: number; resumedAtMs: number } | undefined;
  #opened: PromiseWithResolvers<void> | undefined;
  #shut: Gate['shut'];
  readonly #listeners = new Set<() => void>();

  get isOpen(): boolean {
    return this.#opened === undefined;
  }

  get shut(): Gate['shut'] {
    return this.#shut;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async passable(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#opened !== undefined) await orAborted(this.#opened.promise, signal);
  }

  /** @param shut Undefined opens it. */
  switch(shut: { readonly reason: ShutReason; readonly sentence: string } | undefined): void {
    this.#shut = shut;
    if (shut === undefined) {
      this.#opened?.resolve();
      this.#opened = undefined;
    } else {
      this.#opened ??= Promise.withResolvers<void>();
    }
    for (const listener of this.#listeners) listener();
  }
}
