import type { z } from 'zod';
import type { Gap, gapsAnswer } from './answers.ts';
import type { Catalog } from './catalog.ts';
import type { Database } from './database.ts';
import { type GapsQuery, iso, type Span, spanOf } from './parameters.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const defaultSpanMs = 7 * dayMs;
/** Longer spans are looked at by quarters of an hour. */
const byMinuteMs = 31 * dayMs;
const maxGaps = 1_000;
const maxRows = 60_000;

/** First and last reading of a bucket, Unix ms. */
interface Stretch {
  readonly first_ms: number;
  readonly last_ms: number;
}

/** Where a series is silent for longer than its cadence explains; a gap within one bucket does not show. */
export async function gapsOf(
  database: Database,
  catalog: Catalog,
  query: GapsQuery,
): Promise<z.output<typeof gapsAnswer>> {
  const now = Date.now();
  await catalog.refresh(now);
  const { gateway, sensor, metric } = query;
  const key = { gateway, sensor, metric };
  const asked = spanOf(query, defaultSpanMs);
  const expectedMs = catalog.describe(key)?.expectedMs ?? null;
  const first = catalog.lifetime(key)?.first;
  const span = { from: Math.max(asked.from, first ?? asked.from), to: Math.min(asked.to, now) };
  const view = span.to - span.from <= byMinuteMs ? 'readings_1m' : 'readings_15m';
  const bucketMs = view === 'readings_1m' ? minuteMs : 15 * minuteMs;
  const stretches = await stretchesOf(database, view, span, { gateway, sensor, metric });
  const atLeastMs = Math.max(bucketMs, 3 * (expectedMs ?? usualDistance(stretches)));
  const silences = first === undefined ? [] : silencesIn(stretches, span, atLeastMs, now);
  const ofGateway =
    silences.length === 0
      ? []
      : await stretchesOf(database, view, span, { gateway, sensor: undefined, metric: undefined });
  const gaps = silences.slice(0, maxGaps).map(
    ({ from, to }): Gap => ({
      from,
      to,
      missing: expectedMs === null ? null : Math.max(0, Math.round((to - from) / expectedMs) - 1),
      silent: ofGateway.some(stretch => reachesInto(stretch, { from, to })) ? 'sensor' : 'gateway',
      open: to === now,
    }),
  );
  return { now, ...span, atLeastMs, gaps, truncated: silences.length > maxGaps || stretches.length === maxRows };
}

function silencesIn(stretches: readonly Stretch[], { from, to }: Span, atLeastMs: number, now: number): Span[] {
  const edges = [{ last_ms: from }, ...stretches];
  const next = [...stretches.map(({ first_ms }) => first_ms), to];
  return edges
    .map(({ last_ms }, i) => ({ from: last_ms, to: next[i]! }))
    .filter(gap => gap.to - gap.from > atLeastMs + (gap.to === now ? minuteMs : 0));
}

/** Others of the gateway were heard in the middle of it; their last word may come a little after this one's. */
function reachesInto({ first_ms, last_ms }: Stretch, { from, to }: Span): boolean {
  const margin = Math.min(30_000, (to - from) / 4);
  return [first_ms, last_ms].some(at => at > from + margin && at < to - margin);
}

function usualDistance(stretches: readonly Stretch[]): number {
  const distances = stretches.slice(1).map(({ first_ms }, i) => first_ms - stretches[i]!.last_ms);
  return distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)] ?? minuteMs;
}

function stretchesOf(
  database: Database,
  view: 'readings_1m' | 'readings_15m',
  { from, to }: Span,
  { gateway, sensor, metric }: { gateway: string; sensor: string | undefined; metric: string | undefined },
): Promise<Stretch[]> {
  const own = sensor !== undefined && metric !== undefined;
  return database.query(
    `SELECT cast(min(oldest_ts) AS LONG) / 1000 AS first_ms, cast(max(newest_ts) AS LONG) / 1000 AS last_ms FROM ${view}
     WHERE gateway = $1 AND ts >= $2 AND ts < $3 ${own ? 'AND sensor = $5 AND metric = $6' : ''}
     GROUP BY ts ORDER BY ts LIMIT $4`,
    [gateway, iso(from - 15 * minuteMs), iso(to), maxRows, ...(own ? [sensor, metric] : [])],
  );
}
