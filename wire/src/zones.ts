/** `ZonePartBatch` and `ZoneStatsBatch`: what is known of all sensors of a zone, by metric and window. */

import { millrace } from '../gen/millrace.js';
import { decode } from './decode.ts';
import { RejectedError } from './rejected.ts';

/** Sensors of one metric in one zone. Units differ: they are never mixed in one number. */
export interface ZoneMetric {
  readonly site: string;
  readonly zone: string;
  readonly metric: string;
  /** UCUM. */
  readonly unit: string;
}

interface ZoneCounts {
  /** Start of the window, µs since the Unix epoch. */
  readonly startUs: number;
  /** Sensors with at least one reading in it. */
  readonly sensors: number;
  /** Sensors that the zone is known to have. */
  readonly sensorsExpected: number;
  readonly count: number;
  /** Readings that the cadences ask for; 0 unknown. */
  readonly expected: number;
  /** Of all readings. */
  readonly mean: number;
  /** Of the sensors' means, each sensor alike. */
  readonly meanOfMeans: number;
  readonly min: number;
  readonly max: number;
  readonly revision: number;
  readonly final: boolean;
}

export interface ZonePart extends ZoneCounts {
  /** A DDSketch in the processors' own form; empty: not computed. */
  readonly sketch: Uint8Array;
}

export interface ZonePartBatch extends ZoneMetric {
  /** Partition of the readings. */
  readonly source: number;
  /** The source's parts of windows that start before it change no more, µs since the Unix epoch; 0 not known. */
  readonly settledThroughUs: number;
  readonly parts: readonly ZonePart[];
}

export interface ZoneStatsRow extends ZoneCounts {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface ZoneStatsBatch extends ZoneMetric {
  /** Size of the windows: `1m`. */
  readonly window: string;
  readonly rows: readonly ZoneStatsRow[];
}

/** Key of records about it: all of them are in one partition. */
export const zoneKey = ({ site, zone, metric, unit }: ZoneMetric): string => JSON.stringify([site, zone, metric, unit]);

export function encodeZoneParts(batch: ZonePartBatch): Uint8Array {
  return millrace.v1.ZonePartBatch.encode({ ...batch, parts: [...batch.parts] }).finish();
}

/** @throws {RejectedError} */
export function decodeZoneParts(bytes: Uint8Array): ZonePartBatch {
  const raw = decode('ZonePartBatch', bytes, reader => millrace.v1.ZonePartBatch.decode(reader));
  const { site, zone, metric, unit, source, settledThroughUs } = raw;
  return {
    site,
    zone,
    metric,
    unit,
    source,
    settledThroughUs,
    // Field by field: what equals its default is not among a message's own properties.
    parts: (raw.parts as millrace.v1.ZonePart[]).map(part => ({
      startUs: part.startUs,
      sensors: part.sensors,
      sensorsExpected: part.sensorsExpected,
      count: part.count,
      expected: part.expected,
      mean: part.mean,
      meanOfMeans: part.meanOfMeans,
      min: part.min,
      max: part.max,
      sketch: part.sketch,
      revision: part.revision,
      final: part.final,
    })),
  };
}

const columns = [
  'startUs',
  'sensors',
  'sensorsExpected',
  'count',
  'expected',
  'mean',
  'meanOfMeans',
  'min',
  'max',
  'p50',
  'p95',
  'p99',
  'revision',
  'final',
] as const;

export function encodeZoneStats({ rows, ...of }: ZoneStatsBatch): Uint8Array {
  const column = <Name extends (typeof columns)[number]>(name: Name): NonNullable<ZoneStatsRow[Name]>[] =>
    rows.map(row => (row[name] ?? Number.NaN) as NonNullable<ZoneStatsRow[Name]>);
  return millrace.v1.ZoneStatsBatch.encode({
    ...of,
    ...(Object.fromEntries(columns.map(name => [name, column(name)])) as millrace.v1.ZoneStatsBatch.$Properties),
  }).finish();
}

/** @throws {RejectedError} when the bytes are not a ZoneStatsBatch or its columns differ in length. */
export function decodeZoneStats(bytes: Uint8Array): ZoneStatsBatch {
  const raw = decode('ZoneStatsBatch', bytes, reader => millrace.v1.ZoneStatsBatch.decode(reader));
  const count = raw.startUs.length;
  for (const name of columns)
    if (raw[name].length !== count) throw new RejectedError(name, `${raw[name].length} entries for ${count} rows`);
  const nullable = (value: number): number | null => (Number.isNaN(value) ? null : value);
  const { site, zone, metric, unit, window } = raw;
  return {
    site,
    zone,
    metric,
    unit,
    window,
    rows: raw.startUs.map((startUs, i) => ({
      startUs,
      sensors: raw.sensors[i]!,
      sensorsExpected: raw.sensorsExpected[i]!,
      count: raw.count[i]!,
      expected: raw.expected[i]!,
      mean: raw.mean[i]!,
      meanOfMeans: raw.meanOfMeans[i]!,
      min: raw.min[i]!,
      max: raw.max[i]!,
      p50: nullable(raw.p50[i]!),
      p95: nullable(raw.p95[i]!),
      p99: nullable(raw.p99[i]!),
      revision: raw.revision[i]!,
      final: raw.final[i]!,
    })),
  };
}
