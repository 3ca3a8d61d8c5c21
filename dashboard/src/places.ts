import type { Gateway, Series, Site, Zone } from './answers.ts';
import type { Database } from './database.ts';
import { hasWords } from './gateways.ts';
import { sumOf } from './last-hour.ts';
import { iso, type Scope, type SeriesQuery } from './parameters.ts';
import { isStale, type Snapshot } from './snapshot.ts';

interface ZoneRow {
  readonly ts: number;
  readonly site: string | null;
  readonly zone: string;
  readonly metric: string;
  readonly unit: string | null;
  readonly sensors: number;
  readonly sensors_expected: number;
  readonly mean_of_means: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly completeness: number | null;
}

/** A zone whose last closed minute is older has nothing to say about now. */
const zoneLookbackMs = 15 * 60_000;
const maxZoneRows = 20_000;

export function sitesOf(snapshot: Snapshot): Site[] {
  const bySite = Map.groupBy(snapshot.series, ({ site }) => site ?? '');
  const names = new Set([...bySite.keys(), ...snapshot.gateways.map(({ site }) => site ?? '')]);
  return [...names].sort().map(site => {
    const series = bySite.get(site) ?? [];
    const gateways = snapshot.gateways.filter(gateway => (gateway.site ?? '') === site);
    const placed = series.filter(({ lat }) => lat !== null);
    return {
      site,
      zones: new Set(series.flatMap(({ zone }) => zone ?? [])).size,
      ...countsOf(series, gateways, snapshot),
      lat: mean(placed.map(({ lat }) => lat!)),
      lon: mean(placed.map(({ lon }) => lon!)),
    };
  });
}

export async function zonesOf(database: Database, snapshot: Snapshot, site: string | undefined): Promise<Zone[]> {
  const rows = await zoneRows(database, snapshot.now);
  const id = (place: { site: string | null; zone: string | null }): string =>
    `${place.site ?? ''}\n${place.zone ?? ''}`;
  const metricsOf = Map.groupBy(rows, id);
  const byZone = Map.groupBy(
    snapshot.series.filter(one => one.zone !== null && (site === undefined || one.site === site)),
    id,
  );
  return [...byZone]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, series]) => {
      const names = new Set(series.map(({ gateway }) => gateway));
      const gateways = snapshot.gateways.filter(({ gateway }) => names.has(gateway));
      return {
        site: series[0]!.site,
        zone: series[0]!.zone!,
        ...countsOf(series, gateways, snapshot),
        metrics: (metricsOf.get(key) ?? []).map(row => ({
          metric: row.metric,
          unit: row.unit,
          at: row.ts,
          sensors: row.sensors,
          sensorsExpected: row.sensors_expected,
          mean: row.mean_of_means,
          min: row.min,
          max: row.max,
          ratio: row.completeness === null ? null : Math.min(1, row.completeness),
        })),
      };
    });
}

function countsOf(series: readonly Series[], gateways: readonly Gateway[], { now, alerts }: Snapshot) {
  const names = new Set(series.map(({ gateway, sensor }) => `${gateway}\n${sensor}`));
  const states = (state: Gateway['state']): number => gateways.filter(gateway => gateway.state === state).length;
  return {
    gateways: {
      online: states('online'),
      offline: states('offline'),
      silent: states('silent'),
      unknown: states('unknown'),
    },
    series: series.length,
    staleSeries: series.filter(one => isStale(one, now)).length,
    alerts: alerts.filter(({ gateway, sensor }) => names.has(`${gateway}\n${sensor}`)).length,
    completeness: sumOf(series.map(({ completeness }) => completeness)),
  };
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

function zoneRows(database: Database, now: number): Promise<ZoneRow[]> {
  return database.query(
    `SELECT ts, site, zone, metric, unit, sensors, sensors_expected, mean_of_means, min, max, completeness FROM zones
     WHERE "window" = '1m' AND final AND ts >= $1 AND ts < $2
     LATEST ON ts PARTITION BY site, zone, metric, unit ORDER BY metric, unit LIMIT $3`,
    [iso(now - zoneLookbackMs), iso(now), maxZoneRows],
  );
}

export function inScope(
  series: Pick<Series, 'site' | 'zone' | 'gateway' | 'sensor' | 'metric'>,
  scope: Scope,
): boolean {
  return (['site', 'zone', 'gateway', 'sensor', 'metric'] as const).every(
    key => scope[key] === undefined || series[key] === scope[key],
  );
}

export function matchingSeries({ series, now }: Snapshot, query: Omit<SeriesQuery, 'offset' | 'limit'>): Series[] {
  const { q, stale } = query;
  return series.filter(
    one =>
      inScope(one, query) &&
      (stale === undefined || isStale(one, now) === stale) &&
      (q === undefined || hasWords([one.gateway, one.sensor, one.metric, one.site, one.zone, one.unit].join(' '), q)),
  );
}
