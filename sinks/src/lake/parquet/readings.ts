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

/** Makes the file of a folder, its rows as they were taken. What folders share is made once, when there are no more rows. */
export function readingsEncoder({ series, origins }: Rows): (rows: FolderRows) => Promise<Buffer> {
  const ofSeries = (pick: (one: Rows['series'][number]) => string | number | null) => series.map(pick);
  const ofOrigin = (pick: (one: Rows['origins'][number]) => string | number | null) => origins.map(pick);
  const [zone, sensor, metric, unit, lat, lon] = [
    ofSeries(one => one.zone || null),
    ofSeries(one => one.sensor),
    ofSeries(one => one.metric),
    ofSeries(one => one.unit),
    ofSeries(one => one.lat ?? null),
    ofSeries(one => one.lon ?? null),
  ] as const;
  const [site, gateway, clock, received, boot] = [
    ofOrigin(one => one.site || null),
    ofOrigin(one => one.gateway),
    ofOrigin(one => one.clock),
    ofOrigin(one => one.receivedUs),
    ofOrigin(one => one.boot),
  ] as const;
  return rows => {
    const bySeries = (table: typeof zone): Values => ({ table, places: rows.series });
    const byOrigin = (table: typeof site): Values => ({ table, places: rows.origin });
    return encodeParquet(columns, rows.count, [
      { numbers: rows.timeUs },
      byOrigin(site),
      bySeries(zone),
      byOrigin(gateway),
      bySeries(sensor),
      bySeries(metric),
      bySeries(unit),
      { numbers: rows.value },
      { table: qualities, places: rows.quality },
      byOrigin(clock),
      byOrigin(received),
      byOrigin(boot),
      { numbers: rows.seq },
      bySeries(lat),
      bySeries(lon),
    ]);
  };
}
