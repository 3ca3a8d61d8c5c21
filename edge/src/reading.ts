/** A reading as a source takes it, and the rules it must keep so that no reader of its batch can refuse the batch. */
import type { ClockState } from '@millrace/wire/batch.ts';
import { parseUnit } from '@millrace/wire/units.ts';

export interface Reading {
  readonly sensor: string;
  readonly metric: string;
  /** UCUM code, `Cel`. */
  readonly unit: string;
  /** Finite. */
  readonly value: number;
  /** µs since the Unix epoch, UTC, whole. */
  readonly timeUs: number;
  /** 0 good (default), 1 suspect, 2 bad, 3 substituted. */
  readonly quality?: 0 | 1 | 2 | 3;
  /** Expected cadence of the series, ms; 0 or absent: unknown. */
  readonly intervalMs?: number;
  /** WGS 84 degrees; both or none. */
  readonly lat?: number;
  readonly lon?: number;
  /** Absent: the gateway's zone. */
  readonly zone?: string;
  /** Its time is the sensor's or the sender's own; absent: the gateway's clock gave it. */
  readonly dated?: 'source';
  /** What its batch says of that clock; absent: what the gateway's batches usually say. For `dating.ts`, not for sources. */
  readonly clock?: ClockState;
}

/** What tells one series from another within a batch; the same text means the same entry of the dictionary. */
export function seriesKey({ sensor, metric, unit, intervalMs, lat, lon, zone }: Reading): string {
  return `${sensor}\u0000${metric}\u0000${unit}\u0000${intervalMs ?? 0}\u0000${lat ?? ''}\u0000${lon ?? ''}\u0000${zone ?? ''}`;
}

const maxNameBytes = 255;
const maxIntervalMs = 2 ** 32 - 1;
const maxTimeUs = Date.UTC(2200, 0, 1) * 1000;

/** What is wrong with the reading's own numbers, or undefined. These are the rules of `decodeBatch` in wire. */
export function faultOfNumbers({ value, timeUs, quality = 0 }: Reading): string | undefined {
  if (!Number.isFinite(value)) return `its value ${value} is not a finite number`;
  if (!Number.isSafeInteger(timeUs) || timeUs < 0 || timeUs > maxTimeUs)
    return `its time ${timeUs} µs is not a whole number between 1970 and 2200`;
  return [0, 1, 2, 3].includes(quality) ? undefined : `its quality ${String(quality)} is none of 0, 1, 2, 3`;
}

/** What is wrong with the reading's series, or undefined; asked once a series. */
export function faultOfSeries({
  sensor,
  metric,
  unit,
  intervalMs = 0,
  lat,
  lon,
  zone = '',
}: Reading): string | undefined {
  for (const [what, text] of Object.entries({ sensor, metric, zone })) {
    if (text === '' && what !== 'zone') return `its ${what} has no name`;
    if (Buffer.byteLength(text) > maxNameBytes) return `its ${what} is longer than ${maxNameBytes} bytes`;
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f]/.test(text)) return `its ${what} holds a control character`;
  }
  const parsed = parseUnit(unit);
  if (typeof parsed === 'string') return `its unit ${parsed}`;
  if (!Number.isInteger(intervalMs) || intervalMs < 0 || intervalMs > maxIntervalMs)
    return `its interval ${intervalMs} ms is not a whole number from 0 to ${maxIntervalMs}`;
  if (lat === undefined && lon === undefined) return undefined;
  if (lat === undefined || lon === undefined) return 'its latitude and longitude do not come together';
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? undefined : `its position ${lat}, ${lon} is not on Earth`;
}
