/** For tests: the statistics of zones, from all readings in memory. */
import assert from 'node:assert/strict';
import type { ZoneStatsRow } from '@millrace/wire/zones.ts';
import { baseUs, minuteUs, type Reading } from './testing.ts';

interface OracleRow {
  readonly values: readonly number[];
  readonly sensors: number;
  readonly sensorsExpected: number;
  readonly expected: number;
  readonly meanOfMeans: number;
}

/** @param perMinute readings that a sensor's cadence asks for. @returns by zone and minute. A sensor may move from north to south, once. */
export function zoneOracle(readings: readonly Reading[], perMinute = 6): Map<string, OracleRow> {
  const idOf = ({ gateway, series }: Reading) => `${gateway} ${series.sensor}`;
  const rows = new Map<string, OracleRow>();
  for (const [zone, all] of Map.groupBy(readings, ({ series }) => series.zone)) {
    const other = readings.filter(({ series }) => series.zone !== zone);
    for (const [startUs, inWindow] of Map.groupBy(all!, reading => reading.startUs)) {
      const sensors = Map.groupBy(inWindow!, idOf);
      const known = [...Map.groupBy(all!, idOf)].filter(([id, own]) => {
        const moved = other.filter(reading => idOf(reading) === id).map(reading => reading.startUs);
        const leaves = zone === 'north' ? Math.min(...moved) : Number.POSITIVE_INFINITY;
        return Math.min(...own.map(reading => reading.startUs)) <= startUs && startUs < leaves;
      });
      const means = [...sensors.values()].map(own => own.reduce((sum, { value }) => sum + value, 0) / own.length);
      rows.set(`${zone} ${(startUs - baseUs) / minuteUs}`, {
        values: inWindow.map(({ value }) => value).sort((a, b) => a - b),
        sensors: sensors.size,
        sensorsExpected: known.length,
        expected: perMinute * known.length,
        meanOfMeans: means.reduce((sum, mean) => sum + mean, 0) / means.length,
      });
    }
  }
  return rows;
}

function isClose(actual: number | null, expected: number, relative: number, scale = Math.abs(expected)): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= relative * scale + 1e-300,
    `${actual} is not ${expected}`,
  );
}

function rowEquals(row: ZoneStatsRow, { values, meanOfMeans, ...counts }: OracleRow): void {
  const largest = Math.max(...values.map(Math.abs));
  assert.deepEqual(
    { count: row.count, sensors: row.sensors, sensorsExpected: row.sensorsExpected, expected: row.expected },
    { count: values.length, ...counts },
  );
  // −0 and 0 are the same.
  assert.deepEqual([row.min + 0, row.max + 0], [values[0]! + 0, values.at(-1)! + 0]);
  isClose(row.mean, values.reduce((sum, value) => sum + value, 0) / values.length, 1e-9, largest);
  isClose(row.meanOfMeans, meanOfMeans, 1e-9, largest);
  for (const [q, p] of [
    [0.5, row.p50],
    [0.95, row.p95],
    [0.99, row.p99],
  ] as const)
    isClose(p, values[Math.floor(q * (values.length - 1))]!, 0.010001);
  assert.equal(row.final, true);
}

export function equalsOracle(table: ReadonlyMap<string, ZoneStatsRow>, expected: ReadonlyMap<string, OracleRow>): void {
  assert.deepEqual([...table.keys()].toSorted(), [...expected.keys()].toSorted());
  for (const [key, row] of expected) rowEquals(table.get(key)!, row);
}
