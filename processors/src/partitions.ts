/**
 * The partitions this processor owns, an engine each. Per commit: results, then state, then offsets, each acknowledged
 * before the next. Killed between any two, the records come again, and the state knows which readings it has counted.
 */
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { Assignment, OutgoingRecord, Position, Producer, RecordBatch } from '@millrace/runtime/kafka/types.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { encodeLedger } from '@millrace/wire/ledger.ts';
import { type KafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { encodeStats } from '@millrace/wire/stats.ts';
import { type Engine, type EngineCounters, noneCounted } from './engine.ts';
import { LedgerPacing } from './ledger-pacing.ts';
import type { Standing } from './standing.ts';

export interface PartitionsOptions {
  readonly topics: KafkaTopics;
  readonly producer: Producer;
  readonly log: Logger;
  readonly createEngine: () => Engine;
  /** Shortest time between two ledgers of one gateway, ms. */
  readonly ledgerIntervalMs: number;
  /** Of the readings' topic, by partition. */
  readonly endOffsets: (signal: AbortSignal) => Promise<readonly bigint[]>;
  /** Reads the state topic's records of these partitions, oldest first. */
  readonly readState: (
    partitions: readonly number[],
    signal: AbortSignal,
    onRecord: (partition: number, key: string, value: Uint8Array | null) => void,
  ) => Promise<void>;
}

interface Owned {
  readonly engine: Engine;
  /** Of the last record processed. */
  position: Position | undefined;
}

export class Partitions {
  readonly #options: PartitionsOptions;
  #owned = new Map<number, Owned>();
  /** Of the current assignment: a flush must not go on once the partitions may be somebody else's. */
  #signal: AbortSignal = AbortSignal.abort();
  /** Flushed by the engines and not yet acknowledged by Kafka: it must go before any later offset is committed. */
  #unsent = nothingUnsent();
  #pacing: LedgerPacing;
  /** Counters of engines that were given up. */
  readonly #past = noneCounted();

  constructor(options: PartitionsOptions) {
    this.#options = options;
    this.#pacing = new LedgerPacing(options.ledgerIntervalMs);
  }

  /** Forgets what was owned and restores what is owned now; what was not committed comes again. */
  async assign({ partitions, signal }: Assignment): Promise<void> {
    const { topics, createEngine, endOffsets, readState, ledgerIntervalMs, log } = this.#options;
    for (const { engine } of this.#owned.values()) addCounters(this.#past, engine.counters);
    const numbers = partitions.get(topics.readings) ?? [];
    const owned = new Map(numbers.map(partition => [partition, { engine: createEngine(), position: undefined }]));
    this.#owned = new Map();
    this.#unsent = nothingUnsent();
    this.#pacing = new LedgerPacing(ledgerIntervalMs);
    this.#signal = signal;
    const entries = new Map<string, { partition: number; value: Uint8Array }>();
    if (numbers.length > 0) {
      await readState(numbers, signal, (partition, key, value) => {
        if (value === null) entries.delete(key);
        else entries.set(key, { partition, value });
      });
    }
    for (const [key, { partition, value }] of entries) owned.get(partition)?.engine.restore(key, value);
    const ends = entries.size > 0 ? await endOffsets(signal) : [];
    for (const [partition, { engine }] of owned) {
      const end = ends[partition];
      if (end === undefined || !engine.endsAt(Number(end))) continue;
      log.error(
        { partition },
        `${topics.readings} ends before what has been counted of it: was it made anew? Going on by the readings' own identities`,
      );
    }
    this.#owned = owned;
    log.info({ partitions: numbers.length, restored: entries.size }, 'partitions assigned');
  }

  /** @returns how many readings the records held. */
  process({ topic, partition, records }: RecordBatch): number {
    const owned = this.#owned.get(partition);
    if (owned === undefined) throw new InvariantError(`a record of partition ${partition}, which is not ours`);
    let readings = 0;
    for (const { value, headers, offset, timestampMs } of records) {
      owned.position = { topic, partition, offset };
      if (value === null) continue;
      try {
        const batch = decodeBatch(value);
        const receivedAtUs = Number(headers[readingHeaders.receivedAt]);
        owned.engine.process(
          batch,
          Number.isFinite(receivedAtUs) ? receivedAtUs : timestampMs * 1000,
          Number(offset),
          headers[readingHeaders.convertedFrom] === undefined,
        );
        readings += batch.value.length;
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error;
        // The readings sink sends it to the rejected topic; here it has nothing to count.
        this.#options.log.warn({ partition, offset: String(offset) }, `not a reading batch: ${error.message}`);
      }
    }
    return readings;
  }

  /**
   * Publishes what changed and keeps the state. While Kafka is away it tries again, with the same results, until it works
   * or the signal ends it: that of the assignment, unless the caller has a better one.
   * @returns the positions that may now be committed, and how many rows were published.
   */
  async flush(signal = this.#signal): Promise<{ positions: Position[]; rows: number }> {
    const { topics, producer, log } = this.#options;
    const positions = [...this.#owned.values()].flatMap(({ position }) => (position === undefined ? [] : [position]));
    for (const [partition, { engine }] of this.#owned) {
      const { stats, ledgers, state } = engine.flush();
      this.#pacing.hold(ledgers);
      for (const batch of stats) {
        this.#unsent.rows += batch.rows.length;
        this.#unsent.results.push({ topic: topics.stats, key: batch.gateway, value: encodeStats(batch) });
      }
      for (const [key, value] of state)
        this.#unsent.states.push({ topic: topics.processorsState, partition, key: `${partition}/${key}`, value });
    }
    for (const ledger of this.#pacing.letOut(performance.now()))
      this.#unsent.results.push({ topic: topics.ledger, key: ledger.gateway, value: encodeLedger(ledger) });
    const unsent = this.#unsent;
    try {
      await keepTrying('publishing statistics', () => sendAll(producer, unsent.results), { log, signal });
      await keepTrying('keeping the state', () => sendAll(producer, unsent.states), { log, signal });
    } catch (error) {
      // Not committed, so it comes again: to us with the next flush, or to whoever owns the partitions next.
      if (signal.aborted) return { positions: [], rows: 0 };
      throw error;
    }
    if (this.#unsent === unsent) this.#unsent = nothingUnsent();
    return { positions, rows: unsent.rows };
  }

  /** Of the gateways of the partitions owned. */
  *standings(): Generator<Standing> {
    for (const { engine } of this.#owned.values()) yield* engine.standings();
  }

  get counters(): EngineCounters {
    const sum = { ...this.#past };
    for (const { engine } of this.#owned.values()) addCounters(sum, engine.counters);
    return sum;
  }
}

function addCounters(sum: EngineCounters, one: EngineCounters): void {
  for (const name of Object.keys(one) as (keyof EngineCounters)[]) sum[name] += one[name];
}

const nothingUnsent = (): { results: OutgoingRecord[]; states: OutgoingRecord[]; rows: number } => ({
  results: [],
  states: [],
  rows: 0,
});

/** Waits for all of them to settle before it fails, so that nothing goes on behind the caller's back. */
async function sendAll(producer: Producer, records: readonly OutgoingRecord[]): Promise<void> {
  const failed = (await Promise.allSettled(records.map(record => producer.send(record)))).find(
    result => result.status === 'rejected',
  );
  if (failed) throw failed.reason;
}
