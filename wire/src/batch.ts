/**
 * `ReadingBatch`: the readings of one gateway and one boot, in columns. Decoding trusts nothing: size, counts and column
 * lengths are checked before memory is spent on them, every value before anybody sees it.
 */

import { millrace } from '../gen/millrace.js';
import { type FieldLimit, readFields } from './batch-fields.ts';
import { decode } from './decode.ts';
import { type GatewayId, gatewayRule, isGatewayId } from './names.ts';
import { RejectedError } from './rejected.ts';
import { memoSeries } from './series-memo.ts';
import { parseUnit } from './units.ts';

export const maxBatchBytes = 1_048_576;
export const maxBatchReadings = 10_000;
const maxDroppedRanges = 1_000;
const maxNameBytes = 255;

/** 0001-01-01 would fit a sint64 too; QuestDB takes no time before 1970 and dashboards none after 2200. */
const maxTimeUs = Date.UTC(2200, 0, 1) * 1000;

export const Clock = { UNSYNCED: 0, SYNCED: 1, CORRECTED: 2 } as const;
export type ClockState = (typeof Clock)[keyof typeof Clock];
export const clockNames = ['UNSYNCED', 'SYNCED', 'CORRECTED'] as const;

export const Quality = { GOOD: 0, SUSPECT: 1, BAD: 2, SUBSTITUTED: 3 } as const;

export interface Series {
  readonly sensor: string;
  readonly metric: string;
  /** UCUM code. */
  readonly unit: string;
  /** Expected cadence, ms; 0 unknown. */
  readonly intervalMs: number;
  /** WGS 84 degrees. */
  readonly lat?: number;
  readonly lon?: number;
  readonly zone: string;
}

export interface DroppedRange {
  readonly firstSeq: number;
  /** Included. */
  readonly lastSeq: number;
  readonly reason: string;
}

/** n readings; columns `seriesIndex`, `timeUs`, `value`, `quality` all have length n. Reading i has seq `firstSeq + i`. */
export interface Batch {
  readonly gateway: GatewayId;
  readonly site: string;
  /** Random, in 0 … 2^53 − 1. */
  readonly boot: number;
  readonly firstSeq: number;
  readonly series: readonly Series[];
  readonly seriesIndex: readonly number[];
  /** Absolute, µs since the Unix epoch. */
  readonly timeUs: readonly number[];
  readonly value: readonly number[];
  readonly quality: readonly number[];
  readonly clock: ClockState;
  /** Every earlier reading of the gateway has been sent; 0 not declared. */
  readonly completeThroughUs: number;
  readonly dropped: readonly DroppedRange[];
}

/** The sealed bytes of a batch. Trusts its caller: a batch that breaks a rule is refused by `decodeBatch`. */
export function encodeBatch(batch: Batch): Uint8Array {
  let before = 0;
  const timeUs = batch.timeUs.map(time => {
    const delta = time - before;
    before = time;
    return delta;
  });
  const quality = batch.quality.every(q => q === Quality.GOOD) ? [] : [...batch.quality];
  return millrace.v1.ReadingBatch.encode({
    ...batch,
    series: batch.series as Series[],
    seriesIndex: batch.seriesIndex as number[],
    timeUs,
    value: batch.value as number[],
    quality,
    dropped: batch.dropped as DroppedRange[],
  }).finish();
}

/**
 * Decodes and checks a batch.
 * @throws {RejectedError} naming the first field that breaks a rule.
 */
export function decodeBatch(bytes: Uint8Array): Batch {
  if (bytes.length > maxBatchBytes) {
    throw new RejectedError('payload', `has ${bytes.length} bytes, at most ${maxBatchBytes} are taken`);
  }
  const raw = readFields(bytes, fieldLimits);
  const { gateway, site, boot, firstSeq, completeThroughUs } = raw;
  if (!isGatewayId(gateway)) throw new RejectedError('gateway', gatewayRule);
  if (Buffer.byteLength(site) > maxNameBytes) throw new RejectedError('site', `longer than ${maxNameBytes} bytes`);
  checkInteger('boot', boot);
  checkInteger('first_seq', firstSeq);
  const count = raw.value.length;
  if (count === 0 && raw.dropped.length === 0 && completeThroughUs <= 0)
    throw new RejectedError('value', 'the batch holds no reading, no dropped range and no claim');
  if (count > maxBatchReadings)
    throw new RejectedError('value', `${count} readings, at most ${maxBatchReadings} are taken`);
  checkInteger('first_seq', firstSeq + count);
  for (const [field, column] of [
    ['series_index', raw.seriesIndex],
    ['time_us', raw.timeUs],
    ['quality', raw.quality],
  ] as const) {
    const mayBeEmpty = field === 'quality' && column.length === 0;
    if (column.length !== count && !mayBeEmpty)
      throw new RejectedError(field, `${column.length} entries for ${count} readings`);
  }
  if (completeThroughUs < 0 || completeThroughUs > maxTimeUs)
    throw new RejectedError('complete_through_us', 'not a time between 1970 and 2200');
  if (!(raw.clock in clockNames))
    throw new RejectedError('clock', `${raw.clock} is none of ${Object.values(Clock).join(', ')}`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    gateway,
    site,
    boot,
    firstSeq,
    series: memoSeries(buffer, raw.series, raw.seriesFrom, checkSeries),
    seriesIndex: checkSeriesIndex(raw.seriesIndex, raw.series.length),
    timeUs: absoluteTimes(raw.timeUs),
    value: checkValues(raw.value),
    quality: raw.quality.length === 0 ? Array.from({ length: count }, () => Quality.GOOD) : checkQuality(raw.quality),
    clock: raw.clock as ClockState,
    completeThroughUs,
    dropped: raw.dropped.map(({ start, end }, i) => checkDropped(buffer.subarray(start, end), i)),
  };
}

/** Largest number of bytes of each length-delimited top-level field, and of how many times it may stand there. */
const fieldLimits: Readonly<Record<number, FieldLimit>> = {
  1: { name: 'gateway', times: 1, bytes: 64 },
  4: { name: 'series', times: maxBatchReadings, bytes: 4 * maxNameBytes + 64 },
  5: { name: 'series_index', times: maxBatchReadings, bytes: 5 * maxBatchReadings },
  6: { name: 'time_us', times: maxBatchReadings, bytes: 10 * maxBatchReadings },
  7: { name: 'value', times: maxBatchReadings, bytes: 8 * maxBatchReadings },
  8: { name: 'quality', times: maxBatchReadings, bytes: 5 * maxBatchReadings },
  11: { name: 'dropped', times: maxDroppedRanges, bytes: maxNameBytes + 32 },
  12: { name: 'site', times: 1, bytes: maxNameBytes },
};

function checkInteger(field: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RejectedError(field, 'must be a whole number from 0 to 2^53 − 1');
}

function checkName(field: string, text: string): void {
  if (text === '') throw new RejectedError(field, 'is empty');
  if (Buffer.byteLength(text) > maxNameBytes) throw new RejectedError(field, `longer than ${maxNameBytes} bytes`);
  // Control characters would break log lines and line protocol; nothing sensible carries them.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new RejectedError(field, 'holds a control character');
}

function checkSeries(bytes: Uint8Array, i: number): Series {
  const at = `series[${i}]`;
  const { sensor, metric, unit, intervalMs, lat, lon, zone } = decode('ReadingBatch', bytes, reader =>
    millrace.v1.Series.decode(reader),
  );
  checkName(`${at}.sensor`, sensor);
  checkName(`${at}.metric`, metric);
  if (zone !== '') checkName(`${at}.zone`, zone);
  const parsed = parseUnit(unit);
  if (typeof parsed === 'string') throw new RejectedError(`${at}.unit`, parsed);
  return { sensor, metric, unit, intervalMs, zone, ...position(at, lat, lon) };
}

function position(
  at: string,
  lat: number | null | undefined,
  lon: number | null | undefined,
): { lat: number; lon: number } | undefined {
  if (lat == null && lon == null) return undefined;
  if (lat == null || lon == null) throw new RejectedError(`${at}.lat`, 'latitude and longitude must come together');
  if (!(Math.abs(lat) <= 90)) throw new RejectedError(`${at}.lat`, 'must be from −90 to 90 degrees');
  if (!(Math.abs(lon) <= 180)) throw new RejectedError(`${at}.lon`, 'must be from −180 to 180 degrees');
  return { lat, lon };
}

function checkSeriesIndex(column: readonly number[], series: number): readonly number[] {
  for (let i = 0; i < column.length; i++) {
    if (column[i]! >= series) throw new RejectedError(`series_index[${i}]`, `${column[i]} of ${series} series`);
  }
  return column;
}

function absoluteTimes(deltas: readonly number[]): readonly number[] {
  const times = new Array<number>(deltas.length);
  let time = 0;
  for (let i = 0; i < deltas.length; i++) {
    time += deltas[i]!;
    if (!(time >= 0 && time <= maxTimeUs)) throw new RejectedError(`time_us[${i}]`, 'not a time between 1970 and 2200');
    times[i] = time;
  }
  return times;
}

function checkValues(column: readonly number[]): readonly number[] {
  for (let i = 0; i < column.length; i++) {
    if (!Number.isFinite(column[i])) throw new RejectedError(`value[${i}]`, `${column[i]} is not a finite number`);
  }
  return column;
}

function checkQuality(column: readonly number[]): readonly number[] {
  for (let i = 0; i < column.length; i++) {
    if (column[i]! > Quality.SUBSTITUTED)
      throw new RejectedError(`quality[${i}]`, `${column[i]} is none of 0, 1, 2, 3`);
  }
  return column;
}

function checkDropped(bytes: Uint8Array, i: number): DroppedRange {
  const { firstSeq, lastSeq, reason } = decode('ReadingBatch', bytes, reader => millrace.v1.Dropped.decode(reader));
  checkInteger(`dropped[${i}].first_seq`, firstSeq);
  checkInteger(`dropped[${i}].last_seq`, lastSeq);
  if (lastSeq < firstSeq) throw new RejectedError(`dropped[${i}].last_seq`, 'is before first_seq');
  checkName(`dropped[${i}].reason`, reason);
  return { firstSeq, lastSeq, reason };
}
