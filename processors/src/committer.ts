import { setTimeout as wait } from 'node:timers/promises';
import { TransientError } from '@millrace/runtime/errors.ts';
import type { Consumer } from '@millrace/runtime/kafka/types.ts';
import type { Partitions } from './partitions.ts';

export interface CommitterOptions {
  readonly partitions: Partitions;
  readonly intervalMs: number;
  readonly onRows: (rows: number) => void;
}

/** How long the last flush may take while we end; what it does not manage comes again. */
const drainMs = 10_000;

/**
 * Flushes the partitions and commits their offsets, one after another, every interval.
 * idle → running (`run`) → drained (`drain`: one last flush and commit, then no more).
 */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #drained = new AbortController();
  #consumer: Consumer | undefined;
  #current: Promise<void> = Promise.resolve();

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Rejects when a flush fails for good; never resolves. */
  async run(consumer: Consumer): Promise<never> {
    this.#consumer = consumer;
    const { signal } = this.#drained;
    while (!signal.aborted) {
      // The wait ends early only because we are draining, and drain flushes by itself.
      await wait(this.#options.intervalMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await this.#flush();
    }
    return new Promise(() => {});
  }

  async drain(): Promise<void> {
    this.#drained.abort();
    await this.#current.catch(() => {});
    await this.#flush(AbortSignal.timeout(drainMs));
  }

  #flush(signal?: AbortSignal): Promise<void> {
    this.#current = this.#flushNow(signal);
    return this.#current;
  }

  async #flushNow(signal?: AbortSignal): Promise<void> {
    const { partitions, onRows } = this.#options;
    const { positions, rows } = await partitions.flush(signal);
    onRows(rows);
    try {
      await this.#consumer?.commit(positions);
    } catch (error) {
      // The next commit covers it; after a crash the records come again and have been counted already.
      if (!(error instanceof TransientError)) throw error;
    }
  }
}
