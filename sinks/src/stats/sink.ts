/** `stats.v1` → table `stats`, one row a window and series; the newest revision stands. */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { decodeStats, encodeStats, type StatsBatch, type StatsRow } from '@millrace/wire/stats.ts';
import { LineChunk } from '../questdb/line-chunk.ts';
import { checkFinite, checkInteger, checkTime, type LineBuffer, symbol } from '../questdb/line-protocol.ts';
import type { TableSink } from '../questdb/table-sink.ts';
import { openTableWriter } from '../questdb/table-writer.ts';
import type { Taken } from '../sink.ts';

export const stats: TableSink = {
  name: 'stats',
  topics: ['stats'],
  table: 'stats',
  openStore(context) {
    return openTableWriter(context, stats, {
      newChunk: () =>
        new LineChunk(context.http, context.limits.batchRows, (taken, lines) => encode(context.table, taken, lines)),
      part: oneRow,
      // Two requests could overtake each other, and an older revision would replace a newer one.
      inFlight: 1,
    });
  },
};

/** @throws {RejectedError} */
function encode(table: string, { record }: Taken, lines: LineBuffer): void {
  if (record.value === null) throw new RejectedError('payload', 'is missing');
  const batch = decodeStats(record.value);
  if (batch.window === '') throw new RejectedError('window', 'is empty');
  for (const [i, row] of batch.rows.entries()) encodeRow(table, batch, row, i, lines);
}

const whole = ['count', 'expected', 'revision'] as const;
const needed = ['mean', 'min', 'max', 'first', 'last'] as const;
const optional = ['stddev', 'p50', 'p95', 'p99', 'rate'] as const;

function encodeRow(
  table: string,
  { window, site, gateway }: StatsBatch,
  row: StatsRow,
  i: number,
  lines: LineBuffer,
): void {
  const { sensor, metric, unit, zone } = row.series;
  checkTime(`start_us[${i}]`, row.startUs);
  lines.text(
    `${table}${symbol('window', window)}${symbol('site', site)}${symbol('zone', zone)},gateway=${gateway}${symbol('sensor', sensor)}${symbol('metric', metric)}${symbol('unit', unit)} final=${row.final ? 't' : 'f'}`,
  );
  for (const name of whole) {
    checkInteger(`${name}[${i}]`, row[name]);
    lines.text(`,${name}=`);
    lines.integer(row[name]);
  }
  for (const name of needed) {
    checkFinite(`${name}[${i}]`, row[name]);
    lines.text(`,${name}=`);
    lines.double(row[name]);
  }
  for (const name of optional) {
    const value = row[name];
    if (value === null) continue; // Not computed, or not defined: NULL.
    checkFinite(`${name}[${i}]`, value);
    lines.text(`,${name}=`);
    lines.double(value);
  }
  if (row.expected > 0) {
    lines.text(',completeness=');
    lines.double(row.count / row.expected);
  }
  lines.endLine(row.startUs);
}

function oneRow({ record }: Taken, i: number): Uint8Array {
  const batch = decodeStats(record.value ?? new Uint8Array());
  return encodeStats({ ...batch, rows: [batch.rows[i]!] });
}
