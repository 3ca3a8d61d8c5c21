import type { SeriesKey } from './answers.ts';
import type { Database } from './database.ts';
import { newestReadings, type ReadingRow } from './queries.ts';

/** What every refresh looks at. Anything else is found by the full search. */
const recentMs = 10 * 60_000;
const fullSearchMs = 60_000;
/** Gateways' clocks may be this fast; rows dated further ahead (a wrong clock) are no newest values. */
export const clockSlackMs = 60_000;

export const seriesId = ({ gateway, sensor, metric }: SeriesKey): string => `${gateway}\n${sensor}\n${metric}`;

/**
 * The newest reading of every series. LATEST ON reads backwards until it has met every series, hence through the whole
 * lookback as soon as one is silent: that is done once a minute, and between it only the last minutes are read.
 */
export class NewestReadings {
  readonly #database: Database;
  readonly #lookbackMs: number;
  readonly #maxSeries: number;
  #rows = new Map<string, ReadingRow>();
  #searchedAt = Number.NEGATIVE_INFINITY;

  constructor(database: Database, lookbackMs: number, maxSeries: number) {
    this.#database = database;
    this.#lookbackMs = lookbackMs;
    this.#maxSeries = maxSeries;
  }

  /** Sorted by gateway, sensor, metric. `truncated`: there are more series than `maxSeries`. */
  async refresh(now: number): Promise<{ rows: ReadingRow[]; truncated: boolean }> {
    const full = now - this.#searchedAt >= fullSearchMs;
    const from = now - (full ? this.#lookbackMs : recentMs);
    const found = await newestReadings(this.#database, { from, to: now + clockSlackMs }, this.#maxSeries + 1);
    if (full) {
      this.#rows = new Map(found.map(row => [seriesId(row), row]));
      this.#searchedAt = now;
    } else for (const row of found) this.#rows.set(seriesId(row), row);
    const ids = [...this.#rows.keys()].sort();
    return {
      rows: ids.slice(0, this.#maxSeries).map(id => this.#rows.get(id)!),
      truncated: ids.length > this.#maxSeries,
    };
  }
}
