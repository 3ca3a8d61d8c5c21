/** Notices when QuestDB takes rows that nobody can read: it answers 204 while a table is suspended. */
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { Gate } from '../sink.ts';
import type { QuestdbHttp } from './http.ts';

export interface WalState {
  readonly suspended: boolean;
  /** Transactions acknowledged and not yet applied: `sequencerTxn − writerTxn`. */
  readonly lag: number;
  /** QuestDB's own words for why a table is suspended. */
  readonly error: string;
}

export interface TableGate extends Gate {
  /** Called at each change, until what this returns is called. */
  onChange(listener: (open: boolean) => void): () => void;
}

export interface WalWatchOptions {
  readonly http: QuestdbHttp;
  readonly log: Logger;
  /** Lag at which a table's gate shuts; it opens again below half of it, or it would flap. */
  readonly lagLimit: number;
  /** Default 1000. */
  readonly intervalMs?: number;
}

/**
 * Polls `wal_tables()`. Each table's gate:
 *
 * open ──suspended, or lag ≥ limit──► shut (said once) ──not suspended and lag ≤ limit / 2──► open (said once)
 *
 * While QuestDB does not answer, gates stay as they are: the writers notice by themselves.
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

  gate(table: string): TableGate {
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
        for (const [table, gate] of this.#gates) this.#judge(table, gate, states.get(table));
      } catch (error) {
        this.#answers = false;
        // Whatever it is, the writers meet it too, and they decide: a watch that ends the service would be worse than none.
        if (!(error instanceof TransientError)) this.#options.log.debug(`wal_tables(): ${messageOf(error)}`);
      }
      await wait(intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  #judge(table: string, gate: SwitchedGate, state: WalState | undefined): void {
    if (state === undefined) return; // The table is gone: writes are refused, and say so.
    const { log, lagLimit } = this.#options;
    const { suspended, lag, error } = state;
    if (gate.isOpen && (suspended || lag >= lagLimit)) {
      log.warn(
        suspended
          ? `QuestDB has suspended the table ${table}${error === '' ? '' : ` (${error})`}: rows would be taken and not be readable; paused. Mend the cause (often a full disk), then: ALTER TABLE ${table} RESUME WAL`
          : `QuestDB is ${lag} transactions behind on the table ${table} (limit ${lagLimit}): paused until it has caught up`,
      );
      gate.switch(false);
    } else if (!gate.isOpen && !suspended && lag <= lagLimit / 2) {
      log.info(`table ${table} is well again: going on`);
      gate.switch(true);
    }
  }
}

/** Every WAL table's state, by name. */
export async function walStates(http: QuestdbHttp): Promise<ReadonlyMap<string, WalState>> {
  const { rows } = await http.query('SELECT name, suspended, sequencerTxn, writerTxn, errorMessage FROM wal_tables()');
  return new Map(
    rows.map(([name, suspended, sequencer, writer, error]) => [
      name as string,
      {
        suspended: suspended === true,
        lag: Number(sequencer) - Number(writer),
        error: typeof error === 'string' ? error : '',
      },
    ]),
  );
}

class SwitchedGate implements TableGate {
  #opened: PromiseWithResolvers<void> | undefined;
  readonly #listeners = new Set<(open: boolean) => void>();

  get isOpen(): boolean {
    return this.#opened === undefined;
  }

  onChange(listener: (open: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async passable(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#opened !== undefined) {
      const aborted = Promise.withResolvers<never>();
      const onAbort = (): void => aborted.reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await Promise.race([this.#opened.promise, aborted.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    }
  }

  switch(open: boolean): void {
    if (open === this.isOpen) return;
    if (open) {
      this.#opened?.resolve();
      this.#opened = undefined;
    } else {
      this.#opened = Promise.withResolvers<void>();
    }
    for (const listener of this.#listeners) listener(open);
  }
}
