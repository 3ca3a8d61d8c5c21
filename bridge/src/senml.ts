/**
 * SenML JSON (RFC 8428) to a `ReadingBatch`, for devices that speak it directly.
 *
 * SenML has no sequence numbers, so a message is its own boot: `boot` is a hash of its bytes and its readings are 0 … n − 1.
 * The same bytes sent again have the same identity. That only works when the bytes carry the time of each reading:
 * a message without absolute time could not be told from a resend, and is rejected.
 */
import { createHash } from 'node:crypto';
import { type Batch, Clock, maxBatchBytes, Quality, type Series } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { parseSenml } from '@millrace/wire/senml.ts';

/** @throws {RejectedError} naming the record and member. */
export function senmlToBatch(payload: Uint8Array, gateway: GatewayId): Batch {
  if (payload.length > maxBatchBytes)
    throw new RejectedError('payload', `has ${payload.length} bytes, at most ${maxBatchBytes} are taken`);
  const readings = parseSenml(payload);
  const series: Series[] = [];
  const indexOf = new Map<string, number>();
  const seriesIndex: number[] = [];
  for (const { at, sensor = gateway, metric, unit, relative } of readings) {
    if (relative)
      throw new RejectedError(
        `${at}.t`,
        'a time since 1970 in seconds is needed (in bt or t): without it a resend could not be told from a new reading',
      );
    const key = `${sensor}\n${metric}\n${unit}`;
    if (!indexOf.has(key)) indexOf.set(key, series.push({ sensor, metric, unit, intervalMs: 0, zone: '' }) - 1);
    seriesIndex.push(indexOf.get(key)!);
  }
  return {
    gateway,
    site: '',
    boot: Number(createHash('sha256').update(payload).digest().readBigUInt64BE() >> 11n),
    firstSeq: 0,
    series,
    seriesIndex,
    timeUs: readings.map(({ timeUs }) => timeUs),
    value: readings.map(({ value }) => value),
    quality: readings.map(() => Quality.GOOD),
    clock: Clock.SYNCED,
    // Nothing is declared: the next message may hold an earlier reading.
    completeThroughUs: 0,
    dropped: [],
  };
}
