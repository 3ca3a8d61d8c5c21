/** Completeness of the city, a zone, a gateway or a metric over days and months. */
import { useMemo } from 'preact/hooks';
import type { CompletenessCalendar, Zone } from '../../src/answers.ts';
import { linkTo, setQuery, usePlace } from '../app/location.ts';
import { apiPath, useAsk } from '../data/ask.ts';
import { useCity } from '../data/city.ts';
import { serverNow } from '../data/clock.ts';
import { Empty, Failure, Skeleton } from '../show/blank.tsx';
import { CompletenessMark, sumCompleteness } from '../show/completeness.tsx';
import { Choice } from '../show/filters.tsx';
import { percent, plural, whole } from '../show/quantity.ts';
import { moveBetweenRows } from '../show/rows.ts';
import { dayMs, hourMs } from '../show/time.ts';
import { Calendar } from './calendar.tsx';

const views = {
  '14d': { name: '14 days by hour', step: '1h', ms: 14 * dayMs },
  '35d': { name: '35 days by hour', step: '1h', ms: 35 * dayMs },
  '26w': { name: 'half a year by day', step: '1d', ms: 182 * dayMs },
  '52w': { name: 'a year by day', step: '1d', ms: 364 * dayMs },
} as const;

export function CompletenessPage() {
  const { query } = usePlace();
  const series = useCity(city => city.series);
  const [site, zone, gateway, metric] = ['site', 'zone', 'gateway', 'metric'].map(name => query.get(name) ?? '') as [
    string,
    string,
    string,
    string,
  ];
  const asked = query.get('from')?.slice(1) ?? '';
  const view = asked in views ? (asked as keyof typeof views) : '14d';
  const { step, ms } = views[view];
  // To the full hour: the same question as long as the answer is the same.
  const to = Math.ceil(serverNow() / hourMs) * hourMs;
  const path = apiPath('completeness', { site, zone, gateway, metric, step, from: to - ms, to });
  const { answer, error, asking, reload } = useAsk<CompletenessCalendar>(path, { everyMs: 60_000 });
  const options = useMemo(() => {
    const of = (name: 'zone' | 'metric' | 'site' | 'gateway'): string[] =>
      [...new Set(series.map(one => one[name]).filter(one => one !== null))].sort();
    return { zone: of('zone'), metric: of('metric'), site: of('site'), gateway: of('gateway') };
  }, [series]);
  const scope = [site, zone, gateway, metric].filter(one => one !== '').join(' · ') || 'the whole city';

  return (
    <>
      <section class="panel" aria-labelledby="completeness-title">
        <div class="panel-head">
          <h1 id="completeness-title">Completeness</h1>
          <span class="quiet">good readings that came, of those the sensors’ cadences ask for</span>
        </div>
        <div class="filters">
          <label class="field">
            <span>Time</span>
            <select value={view} onChange={event => setQuery({ from: `-${event.currentTarget.value}` })}>
              {Object.entries(views).map(([key, { name }]) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          {options.site.length > 1 && <Choice name="site" label="Site" value={site} options={options.site} />}
          <Choice name="zone" label="Zone" value={zone} options={options.zone} />
          <Choice name="gateway" label="Gateway" value={gateway} options={options.gateway} />
          <Choice name="metric" label="Metric" value={metric} options={options.metric} />
        </div>
        {error !== undefined && <Failure error={error} retry={reload} />}
        {answer === undefined && error === undefined && <Skeleton rows={10} label="the calendar" />}
        {answer !== undefined && (
          <div class={asking ? 'asking' : ''}>
            <Total calendar={answer} scope={scope} />
            {answer.t.length === 0 ? (
              <Empty title="Nothing was to come in this time" />
            ) : (
              <Calendar key={answer.step} calendar={answer} name={scope} />
            )}
          </div>
        )}
      </section>
      <div class="side-by-side">
        <WorstSeries site={site} zone={zone} gateway={gateway} metric={metric} />
        <ZoneCompleteness site={site} />
      </div>
    </>
  );
}

function Total({ calendar, scope }: { readonly calendar: CompletenessCalendar; readonly scope: string }) {
  const count = calendar.count.reduce((sum, one) => sum + one, 0);
  const expected = calendar.expected.reduce((sum, one) => sum + one, 0);
  return (
    <p class="total-line">
      <strong>{expected === 0 ? '–' : percent(Math.min(1, count / expected))}</strong> of {scope}: {whole(count)} of{' '}
      {whole(expected)} readings of {plural(calendar.series, 'series', 'series')}
      {calendar.withoutCadence > 0 && (
        <span class="quiet"> · {plural(calendar.withoutCadence, 'series', 'series')} left out, cadence unknown</span>
      )}
    </p>
  );
}

const maxWorst = 10;

function WorstSeries(scope: {
  readonly site: string;
  readonly zone: string;
  readonly gateway: string;
  readonly metric: string;
}) {
  const series = useCity(city => city.series);
  const worst = useMemo(
    () =>
      series
        .filter(
          one =>
            one.completeness !== null &&
            one.completeness.ratio < 1 &&
            (['site', 'zone', 'gateway', 'metric'] as const).every(
              name => scope[name] === '' || one[name] === scope[name],
            ),
        )
        .sort((a, b) => a.completeness!.ratio - b.completeness!.ratio),
    [series, scope.site, scope.zone, scope.gateway, scope.metric],
  );
  return (
    <section class="panel" aria-labelledby="worst-title">
      <div class="panel-head">
        <h2 id="worst-title">Least complete in the last full hour</h2>
        <span class="quiet">{worst.length === 0 ? '' : `${plural(worst.length, 'series', 'series')} below 100 %`}</span>
      </div>
      {worst.length === 0 ? (
        <p class="all-well">All that was to come has come.</p>
      ) : (
        <ol class="worst" onKeyDown={moveBetweenRows}>
          {worst.slice(0, maxWorst).map(one => (
            <li key={`${one.gateway}/${one.sensor}/${one.metric}`}>
              <a
                href={linkTo(`/series/${[one.gateway, one.sensor, one.metric].map(encodeURIComponent).join('/')}`)}
                data-row
              >
                {one.sensor} {one.metric}
              </a>
              <span class="quiet">
                {one.gateway}
                {one.zone === null ? '' : ` · ${one.zone}`}
              </span>
              <CompletenessMark of={one.completeness} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function ZoneCompleteness({ site }: { readonly site: string }) {
  const { answer } = useAsk<{ zones: Zone[] }>(apiPath('zones', { site }), { everyMs: 60_000 });
  if (answer === undefined || answer.zones.length === 0) return null;
  const zones = [...answer.zones].sort((a, b) => (a.completeness?.ratio ?? 2) - (b.completeness?.ratio ?? 2));
  const all = sumCompleteness(zones.map(zone => zone.completeness));
  return (
    <section class="panel" aria-labelledby="by-zone-title">
      <div class="panel-head">
        <h2 id="by-zone-title">By zone, last full hour</h2>
        <CompletenessMark of={all} label />
      </div>
      <ol class="worst">
        {zones.map(zone => (
          <li key={`${zone.site} ${zone.zone}`}>
            <a href={linkTo('/completeness', { zone: zone.zone })}>{zone.zone}</a>
            <span class="quiet">{plural(zone.series, 'series', 'series')}</span>
            <CompletenessMark of={zone.completeness} />
          </li>
        ))}
      </ol>
    </section>
  );
}
