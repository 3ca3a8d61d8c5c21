/** The dictionaries of `readings.v1` → table `series`: one row a series and month, as its gateway describes it. */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { type Batch, decodeBatch } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import { LineChunk } from '../questdb/line-chunk.ts';
import { type LineBuffer, symbol } from '../questdb/line-protocol.ts';
import type { TableSink } from '../questdb/table-sink.ts';
import { openTableWriter } from '../questdb/table-writer.ts';
import type { Taken } from '../sink.ts';

export const series: TableSink = {
  name: 'series',
  topics: ['readings'],
  table: 'series',
  openStore(context) {
    const told = new Told();
    const writer = openTableWriter(context, series, {
      newChunk: () =>
        new LineChunk(context.http, context.limits.batchRows, (taken, lines) =>
          describe(context.table, taken, told, lines),
        ),
      part: ({ record }) => record.value ?? new Uint8Array(),
      // The newest description of a month must stand.
      inFlight: 1,
    });
    // Another process may have written what this one told before.
    return Object.assign(writer, { assigned: async () => told.clear() });
  },
};

/** A record that is no batch adds nothing: the sink `readings` brings it to the rejected topic. */
function describe(table: string, { record }: Taken, told: Told, lines: LineBuffer): void {
  const rows = rowsOf(record.value, Number(record.headers[readingHeaders.receivedAt]));
  for (const { key, columns, monthUs } of rows) {
    if (!told.isNews(key, columns + monthUs)) continue;
    lines.text(table + columns);
    lines.endLine(monthUs);
  }
}

interface Row {
  readonly key: string;
  /** All of the line between the table and the time. */
  readonly columns: string;
  readonly monthUs: number;
}

function rowsOf(value: Uint8Array | null, receivedUs: number): readonly Row[] {
  try {
    const batch = decodeBatch(value ?? new Uint8Array());
    const monthUs = monthOf(Number.isSafeInteger(receivedUs) ? receivedUs / 1000 : Date.now()) * 1000;
    return batch.series.map(one => ({
      key: `${batch.gateway}\n${one.sensor}\n${one.metric}`,
      columns: columnsOf(batch, one),
      monthUs,
    }));
  } catch (error) {
    if (error instanceof RejectedError) return [];
    throw error;
  }
}

function columnsOf(
  { site, gateway }: Batch,
  { zone, sensor, metric, unit, intervalMs, lat, lon }: Batch['series'][0],
): string {
  const names = `${symbol('site', site)}${symbol('zone', zone)},gateway=${gateway}${symbol('sensor', sensor)}${symbol('metric', metric)}${symbol('unit', unit)}`;
  const position = lat === undefined || lon === undefined ? '' : `,lat=${lat},lon=${lon}`;
  return `${names} interval_ms=${intervalMs}i${position}`;
}

/** Start of the month in UTC, Unix ms. */
function monthOf(ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

/** What was written last of each series, so that a description goes out once and not with each batch. */
class Told {
  readonly #of = new Map<string, string>();

  isNews(key: string, description: string): boolean {
    if (this.#of.get(key) === description) return false;
    // What is forgotten is written once more, which changes nothing.
    if (this.#of.size >= 1_000_000) this.#of.clear();
    this.#of.set(key, description);
    return true;
  }

  clear(): void {
    this.#of.clear();
  }
}
