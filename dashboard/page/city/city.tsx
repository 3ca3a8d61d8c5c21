/** The first view: the map, what needs attention, the zones. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { PageSettings, Series, Zone } from '../../src/answers.ts';
import { linkTo, setQuery, usePlace } from '../app/location.ts';
import { useAsk } from '../data/ask.ts';
import { useCity } from '../data/city.ts';
import { Empty, Skeleton, Welcome } from '../show/blank.tsx';
import { plural, unitSymbol } from '../show/quantity.ts';
import { Attention } from './attention.tsx';
import { CityMap } from './city-map.ts';
import { Overview } from './overview.tsx';
import { ZoneTable } from './zones.tsx';
import './city.css';

interface MetricChoice {
  readonly key: string;
  readonly metric: string;
  readonly unit: string | null;
  readonly count: number;
}

/** Metrics by how many sensors have them, those with positions first; units differ and are never one scale. */
function metricsOf(series: readonly Series[]): MetricChoice[] {
  const found = new Map<string, MetricChoice & { placed: number }>();
  for (const { metric, unit, lat } of series) {
    const key = unit === null ? metric : `${metric} ${unit}`;
    const { count = 0, placed = 0 } = found.get(key) ?? {};
    found.set(key, { key, metric, unit, count: count + 1, placed: placed + (lat === null ? 0 : 1) });
  }
  return [...found.values()].sort(
    (a, b) => b.placed - a.placed || b.count - a.count || interest(a) - interest(b) || (a.key < b.key ? -1 : 1),
  );
}

/** Of metrics that as many sensors have, what people look at first; what a device says of itself comes after. */
const interesting = ['temperature', 'pm2_5', 'pm10', 'no2', 'co2', 'noise', 'pedestrians', 'vehicles', 'humidity'];
function interest({ metric }: MetricChoice): number {
  const index = interesting.indexOf(metric);
  return index < 0 ? interesting.length : index;
}

const kioskMs = 15_000;

export function CityPage({ settings }: { readonly settings: PageSettings | undefined }) {
  const { query } = usePlace();
  const all = useCity(city => city.series);
  const loaded = useCity(city => city.loaded);
  const empty = useCity(city => city.loaded && city.series.length === 0 && city.gateways.length === 0);
  const zones = useAsk<{ zones: Zone[] }>(loaded ? '/api/zones' : undefined, { everyMs: 30_000 });
  const kiosk = query.has('kiosk');
  const embed = query.has('embed');

  const zone = query.get('zone') ?? '';
  const within = useMemo(() => (zone === '' ? all : all.filter(one => one.zone === zone)), [all, zone]);
  const metrics = useMemo(() => metricsOf(all), [all]);
  const turn = useTurn(kiosk ? metrics.length : 0);
  const asked = query.get('metric');
  const chosen =
    (kiosk && asked === null ? metrics[turn] : metrics.find(one => one.key === asked || one.metric === asked)) ??
    metrics[0];
  const shown = useMemo(
    () => within.filter(one => one.metric === chosen?.metric && one.unit === chosen.unit),
    [within, chosen?.key],
  );
  const zoneNames = useMemo(() => [...new Set(all.map(one => one.zone).filter(one => one !== null))].sort(), [all]);

  if (!loaded) return <Skeleton rows={10} label="the city" />;
  if (empty) return <Welcome />;
  const map = chosen && (
    <section class="panel map-panel" aria-labelledby="map-title">
      <div class="panel-head">
        <h2 id="map-title">{kiosk ? `${chosen.metric}, ${plural(chosen.count, 'sensor')}` : 'Map'}</h2>
        <span class="fields">
          <label class="field">
            <span>Metric</span>
            <select value={chosen.key} onChange={event => setQuery({ metric: event.currentTarget.value })}>
              {metrics.map(({ key, metric, unit, count }) => (
                <option key={key} value={key}>
                  {metric}
                  {unitSymbol(unit) === '' ? '' : ` (${unitSymbol(unit)})`} · {count}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>Zone</span>
            <select value={zone} onChange={event => setQuery({ zone: event.currentTarget.value })}>
              <option value="">all zones</option>
              {zoneNames.map(one => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          </label>
          <a class="quiet-link" href={linkTo('/series', { metric: chosen.metric, zone })}>
            As a list
          </a>
        </span>
      </div>
      <CityMap key={zone} series={shown} metric={chosen.metric} unit={chosen.unit} settings={settings} />
    </section>
  );
  if (embed) return <>{map}</>;
  return (
    <div class="city">
      <h1 class="visually-hidden">{settings?.title ?? 'City'}</h1>
      <Overview />
      <div class="city-columns">
        {map ?? (
          <Empty title="No readings lately">The gateways are known; none has sent a reading in the last days.</Empty>
        )}
        <Attention />
      </div>
      {chosen && !kiosk && (
        <ZoneTable zones={zones.answer?.zones} error={zones.error} metric={chosen.metric} unit={chosen.unit} />
      )}
    </div>
  );
}

/** In a kiosk one metric after the other, unless the viewer's wall is held (space). */
function useTurn(count: number): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (count < 2) return;
    let held = false;
    const timer = setInterval(() => !held && setTurn(one => (one + 1) % Math.min(count, 8)), kioskMs);
    const hold = (event: KeyboardEvent): void => {
      if (event.key === ' ' && event.target === document.body) held = !held;
    };
    addEventListener('keydown', hold);
    return () => {
      clearInterval(timer);
      removeEventListener('keydown', hold);
    };
  }, [count]);
  return turn;
}
