/** The columns of a reading in the lake. */
import type { FolderRows, Rows } from '../rows.ts';
import { type Column, encodeParquet, type Values } from './file.ts';

const column = (name: string, type: Column['type'], nullable = false): Column => ({ name, type, nullable });

/**
 * As in table `readings`, and where the series is. A column is never renamed, never gets another type, and never becomes
 * nullable. A new one goes to the end and is nullable: readers find NULL in files that are older.
 */
export const columns: readonly Column[] = [
  column('ts', 'timestamp'),
  column('site', 'text', true),
  // Also where the path has the zone: a file says all of it, and a zone may be too long for a path.
  column('zone', 'text', true),
  column('gateway', 'text'),
  column('sensor', 'text'),
  column('metric', 'text'),
  column('unit', 'text'),
  column('value', 'double'),
  column('quality', 'int32'),
  column('clock', 'text'),
  column('received', 'timestamp'),
  column('boot', 'int64'),
  column('seq', 'int64'),
  column('lat', 'double', true),
  column('lon', 'double', true),
];

const qualities = [0, 1, 2, 3];

/** The file of one folder, its rows as they were taken. */
export function encodeReadings({ series, origins }: Rows, rows: FolderRows): Promise<Buffer> {
  const { count } = rows;
  const ofSeries = (pick: (one: Rows['series'][number]) => string | number | null): Values => ({
    table: series.map(pick),
    places: rows.series,
  });
  const ofOrigin = (pick: (one: Rows['origins'][number]) => string | number | null): Values => ({
    table: origins.map(pick),
    places: rows.origin,
  });
  return encodeParquet(columns, count, [
    { numbers: rows.timeUs },
    ofOrigin(one => one.site || null),
    ofSeries(one => one.zone || null),
    ofOrigin(one => one.gateway),
    ofSeries(one => one.sensor),
    ofSeries(one => one.metric),
    ofSeries(one => one.unit),
    { numbers: rows.value },
    { table: qualities, places: rows.quality },
    ofOrigin(one => one.clock),
    ofOrigin(one => one.receivedUs),
    ofOrigin(one => one.boot),
    { numbers: rows.seq },
    ofSeries(one => one.lat ?? null),
    ofSeries(one => one.lon ?? null),
  ]);
}
