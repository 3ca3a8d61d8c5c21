/** What runs on one partition of a topic, and what its runner gives and takes. */
import type { IncomingRecord, OutgoingRecord } from '@millrace/runtime/kafka/types.ts';

export interface FlushClock {
  /** Of a clock that is never set back, ms: paces early results and ledgers, and decides nothing else. */
  readonly monotonicMs: number;
  /**
   * How far time has come, µs since the Unix epoch: while records wait to be read, when the newest one read was received;
   * once all are read, the wall clock. Silence is measured against it, so that a processor that was away for an hour does
   * not take its gateways for silent. Never falls.
   */
  readonly nowUs: number;
}

/** What changed since the last flush. All of it is committed together with the position reached, or nothing is. */
export interface Flush {
  readonly results: readonly OutgoingRecord[];
  /** Rows in the results, for the metrics. */
  readonly rows: number;
  /** Entries of the state, by key; null deletes. */
  readonly state: ReadonlyMap<string, Uint8Array | null>;
}

/**
 * Computes over the records of one partition. Does no I/O and reads no clock: what it gives follows from its input, so
 * that a replay gives the same numbers. Keeps in `state` all that it needs to go on elsewhere.
 */
export interface Task {
  /** Takes back the newest value of each state entry, all of them before the first `process`. Not called after it. */
  restore(key: string, value: Uint8Array): void;
  /** All of them have come. */
  restored?(): void;
  /**
   * Each record of the partition once, in order; `record.value` is not null.
   * @returns how many items (readings) it held. @throws {RejectedError} when it can never be used; it then has changed nothing.
   */
  process(record: IncomingRecord): number;
  flush(clock: FlushClock): Flush;
}
