import type { z } from 'zod';
import type { CompletenessCalendar, completenessAnswer } from './answers.ts';
import type { Catalog } from './catalog.ts';
import type { Database } from './database.ts';
import { type CompletenessQuery, iso, type Span, spanOf } from './parameters.ts';
import { inScope } from './places.ts';

const hourMs = 3_600_000;
const stepMs = { '1h': hourMs, '1d': 24 * hourMs } as const;
const defaultSpanMs = { '1h': 7 * 24 * hourMs, '1d': 92 * 24 * hourMs } as const;
const graceMs = 120_000;
const maxSteps = 8_000;

/**
 * How complete each hour or day of a series, gateway, zone or site is. A series is expected from its first reading on, and
 * while it is listed: one that has been silent for longer than the lookback is taken to be gone.
 */
export async function calendarOf(
  database: Database,
  catalog: Catalog,
  query: CompletenessQuery,
  lookbackMs: number,
): Promise<z.output<typeof completenessAnswer>> {
  const now = Date.now();
  await catalog.refresh(now);
  const size = stepMs[query.step];
  const asked = spanOf(query, defaultSpanMs[query.step]);
  const from = Math.floor(asked.from / size) * size;
  const to = Math.min(asked.to, now - graceMs);
  const members = [...catalog.all].flatMap(one => {
    const known = catalog.describe(one);
    const placed = { ...one, site: known?.site ?? null, zone: known?.zone ?? null };
    return inScope(placed, query) ? [{ ...one, expectedMs: known?.expectedMs ?? null }] : [];
  });
  const regular = members.filter(({ expectedMs }) => expectedMs !== null);
  const counts = new Map((await countsBy(database, query, { from, to })).map(({ ts, count }) => [ts, count]));
  const t = Array.from({ length: Math.min(maxSteps, Math.ceil((to - from) / size)) }, (_, i) => from + i * size);
  const expected = t.map(start => {
    const end = Math.min(start + size, to);
    return Math.floor(
      regular.reduce((sum, { expectedMs, first, newest }) => {
        const until = Math.min(end, newest + lookbackMs);
        return sum + Math.max(0, until - Math.max(start, first)) / expectedMs!;
      }, 0),
    );
  });
  const count = t.map(start => counts.get(start) ?? 0);
  return {
    now,
    step: query.step,
    t,
    count,
    expected,
    ratio: ratios(count, expected),
    series: members.length,
    withoutCadence: members.length - regular.length,
  };
}

const ratios = (count: readonly number[], expected: readonly number[]): CompletenessCalendar['ratio'] =>
  expected.map((wanted, i) => (wanted === 0 ? null : Math.min(1, count[i]! / wanted)));

/** Good readings a step of those series whose cadence is known. */
function countsBy(
  database: Database,
  { step, site, zone, gateway, sensor, metric }: CompletenessQuery,
  { from, to }: Span,
): Promise<{ readonly ts: number; readonly count: number }[]> {
  const values: (string | number)[] = [iso(from), iso(to)];
  const where = Object.entries({ site, zone, gateway, sensor, metric }).flatMap(([column, value]) => {
    if (value === undefined) return [];
    values.push(value);
    return [`AND s.${column} = $${values.length}`];
  });
  return database.query(
    `SELECT r.ts AS ts, sum(r.count) AS count FROM readings_${step} r
     JOIN (SELECT site, zone, gateway, sensor, metric, interval_ms FROM series LATEST ON ts PARTITION BY gateway, sensor, metric) s
       ON r.gateway = s.gateway AND r.sensor = s.sensor AND r.metric = s.metric
     WHERE r.ts >= $1 AND r.ts < $2 AND s.interval_ms > 0 ${where.join(' ')}
     GROUP BY r.ts ORDER BY r.ts`,
    values,
  );
}
