import type { Completeness, Points, Range, Resolution, SeriesKey } from './answers.ts';
import type { Catalog } from './catalog.ts';
import type { Database } from './database.ts';
import { completenessOf, within } from './last-hour.ts';
import { clockSlackMs } from './newest.ts';
import { iso, type RangeQuery, type Selection, type Span, spanOf } from './parameters.ts';
import { pointsOf, resolutionFor, stepOf } from './points.ts';
import { SharedResults } from './shared-results.ts';

/** The history of one series, with what it lacks. */
export interface Ranges {
  whole(query: RangeQuery): Promise<Range>;
  /** The newest points, which still change: what a live chart adds at each refresh. */
  tail(selection: Selection): Promise<Points>;
}

const maxKeys = 200;
const minuteMs = 60_000;
const defaultSpanMs = 24 * 60 * minuteMs;
/** The bucket in progress and the one before, where readings that took a while to arrive still come in. */
const tailBuckets = 2;
const minTailMs = 20_000;
const maxTailPoints = 2_000;
/** What is younger may be on its way without anything being wrong. */
const graceMs = 10_000;

export function openRanges(database: Database, catalog: Catalog, refreshMs: number): Ranges {
  const wholes = new SharedResults<Range>(refreshMs * 0.9, maxKeys);
  const tails = new SharedResults<Points>(refreshMs * 0.9, maxKeys);

  return {
    whole: query => wholes.get(JSON.stringify(query), () => range(database, catalog, query)),
    tail: ({ gateway, sensor, metric, resolution }) =>
      tails.get(JSON.stringify([gateway, sensor, metric, resolution]), () => {
        const key = { gateway, sensor, metric };
        const now = Date.now();
        const expectedMs = catalog.describe(key)?.expectedMs ?? null;
        const chosen: Resolution = resolution === 'auto' ? 'raw' : resolution;
        const tailMs = Math.max(minTailMs, tailBuckets * stepOf(chosen, expectedMs));
        const span = { from: now - tailMs, to: now + clockSlackMs };
        return pointsOf(database, { key, span, resolution: chosen, expectedMs, limit: maxTailPoints });
      }),
  };
}

async function range(database: Database, catalog: Catalog, query: RangeQuery): Promise<Range> {
  const now = Date.now();
  const key: SeriesKey = { gateway: query.gateway, sensor: query.sensor, metric: query.metric };
  await catalog.refresh(now);
  const expectedMs = catalog.describe(key)?.expectedMs ?? null;
  const asked = spanOf(query, defaultSpanMs);
  // A span that reaches the present shows what a clock a little fast dated just ahead of it.
  const span = query.to === undefined ? { from: asked.from, to: now + clockSlackMs } : asked;
  const resolution = query.resolution === 'auto' ? resolutionFor(asked, expectedMs, query.points) : query.resolution;
  const limit = query.points + 1;
  const [points, quantiles] = await Promise.all([
    pointsOf(database, { key, span, resolution, expectedMs, limit }),
    quantilesOf(database, key, span, resolution, limit),
  ]);
  const truncated = points.t.length === limit;
  return {
    ...points,
    now,
    from: asked.from,
    to: asked.to,
    unit: catalog.describe(key)?.unit ?? null,
    gapMs: gapMs(points, expectedMs),
    quantiles,
    completeness: truncated ? null : completeness(points, asked, now, expectedMs, catalog.lifetime(key)?.first),
    truncated,
  };
}

/** Points further apart are not joined: three times the cadence, or of a series without one, of their usual distance. */
function gapMs({ t, stepMs }: Points, expectedMs: number | null): number {
  if (expectedMs !== null) return 3 * Math.max(stepMs, expectedMs);
  const distances = t.slice(1).map((at, i) => at - t[i]!);
  const median = distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)] ?? stepMs;
  return 3 * Math.max(stepMs, median);
}

/** Of the part of the span in which readings were to come; buckets count whole, so it begins where the first one does. */
function completeness(
  { resolution, stepMs, t, count, quality }: Points,
  { from, to }: Span,
  now: number,
  expectedMs: number | null,
  first: number | undefined,
): Completeness | null {
  if (expectedMs === null || first === undefined) return null;
  const step = resolution === 'raw' ? 1 : stepMs;
  const begin = within({ from: Math.floor(from / step) * step, to }, first).from;
  const end = Math.min(to, now - graceMs - expectedMs);
  const good = count.reduce((sum, n, i) => sum + (quality[i] !== 2 && t[i]! < end ? n : 0), 0);
  return completenessOf(begin, end, good, (end - begin) / expectedMs);
}

interface QuantileRow {
  readonly end_ms: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** Of minutes for minutes; for what is longer, of the rolling hour at each quarter or hour; days have none. */
async function quantilesOf(
  database: Database,
  { gateway, sensor, metric }: SeriesKey,
  { from, to }: Span,
  resolution: Resolution,
  limit: number,
): Promise<Range['quantiles']> {
  if (resolution === 'raw' || resolution === '1d') return null;
  const window = resolution === '1m' ? '1m' : '1h/5m';
  const sizeMs = resolution === '1m' ? minuteMs : 60 * minuteMs;
  const everyMinutes = { '1m': 1, '15m': 15, '1h': 60 }[resolution];
  const rows = await database.query<QuantileRow>(
    `SELECT cast(ts AS LONG) / 1000 + $1 AS end_ms, p50, p95, p99 FROM stats
     WHERE "window" = $2 AND gateway = $3 AND sensor = $4 AND metric = $5 AND ts >= $6 AND ts < $7
       AND minute(ts) % ${everyMinutes} = 0 AND p50 IS NOT NULL ORDER BY ts DESC LIMIT $8`,
    [sizeMs, window, gateway, sensor, metric, iso(from - sizeMs), iso(to), limit],
  );
  rows.reverse();
  return {
    window,
    t: rows.map(row => row.end_ms),
    p50: rows.map(row => row.p50),
    p95: rows.map(row => row.p95),
    p99: rows.map(row => row.p99),
  };
}
