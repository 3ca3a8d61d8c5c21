import { Alerts } from './alerts.ts';
import type { Alert, Gateway, Series } from './answers.ts';
import { Catalog } from './catalog.ts';
import type { Database } from './database.ts';
import { gatewayStates, gatewaysOf } from './gateways.ts';
import { LastHour } from './last-hour.ts';
import { clockSlackMs, NewestReadings, type NewestRow } from './newest.ts';
import { SharedResults } from './shared-results.ts';

/** All that the page lists, of one moment. */
export interface Snapshot {
  readonly now: number;
  readonly gateways: readonly Gateway[];
  readonly series: readonly Series[];
  /** Raised now. */
  readonly alerts: readonly Alert[];
  readonly truncated: boolean;
}

export interface SnapshotOptions {
  readonly refreshMs: number;
  readonly lookbackHours: number;
  readonly maxSeries: number;
}

export interface Snapshots {
  /** The newest, at most `refreshMs` old, to whoever asks. */
  newest(): Promise<Snapshot>;
  readonly catalog: Catalog;
  readonly alerts: Alerts;
}

const minuteMs = 60_000;
const maxRaised = 500;
const staleWhenCadenceUnknownMs = 5 * minuteMs;

export function openSnapshots(database: Database, { refreshMs, lookbackHours, maxSeries }: SnapshotOptions): Snapshots {
  const lookbackMs = lookbackHours * 60 * minuteMs;
  const catalog = new Catalog(database, 4 * maxSeries);
  const alerts = new Alerts(database, catalog);
  const newest = new NewestReadings(database, lookbackMs, maxSeries);
  const hour = new LastHour(database, catalog, maxSeries);
  // A little less than the refresh, so that a timer which fires a millisecond early does not get the previous one.
  const results = new SharedResults<Snapshot>(refreshMs * 0.9, 1);

  const load = async (): Promise<Snapshot> => {
    const now = Date.now();
    const [{ rows, truncated }, states, raised] = await Promise.all([
      newest.refresh(now),
      gatewayStates(database, { from: now - lookbackMs, to: now + clockSlackMs }, maxSeries),
      alerts.raised(now, maxRaised),
      catalog.refresh(now),
      hour.refresh(now),
    ]);
    const positions = new Map(states.map(({ gateway, lat, lon }) => [gateway, { lat, lon }]));
    const series = rows.map(row => seriesOf(row, catalog, hour, positions.get(row.gateway)));
    return { now, truncated, series, gateways: gatewaysOf(states, series, now), alerts: raised };
  };
  return { newest: () => results.get('', load), catalog, alerts };
}

function seriesOf(
  { gateway, sensor, metric, site, zone, unit, value, at, quality }: NewestRow,
  catalog: Catalog,
  hour: LastHour,
  ofGateway: { readonly lat: number | null; readonly lon: number | null } | undefined,
): Series {
  const key = { gateway, sensor, metric };
  const known = catalog.describe(key);
  const expectedMs = known?.expectedMs ?? null;
  const place = known?.lat != null && known.lon !== null ? known : ofGateway;
  return {
    ...key,
    site: known?.site ?? site,
    zone: known?.zone ?? zone,
    unit: known?.unit ?? unit,
    lat: place?.lat ?? null,
    lon: place?.lon ?? null,
    value,
    at,
    quality,
    expectedMs,
    staleAfterMs: expectedMs === null ? staleWhenCadenceUnknownMs : staleAfterMs(expectedMs),
    completeness: hour.of(key),
  };
}

/** Three missed readings; never below 10 s, which the way through the pipeline may take without anything being wrong. */
function staleAfterMs(expectedMs: number): number {
  return Math.max(3 * expectedMs, 10_000);
}

export const isStale = ({ at, staleAfterMs: after }: Series, now: number): boolean => now - at > after;
