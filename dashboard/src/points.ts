/** The readings of one series as points: raw, or from the view whose buckets are fine enough. */
import type { Points, Resolution, SeriesKey } from './answers.ts';
import type { Database } from './database.ts';
import { iso, type Span } from './parameters.ts';

const minuteMs = 60_000;
const stepsMs = { '1m': minuteMs, '15m': 15 * minuteMs, '1h': 60 * minuteMs, '1d': 24 * 60 * minuteMs } as const;
type Step = keyof typeof stepsMs;
/** Beyond it a view answers faster than the raw table, however seldom the sensor sends. */
const rawSpanMs = 6 * 60 * minuteMs;

/** Width of a bucket; of `raw` the expected cadence, 0 when unknown. */
export function stepOf(resolution: Resolution, expectedMs: number | null): number {
  return resolution === 'raw' ? (expectedMs ?? 0) : stepsMs[resolution];
}

/** The finest resolution with which the span has at most `points`. */
export function resolutionFor({ from, to }: Span, expectedMs: number | null, points: number): Resolution {
  const spanMs = to - from;
  if (spanMs <= rawSpanMs && spanMs / (expectedMs ?? 1_000) <= points) return 'raw';
  return (Object.keys(stepsMs) as Step[]).find(step => spanMs / stepsMs[step] <= points) ?? '1d';
}

export interface PointsQuery {
  readonly key: SeriesKey;
  readonly span: Span;
  readonly resolution: Resolution;
  readonly expectedMs: number | null;
  /** The newest so many. */
  readonly limit: number;
}

export async function pointsOf(database: Database, query: PointsQuery): Promise<Points> {
  const stepMs = stepOf(query.resolution, query.expectedMs);
  return query.resolution === 'raw'
    ? { stepMs, ...(await rawPoints(database, query)) }
    : { stepMs, ...(await buckets(database, query, query.resolution)) };
}

interface RawRow {
  readonly ts: number;
  readonly value: number | null;
  readonly quality: number | null;
}

/** Undated readings are left out: where they would stand is not known. */
async function rawPoints(
  database: Database,
  { key: { gateway, sensor, metric }, span: { from, to }, limit }: PointsQuery,
): Promise<Omit<Points, 'stepMs'>> {
  const rows = await database.query<RawRow>(
    `SELECT ts, value, quality FROM readings
     WHERE gateway = $1 AND sensor = $2 AND metric = $3 AND ts >= $4 AND ts < $5 AND clock <> 'UNSYNCED'
     ORDER BY ts DESC LIMIT $6`,
    [gateway, sensor, metric, iso(from), iso(to), limit],
  );
  rows.reverse();
  return {
    resolution: 'raw',
    shown: 'reading',
    t: rows.map(row => row.ts),
    value: rows.map(row => row.value),
    min: [],
    max: [],
    last: [],
    count: rows.map(() => 1),
    quality: rows.map(row => row.quality ?? 0),
  };
}

interface BucketRow {
  readonly ts: number;
  readonly mean: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly last: number | null;
  readonly count: number;
}

async function buckets(
  database: Database,
  { key: { gateway, sensor, metric }, span: { from, to }, limit }: PointsQuery,
  step: Step,
): Promise<Omit<Points, 'stepMs'>> {
  const start = Math.floor(from / stepsMs[step]) * stepsMs[step];
  // A view's name is text of ours, never a caller's.
  const rows = await database.query<BucketRow>(
    `SELECT ts, sum(sum) / sum(count) AS mean, min(min) AS min, max(max) AS max, last(last) AS last, sum(count) AS count
     FROM readings_${step} WHERE gateway = $1 AND sensor = $2 AND metric = $3 AND ts >= $4 AND ts < $5 AND count > 0
     GROUP BY ts ORDER BY ts DESC LIMIT $6`,
    [gateway, sensor, metric, iso(start), iso(to), limit],
  );
  rows.reverse();
  return {
    resolution: step,
    shown: 'mean',
    t: rows.map(row => row.ts),
    value: rows.map(row => row.mean),
    min: rows.map(row => row.min),
    max: rows.map(row => row.max),
    last: rows.map(row => row.last),
    count: rows.map(row => row.count),
    quality: [],
  };
}
