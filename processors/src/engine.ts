import type { Batch } from '@millrace/wire/batch.ts';
import type { GatewayLedger } from '@millrace/wire/ledger.ts';
import type { StatsBatch } from '@millrace/wire/stats.ts';
import type { Standing } from './standing.ts';

/** What an engine gives back since the last flush: results to publish, then state to keep, in this order. */
export interface Flush {
  readonly stats: readonly StatsBatch[];
  /** Of gateways that sent something since the last flush, and of all that were restored. */
  readonly ledgers: readonly GatewayLedger[];
  /** Entries of the state topic that changed, by key; null deletes. */
  readonly state: ReadonlyMap<string, Uint8Array | null>;
}

/** What became of readings, since the engine was made. */
export interface EngineCounters {
  counted: number;
  /** Seen before, by (gateway, boot, seq). */
  duplicate: number;
  /** Their window was no longer kept. */
  late: number;
  /** Dated by a clock that was not synchronised. */
  unsynced: number;
  /** Dated further in the future than clocks differ. */
  future: number;
  /** Marked bad by their gateway. */
  bad: number;
  /** Beyond the series or windows that are kept of one gateway. */
  refused: number;
}

/**
 * Computes statistics of one partition's readings. Does no I/O and reads no clock: its results follow from its input alone,
 * so that a replay gives the same numbers.
 */
export interface Engine {
  /** Takes back a state entry after a restart; all of them before the first `process`. */
  restore(key: string, value: Uint8Array): void;
  /**
   * @param receivedAtUs when the bridge took the batch, µs since the Unix epoch.
   * @param offset of its record; one that the gateway's state already holds is left out.
   * @param sequenced false: its numbers are of this message alone (SenML), so that nothing can be missing. Default true.
   */
  process(batch: Batch, receivedAtUs: number, offset: number, sequenced?: boolean): void;
  flush(): Flush;
  readonly counters: EngineCounters;
  /** Of every gateway with a sequence, as of the last flush. */
  standings(): Iterable<Standing>;
  /** Tells it, after the last `restore`, where the partition ends: a topic made anew counts its offsets from 0 again. @returns whether that is so. */
  endsAt(endOffset: number): boolean;
}

export const noneCounted = (): EngineCounters => ({
  counted: 0,
  duplicate: 0,
  late: 0,
  unsynced: 0,
  future: 0,
  bad: 0,
  refused: 0,
});
