/** `readings.v1` → table `readings`, one row a reading; the hot path. */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { type Batch, clockNames, decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import { LineChunk } from '../questdb/line-chunk.ts';
import { checkTime, type LineBuffer, type Span, symbol } from '../questdb/line-protocol.ts';
import type { TableSink } from '../questdb/table-sink.ts';
import { openTableWriter } from '../questdb/table-writer.ts';
import type { Taken } from '../sink.ts';

export const readings: TableSink = {
  name: 'readings',
  topics: ['readings'],
  table: 'readings',
  openStore(context) {
    return openTableWriter(context, readings, {
      newChunk: () =>
        new LineChunk(context.http, context.limits.batchRows, (taken, lines) =>
          encodeReadings(context.table, taken, lines),
        ),
      part: oneReading,
      // A reading never changes, so it does not matter which of two requests with the same reading comes last.
      inFlight: 2,
    });
  },
};

/** @throws {RejectedError} */
export function encodeReadings(table: string, { record }: Pick<Taken, 'record'>, lines: LineBuffer): void {
  const batch = decodeBatch(bytesOf(record.value));
  encodeBatchLines(table, batch, receivedUs(record), lines);
}

/**
 * The rows of a batch. What is the same in every row is made once: the names of a series at its first row, copied from
 * there for the others, and all columns between value and sequence number.
 * @throws {RejectedError} for a text that cannot be a symbol.
 */
export function encodeBatchLines(table: string, batch: Batch, received: number, lines: LineBuffer): void {
  const { series, seriesIndex, timeUs, value, quality, firstSeq } = batch;
  const site = symbol('site', batch.site);
  const tail = `,clock=${clockNames[batch.clock]} value=`;
  const heads = new Array<Span | undefined>(series.length);
  const middles = [0, 1, 2, 3].map(q => `,quality=${q}i,received=${received}t,boot=${batch.boot}i,seq=`);
  const copies: (Span | undefined)[] = [undefined, undefined, undefined, undefined];
  for (let i = 0; i < value.length; i++) {
    const at = seriesIndex[i]!;
    const head = heads[at];
    if (head === undefined) {
      const { zone, sensor, metric, unit } = series[at]!;
      const names = `${symbol('zone', zone)},gateway=${batch.gateway}${symbol('sensor', sensor)}${symbol('metric', metric)}${symbol('unit', unit)}`;
      heads[at] = lines.text(table + site + names + tail);
    } else {
      lines.repeat(head);
    }
    lines.double(value[i]!);
    const q = quality[i]!;
    const middle = copies[q];
    if (middle === undefined) copies[q] = lines.text(middles[q]!);
    else lines.repeat(middle);
    lines.integer(firstSeq + i);
    lines.endLine(timeUs[i]!);
  }
}

/** One reading of a record, as a batch that keeps its identity (gateway, boot, seq). */
export function oneReading({ record }: Pick<Taken, 'record'>, i: number): Uint8Array {
  const batch = decodeBatch(bytesOf(record.value));
  return encodeBatch({
    ...batch,
    firstSeq: batch.firstSeq + i,
    series: [batch.series[batch.seriesIndex[i]!]!],
    seriesIndex: [0],
    timeUs: [batch.timeUs[i]!],
    value: [batch.value[i]!],
    quality: [batch.quality[i]!],
    // Said by the rest of the batch already.
    completeThroughUs: 0,
    dropped: [],
  });
}

/** When the bridge had it, or Kafka. @throws {RejectedError} */
export function receivedUs(record: Taken['record']): number {
  const header = record.headers[readingHeaders.receivedAt];
  const us = header === undefined ? record.timestampMs * 1000 : Number(header);
  checkTime(`header ${readingHeaders.receivedAt}`, us);
  return us;
}

/** @throws {RejectedError} */
export function bytesOf(value: Uint8Array | null): Uint8Array {
  if (value === null) throw new RejectedError('payload', 'is missing');
  return value;
}
