import type { SeriesKey } from './answers.ts';
import type { Database } from './database.ts';
import { iso } from './parameters.ts';

/** What is known of a series beside its values. */
export interface Description {
  readonly site: string | null;
  readonly zone: string | null;
  readonly unit: string | null;
  readonly expectedMs: number | null;
  readonly lat: number | null;
  readonly lon: number | null;
}

/** First and newest reading of a series, Unix ms. */
export interface Lifetime {
  readonly first: number;
  readonly newest: number;
}

interface DescriptionRow extends SeriesKey, Omit<Description, 'expectedMs'> {
  readonly interval_ms: number | null;
}

interface LifetimeRow extends SeriesKey {
  readonly first_ms: number;
  readonly newest_ms: number;
}

export const seriesId = ({ gateway, sensor, metric }: SeriesKey): string => `${gateway}\n${sensor}\n${metric}`;

const descriptionsEveryMs = 15_000;
const lifetimesEveryMs = 300_000;

/** What series there are: their descriptions, and since when each has sent. Changes seldom, and is asked for seldom. */
export class Catalog {
  readonly #database: Database;
  readonly #maxSeries: number;
  #descriptions = new Map<string, SeriesKey & Description>();
  #lifetimes = new Map<string, SeriesKey & Lifetime>();
  #describedAt = Number.NEGATIVE_INFINITY;
  #datedAt = Number.NEGATIVE_INFINITY;

  constructor(database: Database, maxSeries: number) {
    this.#database = database;
    this.#maxSeries = maxSeries;
  }

  async refresh(now: number): Promise<void> {
    if (now - this.#describedAt >= descriptionsEveryMs) {
      const rows = await descriptions(this.#database, this.#maxSeries);
      this.#descriptions = new Map(
        rows.map(({ interval_ms: interval, ...row }) => [
          seriesId(row),
          { ...row, expectedMs: interval !== null && interval > 0 ? interval : null },
        ]),
      );
      this.#describedAt = now;
    }
    const strangers = [...this.#descriptions.keys()].some(id => !this.#lifetimes.has(id));
    if (now - this.#datedAt >= (strangers ? descriptionsEveryMs : lifetimesEveryMs)) {
      const rows = await lifetimes(this.#database, now, this.#maxSeries);
      this.#lifetimes = new Map(
        rows.map(({ first_ms: first, newest_ms: newest, ...key }) => [seriesId(key), { ...key, first, newest }]),
      );
      this.#datedAt = now;
    }
  }

  describe(key: SeriesKey): Description | undefined {
    return this.#descriptions.get(seriesId(key));
  }

  lifetime(key: SeriesKey): Lifetime | undefined {
    return this.#lifetimes.get(seriesId(key));
  }

  /** Of every series that has sent. */
  get all(): Iterable<SeriesKey & Lifetime> {
    return this.#lifetimes.values();
  }
}

function descriptions(database: Database, limit: number): Promise<DescriptionRow[]> {
  return database.query(
    `SELECT site, zone, gateway, sensor, metric, unit, interval_ms, lat, lon FROM series
     LATEST ON ts PARTITION BY gateway, sensor, metric LIMIT $1`,
    [limit],
  );
}

function lifetimes(database: Database, now: number, limit: number): Promise<LifetimeRow[]> {
  return database.query(
    `SELECT gateway, sensor, metric, cast(min(oldest_ts) AS LONG) / 1000 AS first_ms, cast(max(newest_ts) AS LONG) / 1000 AS newest_ms
     FROM readings_1d WHERE ts < $1 GROUP BY gateway, sensor, metric LIMIT $2`,
    [iso(now), limit],
  );
}
