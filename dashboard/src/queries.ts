/** The SQL of the first page. Values are bound, times limited, rows bounded; names of tables and columns are the contract's. */
import type { SeriesKey } from './answers.ts';
import type { Database } from './database.ts';

/** A closed–open span of event time, Unix ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface ReadingRow extends SeriesKey {
  readonly ts: number;
  readonly site: string | null;
  readonly zone: string | null;
  readonly unit: string | null;
  readonly value: number | null;
  readonly quality: number | null;
}

export interface MinuteRow extends SeriesKey {
  readonly ts: number;
  readonly count: number;
  readonly expected: number | null;
  readonly completeness: number | null;
}

export interface StatusRow {
  readonly ts: number;
  readonly gateway: string;
  readonly site: string | null;
  readonly state: string | null;
  readonly version: string | null;
  readonly outbox_readings: number | null;
  readonly dropped: number | null;
  readonly missing: number | null;
  readonly ledger_at: number | null;
  readonly clock: string | null;
}

export interface BucketRow {
  readonly ts: number;
  readonly min: number | null;
  readonly mean: number | null;
  readonly max: number | null;
  readonly count: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** The newest reading of each series in the span. */
export function newestReadings(database: Database, { from, to }: Span, limit: number): Promise<ReadingRow[]> {
  return database.query(
    `SELECT ts, site, zone, gateway, sensor, metric, unit, value, quality FROM readings
     WHERE ts >= $1 AND ts < $2
     LATEST ON ts PARTITION BY gateway, sensor, metric
     ORDER BY gateway, sensor, metric LIMIT $3`,
    [iso(from), iso(to), limit],
  );
}

/** The last closed minute of each series in the span. */
export function closedMinutes(database: Database, { from, to }: Span, limit: number): Promise<MinuteRow[]> {
  return database.query(
    `SELECT ts, gateway, sensor, metric, count, expected, completeness FROM stats
     WHERE "window" = '1m' AND final AND ts >= $1 AND ts < $2
     LATEST ON ts PARTITION BY gateway, sensor, metric
     LIMIT $3`,
    [iso(from), iso(to), limit],
  );
}

/** The newest status of each gateway in the span. */
export function gatewayStates(database: Database, { from, to }: Span, limit: number): Promise<StatusRow[]> {
  return database.query(
    `SELECT ts, gateway, site, state, version, outbox_readings, dropped, missing, ledger_at, clock FROM gateways
     WHERE ts >= $1 AND ts < $2
     LATEST ON ts PARTITION BY gateway
     LIMIT $3`,
    [iso(from), iso(to), limit],
  );
}

/** Bucket sizes, seconds. SAMPLE BY takes no parameter, so each is text of ours and never a caller's. */
const bucketSizes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200] as const;
export type BucketSeconds = (typeof bucketSizes)[number];
const maxBuckets = 1_000;

/** The finest size with which the span has at most 1,000 buckets: about as many as a chart has pixels. */
export function bucketSecondsFor(minutes: number): BucketSeconds {
  return bucketSizes.find(size => (minutes * 60) / size <= maxBuckets) ?? bucketSizes.at(-1)!;
}

/** Lowest, mean and highest value of each bucket that holds a reading; buckets start at whole multiples of their size. */
export function buckets(
  database: Database,
  { gateway, sensor, metric }: SeriesKey,
  { from, to }: Span,
  size: BucketSeconds,
): Promise<BucketRow[]> {
  return database.query(
    `SELECT ts, min(value) AS min, avg(value) AS mean, max(value) AS max, count() AS count FROM readings
     WHERE gateway = $1 AND sensor = $2 AND metric = $3 AND ts >= $4 AND ts < $5
     SAMPLE BY ${size}s ALIGN TO CALENDAR LIMIT $6`,
    [gateway, sensor, metric, iso(from), iso(to), maxBuckets + 2],
  );
}
