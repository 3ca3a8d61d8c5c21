import type { SeriesKey } from './answers.ts';
import { seriesId } from './catalog.ts';
import type { Database } from './database.ts';
import { iso, type Span } from './parameters.ts';

export interface NewestRow extends SeriesKey {
  readonly at: number;
  readonly site: string | null;
  readonly zone: string | null;
  readonly unit: string | null;
  readonly value: number | null;
  readonly quality: number | null;
}

/** What every refresh looks at. Anything else is found by the full search. */
const recentMs = 10 * 60_000;
const fullSearchMs = 60_000;
/** Gateways' clocks may be this fast; rows dated further ahead (a wrong clock) are no newest values. */
export const clockSlackMs = 60_000;

/** The newest reading of every series: the last minutes at each refresh, the whole lookback once a minute. */
export class NewestReadings {
  readonly #database: Database;
  readonly #lookbackMs: number;
  readonly #maxSeries: number;
  #rows = new Map<string, NewestRow>();
  #searchedAt = Number.NEGATIVE_INFINITY;

  constructor(database: Database, lookbackMs: number, maxSeries: number) {
    this.#database = database;
    this.#lookbackMs = lookbackMs;
    this.#maxSeries = maxSeries;
  }

  /** Sorted by gateway, sensor, metric. `truncated`: there are more series than `maxSeries`. */
  async refresh(now: number): Promise<{ rows: NewestRow[]; truncated: boolean }> {
    const full = now - this.#searchedAt >= fullSearchMs;
    const to = now + clockSlackMs;
    const limit = this.#maxSeries + 1;
    const [recent, older] = await Promise.all([
      newest(this.#database, 'readings_1m', { from: now - recentMs, to }, limit),
      full ? newest(this.#database, 'readings_1h', { from: now - this.#lookbackMs, to }, limit) : [],
    ]);
    if (full) {
      this.#rows = new Map();
      this.#searchedAt = now;
    }
    for (const row of [...older, ...recent]) {
      const id = seriesId(row);
      // An hour's newest may be dated ahead; the minutes have what came before it.
      if (row.at < to && row.at >= (this.#rows.get(id)?.at ?? 0)) this.#rows.set(id, row);
    }
    const ids = [...this.#rows.keys()].sort();
    return {
      rows: ids.slice(0, this.#maxSeries).map(id => this.#rows.get(id)!),
      truncated: ids.length > this.#maxSeries,
    };
  }
}

function newest(
  database: Database,
  view: 'readings_1m' | 'readings_1h',
  { from, to }: Span,
  limit: number,
): Promise<NewestRow[]> {
  return database.query(
    `SELECT cast(newest_ts AS LONG) / 1000 AS at, site, zone, gateway, sensor, metric, unit, newest AS value, newest_quality AS quality
     FROM ${view} WHERE ts >= $1 AND ts < $2
     LATEST ON ts PARTITION BY gateway, sensor, metric LIMIT $3`,
    [iso(from), iso(to), limit],
  );
}
