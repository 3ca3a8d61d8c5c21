/** All series: search, filter, newest values; several can be chosen to be compared. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Series } from '../../src/answers.ts';
import { linkTo, seriesPath, setQuery, usePlace } from '../app/location.ts';
import { apiPath, useAsk } from '../data/ask.ts';
import { seriesId, useCity } from '../data/city.ts';
import { serverNow, useClock } from '../data/clock.ts';
import { isStale, useStale, ValueAge } from '../show/age.tsx';
import { Empty, Failure, Skeleton, Welcome } from '../show/blank.tsx';
import { CompletenessMark } from '../show/completeness.tsx';
import { Choice, FilterChip, SearchField } from '../show/filters.tsx';
import { Value } from '../show/marks.tsx';
import { plural, whole } from '../show/quantity.ts';
import { moveBetweenRows } from '../show/rows.ts';
import { ExportMenu } from './export-menu.tsx';
import './series.css';

const pageSize = 150;
const maxCompared = 8;

/** Every word somewhere in the series' names; the letters' size does not matter. */
export function matches(series: Series, words: readonly string[]): boolean {
  const text = [series.gateway, series.sensor, series.metric, series.zone, series.site, series.unit]
    .join(' ')
    .toLowerCase();
  return words.every(word => text.includes(word));
}

export function SeriesListPage() {
  const { query } = usePlace();
  const all = useCity(city => city.series);
  const loaded = useCity(city => city.loaded);
  const truncated = useCity(city => city.truncated);
  const [limit, setLimit] = useState(pageSize);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [search, zone, metric, gateway, site] = ['q', 'zone', 'metric', 'gateway', 'site'].map(
    name => query.get(name) ?? '',
  ) as [string, string, string, string, string];
  const staleOnly = query.has('stale');
  const text = useRested(search, 250);

  // More than the live connection carries: the server searches.
  const parameters = { q: text, zone, metric, gateway, site, stale: staleOnly ? 'true' : undefined, limit };
  const searched = useAsk<{ total: number; series: Series[] }>(truncated ? apiPath('series', parameters) : undefined, {
    everyMs: 5_000,
  });

  const staleCount = useClock(now => all.filter(one => isStale(one, now)).length);
  const here = useMemo(() => {
    const words = search
      .toLowerCase()
      .split(/\s+/)
      .filter(word => word !== '');
    const now = serverNow();
    return all.filter(
      one =>
        (zone === '' || one.zone === zone) &&
        (metric === '' || one.metric === metric) &&
        (gateway === '' || one.gateway === gateway) &&
        (site === '' || one.site === site) &&
        (!staleOnly || isStale(one, now)) &&
        matches(one, words),
    );
  }, [all, search, zone, metric, gateway, site, staleOnly, staleOnly ? staleCount : 0]);
  const options = useMemo(() => {
    const of = (name: 'zone' | 'metric' | 'site'): string[] =>
      [...new Set(all.map(one => one[name]).filter(one => one !== null))].sort();
    return { zone: of('zone'), metric: of('metric'), site: of('site') };
  }, [all]);
  useEffect(() => setLimit(pageSize), [search, zone, metric, gateway, site, staleOnly]);

  if (!loaded) return <Skeleton rows={14} label="series" />;
  if (all.length === 0) return <Welcome />;
  const shown = truncated ? (searched.answer?.series ?? []) : here.slice(0, limit);
  const total = truncated ? (searched.answer?.total ?? 0) : here.length;
  const filtered = search !== '' || zone !== '' || metric !== '' || gateway !== '' || site !== '' || staleOnly;
  const toggle = (id: string): void =>
    setChosen(before => (before.includes(id) ? before.filter(one => one !== id) : [...before, id].slice(-maxCompared)));
  return (
    <section class="panel" aria-labelledby="series-title">
      <div class="panel-head">
        <h1 id="series-title">Series</h1>
        <span class="quiet" role="status">
          {filtered
            ? `${whole(total)} of ${whole(all.length)}${truncated ? '+' : ''}`
            : plural(total, 'series', 'series')}
        </span>
        <span class="spacer" />
        {chosen.length > 0 && (
          <a class="button primary" href={linkTo('/compare', { s: chosen })}>
            Compare {chosen.length}
          </a>
        )}
        <ExportMenu
          parameters={{ zone, metric, gateway, site }}
          what={filtered ? 'the last day, filtered by zone, metric, gateway and site' : 'the last day, all series'}
        />
      </div>
      <div class="filters" role="search">
        <SearchField value={search} placeholder="Gateway, sensor, metric, zone …" />
        {options.site.length > 1 && <Choice name="site" label="Site" value={site} options={options.site} />}
        <Choice name="zone" label="Zone" value={zone} options={options.zone} />
        <Choice name="metric" label="Metric" value={metric} options={options.metric} />
        <label class="check">
          <input
            type="checkbox"
            checked={staleOnly}
            onChange={event => setQuery({ stale: event.currentTarget.checked ? 1 : undefined })}
          />
          Stale only ({whole(staleCount)})
        </label>
        <FilterChip name="gateway" value={gateway} />
      </div>
      {truncated && searched.error !== undefined && <Failure error={searched.error} retry={searched.reload} />}
      {total === 0 && !(truncated && searched.asking) && (
        <Empty title="No series matches">
          <button
            type="button"
            class="button"
            onClick={() => setQuery({ q: '', zone: '', metric: '', gateway: '', site: '', stale: undefined })}
          >
            Show all series
          </button>
        </Empty>
      )}
      {shown.length > 0 && <SeriesTable series={shown} chosen={chosen} toggle={toggle} />}
      {total > shown.length && (
        <p class="panel-foot">
          <button type="button" class="button" onClick={() => setLimit(limit + pageSize)}>
            Show {whole(Math.min(pageSize, total - shown.length))} more
          </button>{' '}
          <span class="quiet">{whole(total - shown.length)} not shown</span>
        </p>
      )}
    </section>
  );
}

interface SeriesTableProps {
  readonly series: readonly Series[];
  readonly chosen: readonly string[];
  readonly toggle: (id: string) => void;
}

function SeriesTable({ series, chosen, toggle }: SeriesTableProps) {
  return (
    <table class="rows series-rows" onKeyDown={moveBetweenRows}>
      <thead>
        <tr>
          <th scope="col">
            <span class="visually-hidden">Compare</span>
          </th>
          <th scope="col">Sensor and metric</th>
          <th scope="col">Gateway</th>
          <th scope="col">Zone</th>
          <th scope="col" class="right">
            Last value
          </th>
          <th scope="col" class="right">
            Age
          </th>
          <th scope="col" class="right">
            Hour complete
          </th>
        </tr>
      </thead>
      <tbody>
        {series.map(one => {
          const id = seriesId(one);
          return <Row key={id} series={one} id={id} chosen={chosen.includes(id)} toggle={toggle} />;
        })}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly series: Series;
  readonly id: string;
  readonly chosen: boolean;
  readonly toggle: (id: string) => void;
}

function Row({ series, id, chosen, toggle }: RowProps) {
  const stale = useStale(series);
  return (
    <tr class={stale ? 'stale-row' : ''}>
      <td class="pick">
        <input type="checkbox" checked={chosen} aria-label={`Compare ${id}`} onChange={() => toggle(id)} />
      </td>
      <th scope="row" data-label="Series">
        <a href={seriesPath(series)} data-row>
          {series.sensor} <span class="metric">{series.metric}</span>
        </a>
      </th>
      <td data-label="Gateway">{series.gateway}</td>
      <td data-label="Zone">{series.zone ?? <span class="quiet">none</span>}</td>
      <td class="right" data-label="Last value">
        <Value series={series} />
      </td>
      <td class="right" data-label="Age">
        <ValueAge series={series} />
      </td>
      <td class="right" data-label="Hour complete">
        <CompletenessMark of={series.completeness} />
      </td>
    </tr>
  );
}

/** The value once it has stopped changing. */
function useRested<T>(value: T, ms: number): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return rested;
}
