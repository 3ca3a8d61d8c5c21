/** Readings of a SenML pack: a record without absolute time is relative to its arrival (RFC 8428 § 4.5.3). */
import { parseSenml } from '@millrace/wire/senml.ts';
import type { Reading } from '../../reading.ts';

/**
 * @param unnamed the sensor of records whose name is a metric alone.
 * @throws {RejectedError} naming the record and member.
 */
export function senmlReadings(payload: Uint8Array, unnamed: string, nowUs: number): Reading[] {
  return parseSenml(payload).map(({ sensor = unnamed, metric, unit, value, timeUs, relative }) => ({
    sensor,
    metric,
    unit,
    value,
    ...(relative ? { timeUs: nowUs + timeUs } : { timeUs, dated: 'source' as const }),
  }));
}
