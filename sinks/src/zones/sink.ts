/** `zones.v1` → table `zones`, one row a window, zone, metric and unit; the newest revision stands. */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { decodeZoneStats, encodeZoneStats, type ZoneStatsBatch, type ZoneStatsRow } from '@millrace/wire/zones.ts';
import { LineChunk } from '../questdb/line-chunk.ts';
import { checkFinite, checkInteger, checkTime, type LineBuffer, symbol } from '../questdb/line-protocol.ts';
import type { TableSink } from '../questdb/table-sink.ts';
import { openTableWriter } from '../questdb/table-writer.ts';
import type { Taken } from '../sink.ts';

export const zones: TableSink = {
  name: 'zones',
  topics: ['zones'],
  table: 'zones',
  openStore(context) {
    return openTableWriter(context, zones, {
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
  const batch = decodeZoneStats(record.value);
  if (batch.window === '') throw new RejectedError('window', 'is empty');
  for (const [i, row] of batch.rows.entries()) encodeRow(table, batch, row, i, lines);
}

const whole = [
  ['sensors', 'sensors'],
  ['sensorsExpected', 'sensors_expected'],
  ['count', 'count'],
  ['expected', 'expected'],
  ['revision', 'revision'],
] as const;
const ofReadings = [
  ['mean', 'mean'],
  ['meanOfMeans', 'mean_of_means'],
  ['min', 'min'],
  ['max', 'max'],
] as const;
const quantiles = ['p50', 'p95', 'p99'] as const;

function encodeRow(
  table: string,
  { window, site, zone, metric, unit }: ZoneStatsBatch,
  row: ZoneStatsRow,
  i: number,
  lines: LineBuffer,
): void {
  checkTime(`start_us[${i}]`, row.startUs);
  lines.text(
    `${table}${symbol('window', window)}${symbol('site', site)}${symbol('zone', zone)}${symbol('metric', metric)}${symbol('unit', unit)} final=${row.final ? 't' : 'f'}`,
  );
  for (const [name, column] of whole) {
    checkInteger(`${column}[${i}]`, row[name]);
    lines.text(`,${column}=`);
    lines.integer(row[name]);
  }
  // A zone whose sensors are all silent has a row, and nothing to compute: NULL.
  if (row.count > 0)
    for (const [name, column] of ofReadings) {
      checkFinite(`${column}[${i}]`, row[name]);
      lines.text(`,${column}=`);
      lines.double(row[name]);
    }
  for (const name of quantiles) {
    const value = row[name];
    if (value === null) continue; // Not computed: NULL.
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
  const batch = decodeZoneStats(record.value ?? new Uint8Array());
  return encodeZoneStats({ ...batch, rows: [batch.rows[i]!] });
}
