/** SenML JSON (RFC 8428). A record without absolute time is relative to its arrival (§ 4.5.3). */
import { parseSenml } from '@millrace/wire/senml.ts';
import type { Reading } from '../../../reading.ts';
import type { Preset } from '../preset.ts';

export const senml: Preset = () => ({
  take: ({ topic, payload, nowUs }) => (payload.length === 0 ? {} : { readings: senmlReadings(payload, topic, nowUs) }),
});

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
