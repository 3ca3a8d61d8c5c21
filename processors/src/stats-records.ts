import type { OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import type { Series } from '@millrace/wire/batch.ts';
import { encodeStats, type StatsBatch } from '@millrace/wire/stats.ts';

/** A record may have 1 MB; one this large is worth its overhead. */
const recordBytes = 400_000;
/** A row's columns, at their longest. */
const rowBytes = 140;

/** Rows of one gateway as records well below what a topic takes. */
export function* statsRecords(topic: string, batch: StatsBatch): Generator<OutgoingRecord> {
  const { gateway, rows } = batch;
  let from = 0;
  let bytes = 0;
  let named = new Set<Series>();
  for (let i = 0; i < rows.length; i++) {
    const { series } = rows[i]!;
    if (!named.has(series)) bytes += seriesBytes(series);
    named.add(series);
    bytes += rowBytes;
    if (bytes < recordBytes && i < rows.length - 1) continue;
    yield { topic, key: gateway, value: encodeStats({ ...batch, rows: rows.slice(from, i + 1) }) };
    from = i + 1;
    bytes = 0;
    named = new Set();
  }
}

/** In UTF-8 a character of a string has three bytes at most. */
const seriesBytes = ({ sensor, metric, unit, zone }: Series): number =>
  3 * (sensor.length + metric.length + unit.length + zone.length) + 40;
