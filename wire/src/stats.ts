/** `StatsBatch`: rows of window statistics of one gateway, in columns. */

import { millrace } from '../gen/millrace.js';
import type { Series } from './batch.ts';
import { decode } from './decode.ts';
import { type GatewayId, gatewayRule, isGatewayId } from './names.ts';
import { RejectedError } from './rejected.ts';

/** One window of one series. `null` where a statistic is not computed or not defined. */
export interface StatsRow {
  readonly series: Series;
  /** Start of the window, µs since the Unix epoch. */
  readonly startUs: number;
  readonly count: number;
  /** Readings that the cadence asks for; 0 unknown. */
  readonly expected: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Sample standard deviation (n − 1). */
  readonly stddev: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Increase a second of a counter that may reset; null for what is no counter. */
  readonly rate: number | null;
  readonly first: number;
  readonly last: number;
  readonly revision: number;
  readonly final: boolean;
}

export interface StatsBatch {
  readonly gateway: GatewayId;
  readonly site: string;
  /** Size and step of the windows: `1m`, `5m/1m`. */
  readonly window: string;
  readonly rows: readonly StatsRow[];
}

const nan = (value: number | null): number => value ?? Number.NaN;
const nullable = (value: number | undefined): number | null =>
  value === undefined || Number.isNaN(value) ? null : value;

export function encodeStats({ gateway, site, window, rows }: StatsBatch): Uint8Array {
  const index = new Map<Series, number>();
  for (const { series } of rows) if (!index.has(series)) index.set(series, index.size);
  return millrace.v1.StatsBatch.encode({
    gateway,
    site,
    window,
    series: [...index.keys()],
    seriesIndex: rows.map(row => index.get(row.series)!),
    startUs: rows.map(row => row.startUs),
    count: rows.map(row => row.count),
    expected: rows.map(row => row.expected),
    mean: rows.map(row => row.mean),
    min: rows.map(row => row.min),
    max: rows.map(row => row.max),
    stddev: rows.map(row => nan(row.stddev)),
    p50: rows.map(row => nan(row.p50)),
    p95: rows.map(row => nan(row.p95)),
    p99: rows.map(row => nan(row.p99)),
    rate: rows.map(row => nan(row.rate)),
    first: rows.map(row => row.first),
    last: rows.map(row => row.last),
    revision: rows.map(row => row.revision),
    final: rows.map(row => row.final),
  }).finish();
}

/** @throws {RejectedError} when the bytes are not a StatsBatch or its columns differ in length. */
export function decodeStats(bytes: Uint8Array): StatsBatch {
  const raw = decode('StatsBatch', bytes, reader => millrace.v1.StatsBatch.decode(reader));
  if (!isGatewayId(raw.gateway)) throw new RejectedError('gateway', gatewayRule);
  const rows = raw.seriesIndex.length;
  for (const field of [
    'startUs',
    'count',
    'expected',
    'mean',
    'min',
    'max',
    'stddev',
    'p50',
    'p95',
    'p99',
    'first',
    'last',
    'revision',
    'final',
  ] as const) {
    if (raw[field].length !== rows) throw new RejectedError(field, `${raw[field].length} entries for ${rows} rows`);
  }
  // Batches of the first versions have no rates.
  if (raw.rate.length !== rows && raw.rate.length !== 0)
    throw new RejectedError('rate', `${raw.rate.length} entries for ${rows} rows`);
  const series = raw.series.map(({ sensor, metric, unit, intervalMs, zone, lat, lon }) => ({
    sensor: sensor ?? '',
    metric: metric ?? '',
    unit: unit ?? '',
    intervalMs: intervalMs ?? 0,
    zone: zone ?? '',
    ...(lat != null && lon != null ? { lat, lon } : {}),
  }));
  return {
    gateway: raw.gateway,
    site: raw.site,
    window: raw.window,
    rows: raw.seriesIndex.map((at, i) => {
      const one = series[at];
      if (one === undefined) throw new RejectedError(`series_index[${i}]`, `${at} of ${series.length} series`);
      return {
        series: one,
        startUs: raw.startUs[i]!,
        count: raw.count[i]!,
        expected: raw.expected[i]!,
        mean: raw.mean[i]!,
        min: raw.min[i]!,
        max: raw.max[i]!,
        stddev: nullable(raw.stddev[i]),
        p50: nullable(raw.p50[i]),
        p95: nullable(raw.p95[i]),
        p99: nullable(raw.p99[i]),
        rate: nullable(raw.rate[i]),
        first: raw.first[i]!,
        last: raw.last[i]!,
        revision: raw.revision[i]!,
        final: raw.final[i]!,
      };
    }),
  };
}
