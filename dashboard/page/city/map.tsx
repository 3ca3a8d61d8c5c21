/** The map as a part of the page: points of one metric, a card for the one looked at, the legend. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PageSettings, Series } from '../../src/answers.ts';
import { Icon } from '../app/icons.tsx';
import { go, seriesPath } from '../app/location.ts';
import { useAsk } from '../data/ask.ts';
import { seriesId, useCity } from '../data/city.ts';
import { serverNow, useClock } from '../data/clock.ts';
import { isStale, ValueAge } from '../show/age.tsx';
import { CompletenessMark } from '../show/completeness.tsx';
import { Value } from '../show/marks.tsx';
import { percent, quantityText } from '../show/quantity.ts';
import { duration } from '../show/time.ts';
import { Legend } from './legend.tsx';
import { type MapPoint, MapView, type Outlines } from './map-view.ts';
import { scaleFor } from './scale.ts';
import './map.css';

export interface CityMapProps {
  /** Of one metric and unit. */
  readonly series: readonly Series[];
  readonly metric: string;
  readonly unit: string | null;
  readonly settings: PageSettings | undefined;
}

const located = (one: Series): one is Series & { lat: number; lon: number } => one.lat !== null && one.lon !== null;

export function CityMap({ series, metric, unit, settings }: CityMapProps) {
  const element = useRef<HTMLDivElement>(null);
  const view = useRef<MapView | undefined>(undefined);
  const [looked, setLooked] = useState<string>();
  const outlines = useAsk<Outlines>(settings?.outlines ? '/api/outlines' : undefined);
  const alerts = useCity(city => city.alerts);
  // Staleness comes with time alone; looked at as often as the map is drawn anyway.
  const staleCount = useClock(now => series.filter(one => isStale(one, now)).length);

  const shown = useMemo(() => series.filter(located), [series]);
  const now = serverNow();
  const fresh = shown.filter(one => one.value !== null && !isStale(one, now));
  const scale = useMemo(() => scaleFor(fresh.map(one => one.value!)), [fresh.length, metric, Math.floor(now / 15_000)]);
  const byId = useMemo(() => new Map(shown.map(one => [seriesId(one), one])), [shown]);
  const known = useRef(byId);
  known.current = byId;

  useEffect(() => {
    view.current = new MapView(element.current!, {
      onFocus: setLooked,
      onOpen: id => {
        const one = known.current.get(id);
        if (one !== undefined) go(seriesPath(one));
      },
    });
    return () => view.current?.close();
  }, []);

  useEffect(() => {
    if (outlines.answer !== undefined) view.current?.showOutlines(outlines.answer, settings?.attribution ?? null);
  }, [outlines.answer]);

  useEffect(() => {
    const alerting = new Set(alerts.map(seriesId));
    view.current?.showPoints(
      shown.map(
        (one): MapPoint => ({
          id: seriesId(one),
          lat: one.lat,
          lon: one.lon,
          colour: one.value === null || isStale(one, serverNow()) ? undefined : scale?.colour(one.value),
          alerting: alerting.has(seriesId(one)),
          label: describe(one),
        }),
      ),
    );
  }, [shown, scale, alerts, staleCount]);

  const one = looked === undefined ? undefined : byId.get(looked);
  const at = looked === undefined ? undefined : view.current?.positionOf(looked);
  const unplaced = series.length - shown.length;
  return (
    <div class="map-frame">
      <div
        class="map"
        ref={element}
        role="application"
        aria-label={`Map of ${metric}: ${shown.length} sensors; arrow keys go from one to the next, Enter opens it`}
      />
      <div class="map-buttons">
        <button type="button" onClick={() => view.current?.zoom(1)} aria-label="Zoom in">
          <Icon name="plus" />
        </button>
        <button type="button" onClick={() => view.current?.zoom(-1)} aria-label="Zoom out">
          <Icon name="minus" />
        </button>
        <button type="button" onClick={() => view.current?.fit()} aria-label="Show all sensors">
          <Icon name="fit" />
        </button>
      </div>
      <p class="map-north" aria-hidden="true">
        <Icon name="north" /> N
      </p>
      <Legend scale={scale} metric={metric} unit={unit} fresh={fresh.length} stale={shown.length - fresh.length} />
      {one !== undefined && at !== undefined && <Card series={one} at={at} />}
      {shown.length === 0 && series.length > 0 && (
        <p class="map-note">
          None of the {series.length} sensors of {metric} says where it is. Set <code>lat</code> and <code>lon</code> in
          the agent’s configuration, of the gateway or of the sensor.
        </p>
      )}
      {shown.length > 0 && unplaced > 0 && (
        <p class="map-note small">{unplaced} without a position are in the list only.</p>
      )}
    </div>
  );
}

function Card({ series, at }: { readonly series: Series; readonly at: { x: number; y: number } }) {
  const below = at.y < 150;
  return (
    <div class={`map-card ${below ? 'below' : ''}`} style={{ left: `${at.x}px`, top: `${at.y}px` }} aria-hidden="true">
      <strong>
        <Value series={series} />
      </strong>
      <span class="map-card-name">
        {series.sensor} · {series.metric}
      </span>
      <span class="quiet">
        {series.gateway}
        {series.zone === null ? '' : ` · ${series.zone}`}
      </span>
      <span class="map-card-foot">
        <ValueAge series={series} ago />
        <CompletenessMark of={series.completeness} label />
      </span>
    </div>
  );
}

function describe(one: Series): string {
  const age = serverNow() - one.at;
  const share =
    one.completeness === null ? 'completeness unknown' : `${percent(Math.min(1, one.completeness.ratio))} complete`;
  const zone = one.zone === null ? '' : `, ${one.zone}`;
  const stale = isStale(one, serverNow()) ? `, stale, ${duration(age)} old` : '';
  return `${quantityText(one.value, one.unit)}, ${one.sensor} ${one.metric}, ${one.gateway}${zone}${stale}, ${share}`;
}
