import type { Completeness, SeriesKey } from './answers.ts';
import { type Catalog, seriesId } from './catalog.ts';
import type { Database } from './database.ts';
import { iso, type Span } from './parameters.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** What was taken in the last two minutes may be on its way without anything being wrong. */
const graceMs = 2 * minuteMs;

/** Good readings of each series in the last full hour: asked once a minute, for it moves on by whole minutes. */
export class LastHour {
  readonly #database: Database;
  readonly #catalog: Catalog;
  readonly #maxSeries: number;
  #span: Span = { from: 0, to: 0 };
  #counts = new Map<string, number>();

  constructor(database: Database, catalog: Catalog, maxSeries: number) {
    this.#database = database;
    this.#catalog = catalog;
    this.#maxSeries = maxSeries;
  }

  async refresh(now: number): Promise<void> {
    const to = Math.floor((now - graceMs) / minuteMs) * minuteMs;
    if (to === this.#span.to) return;
    const span = { from: to - hourMs, to };
    const rows = await counts(this.#database, span, this.#maxSeries);
    this.#counts = new Map(rows.map(row => [seriesId(row), row.count]));
    this.#span = span;
  }

  /** Null when the cadence is unknown, or the series is too new to say. */
  of(key: SeriesKey): Completeness | null {
    const expectedMs = this.#catalog.describe(key)?.expectedMs;
    const first = this.#catalog.lifetime(key)?.first;
    if (expectedMs === undefined || expectedMs === null || first === undefined) return null;
    const { from, to } = within(this.#span, first);
    return completenessOf(from, to, this.#counts.get(seriesId(key)) ?? 0, (to - from) / expectedMs);
  }
}

/** The span without what was before the first reading. */
export const within = ({ from, to }: Span, first: number): Span => ({ from: Math.max(from, first), to });

/** Null when nothing was to come. A series may send a little more often than it says: never above 1. */
export function completenessOf(from: number, to: number, count: number, expected: number): Completeness | null {
  const whole = Math.floor(expected + 1e-9);
  return whole < 1 ? null : { from, to, count, expected: whole, ratio: Math.min(1, count / whole) };
}

/** Of several: what one sent too much does not hide what another lacks. */
export function sumOf(parts: Iterable<Completeness | null>): Completeness | null {
  let sum: Completeness | null = null;
  for (const part of parts) {
    if (part === null) continue;
    const before: Completeness = sum ?? { ...part, count: 0, expected: 0 };
    const count = before.count + Math.min(part.count, part.expected);
    const expected = before.expected + part.expected;
    const from = Math.min(part.from, before.from);
    sum = { from, to: part.to, count, expected, ratio: count / expected };
  }
  return sum;
}

function counts(
  database: Database,
  { from, to }: Span,
  limit: number,
): Promise<(SeriesKey & { readonly count: number })[]> {
  return database.query(
    `SELECT gateway, sensor, metric, sum(count) AS count FROM readings_1m
     WHERE ts >= $1 AND ts < $2 GROUP BY gateway, sensor, metric LIMIT $3`,
    [iso(from), iso(to), limit],
  );
}
