/** A task with what Kafka would keep of it: committed results and state, and input that comes again after a kill. */
import type { IncomingRecord, OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import { type Batch, decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import { decodeLedger, type GatewayLedger } from '@millrace/wire/ledger.ts';
import { type GatewayId, kafkaTopics, lateHeaders, readingHeaders } from '@millrace/wire/names.ts';
import { decodeStats, type StatsRow } from '@millrace/wire/stats.ts';
import { ReadingsTask, type ReadingsTaskOptions } from '../src/readings-task.ts';
import type { FlushClock } from '../src/task.ts';
import { parseWindows } from '../src/windows.ts';

export const minuteUs = 60_000_000;
export const hourUs = 3_600_000_000;
/** The start of an hour. */
export const baseUs = 1_790_000_000_000_000 - (1_790_000_000_000_000 % hourUs);
const topics = kafkaTopics('');

export const defaults: ReadingsTaskOptions = {
  partition: 0,
  topics,
  windows: parseWindows(['1m']),
  quantiles: true,
  counters: ['*_total'],
  earlyIntervalMs: 0,
  keepUs: 5 * minuteUs,
  maxHoldUs: 10 * hourUs,
  maxAheadUs: 10 * minuteUs,
  ledgerIntervalMs: 0,
  limits: { seriesPerGateway: 2000, panesPerGateway: 100_000, panes: 1_000_000 },
};

export const series = { sensor: 's', metric: 'm', unit: '1', intervalMs: 10_000, zone: '' };

/** @param readings of one series, times from `baseUs`. */
export function batchOf(
  firstSeq: number,
  readings: readonly (readonly [timeUs: number, value: number])[],
  more: Partial<Batch> = {},
): Batch {
  return {
    gateway: 'g' as GatewayId,
    site: 'town',
    boot: 1,
    firstSeq,
    series: [series],
    clock: 1,
    // A batch without a reading, a drop or a claim is none.
    completeThroughUs: 0,
    dropped: [],
    seriesIndex: readings.map(() => 0),
    timeUs: readings.map(([time]) => baseUs + time),
    value: readings.map(([, value]) => value),
    quality: readings.map(() => 0),
    ...more,
  };
}

export interface Arrival {
  readonly batch: Batch;
  readonly receivedAtUs: number;
  /** False: SenML. */
  readonly sequenced?: boolean;
}

/** A row with its place: rows of one place replace each other. */
export interface PlacedRow extends StatsRow {
  readonly place: string;
  readonly window: string;
  readonly gateway: string;
}

export interface LateReading {
  readonly reason: string;
  readonly gateway: string;
  readonly boot: number;
  readonly seq: number;
  readonly timeUs: number;
  readonly value: number;
}

export class Lab {
  readonly #options: ReadingsTaskOptions;
  /** What was processed since the last commit. */
  #uncommitted: IncomingRecord[] = [];
  #offset = 0n;
  /** The compacted state topic. */
  readonly state = new Map<string, Uint8Array>();
  /** Bytes of state written, each time anew. */
  stateBytes = 0;
  /** All rows committed, in order. */
  readonly rows: PlacedRow[] = [];
  readonly late: LateReading[] = [];
  /** Which commit each of the rows, and of the late readings, came with. */
  readonly rowCommits: number[] = [];
  readonly lateCommits: number[] = [];
  #commits = 0;
  readonly ledgers: GatewayLedger[] = [];
  task: ReadingsTask;

  constructor(options: Partial<ReadingsTaskOptions> = {}) {
    this.#options = { ...defaults, ...options };
    this.task = new ReadingsTask(this.#options);
  }

  /** As the next record of the partition. */
  feed({ batch, receivedAtUs, sequenced = true }: Arrival): void {
    const record: IncomingRecord = {
      offset: this.#offset++,
      key: batch.gateway,
      value: encodeBatch(batch),
      headers: {
        [readingHeaders.receivedAt]: String(receivedAtUs),
        ...(sequenced ? {} : { [readingHeaders.convertedFrom]: 'senml' }),
      },
      timestampMs: Math.floor(receivedAtUs / 1000),
    };
    this.#uncommitted.push(record);
    this.task.process(record);
  }

  /** @returns the rows of this commit. */
  commit(clock: FlushClock): readonly PlacedRow[] {
    const { results, state } = this.task.flush(clock);
    for (const [key, value] of state) {
      this.stateBytes += key.length + (value?.length ?? 0);
      if (value === null) this.state.delete(key);
      else this.state.set(key, value);
    }
    const from = this.rows.length;
    this.#commits++;
    for (const record of results) this.#read(record);
    this.#uncommitted = [];
    return this.rows.slice(from);
  }

  /** The task is thrown away, and another takes its state over; what was not committed comes again. */
  kill(options: Partial<ReadingsTaskOptions> = {}): void {
    this.task = new ReadingsTask({ ...this.#options, ...options });
    for (const [key, value] of this.state) this.task.restore(key, value);
    for (const record of this.#uncommitted) this.task.process(record);
  }

  /** The newest row of each place, as an upserting table would hold it. */
  table(): Map<string, PlacedRow> {
    return new Map(this.rows.map(row => [row.place, row]));
  }

  #read({ topic, value, headers }: OutgoingRecord): void {
    if (topic === topics.stats) {
      const { window, gateway, rows } = decodeStats(value!);
      for (const row of rows) {
        const { sensor, metric } = row.series;
        this.rows.push({ ...row, window, gateway, place: placeOf(window, gateway, sensor, metric, row.startUs) });
        this.rowCommits.push(this.#commits);
      }
    } else if (topic === topics.late) {
      const { gateway, boot, firstSeq, timeUs, value: values } = decodeBatch(value!);
      const reason = headers![lateHeaders.reason]!;
      for (const [i, time] of timeUs.entries()) {
        this.late.push({ reason, gateway, boot, seq: firstSeq + i, timeUs: time, value: values[i]! });
        this.lateCommits.push(this.#commits);
      }
    } else if (topic === topics.ledger) this.ledgers.push(decodeLedger(value!));
  }
}

export const placeOf = (window: string, gateway: string, sensor: string, metric: string, startUs: number): string =>
  `${window} ${gateway} ${sensor} ${metric} ${(startUs - baseUs) / minuteUs}`;

/** A clock at this time after `baseUs`; the monotonic one is as far. */
export const clockAt = (us: number): FlushClock => ({ nowUs: baseUs + us, monotonicMs: us / 1000 });
