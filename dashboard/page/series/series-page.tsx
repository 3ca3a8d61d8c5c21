/** One series: its newest value, its history, how complete it is, its holes and its alerts. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Alert, CompletenessCalendar, Gap, Range, SeriesKey } from '../../src/answers.ts';
import { AlertRows } from '../alerts/alert-rows.tsx';
import { linkTo, setQuery, usePlace } from '../app/location.ts';
import { SeriesChart } from '../chart/charts.ts';
import { withPoints } from '../chart/live-points.ts';
import { RangeTable } from '../chart/range-table.tsx';
import { chooseSpan, SpanPicker } from '../chart/span-picker.tsx';
import { Calendar } from '../completeness/calendar.tsx';
import { apiPath, useAsk } from '../data/ask.ts';
import { seriesId, useCity, useLivePoints, useSeries } from '../data/city.ts';
import { serverNow } from '../data/clock.ts';
import { useStale, ValueAge } from '../show/age.tsx';
import { Empty, Failure, Skeleton } from '../show/blank.tsx';
import { CompletenessMark, countText } from '../show/completeness.tsx';
import { NumbersToggle } from '../show/filters.tsx';
import { Value } from '../show/marks.tsx';
import { fixedSpan, readSpan, type Span, spanBounds, spanQuery, spanText } from '../show/span.ts';
import { dayMs, each, hourMs } from '../show/time.ts';
import { CopyLink } from './copy-link.tsx';
import { ExportMenu } from './export-menu.tsx';
import { Gaps } from './gaps.tsx';
import './series.css';

const defaultMs = 6 * hourMs;
const resolutions = ['auto', 'raw', '1m', '15m', '1h', '1d'] as const;
/** Late readings change what was there before, which the live points do not bring. */
const wholeRangeMs = 60_000;

/** The range shown, with live points at its end where it ends now. */
export function useRange(
  key: SeriesKey,
  span: Span,
  resolution: string,
  points: number,
): ReturnType<typeof useAsk<Range>> {
  const { from, to } = span.kind === 'fixed' ? span : { from: undefined, to: undefined };
  const minutes = span.kind === 'last' ? Math.round(span.ms / 60_000) : undefined;
  const path = apiPath('range', { ...key, from, to, minutes, resolution, points });
  const asked = useAsk<Range>(path, { everyMs: span.kind === 'last' ? wholeRangeMs : undefined, keep: true });
  const [live, setLive] = useState<{ base: Range; range: Range }>();
  const base = asked.answer;
  useLivePoints(
    span.kind === 'last' && base !== undefined ? { series: key, resolution: base.resolution } : undefined,
    news => {
      if (base === undefined) return;
      setLive(before => ({ base, range: withPoints(before?.base === base ? before.range : base, news, serverNow()) }));
    },
  );
  // After an outage what came meanwhile is missing.
  const state = useCity(city => city.state.kind);
  const before = useRef(state);
  useEffect(() => {
    if (state === 'live' && (before.current === 'outage' || before.current === 'lost')) asked.reload();
    before.current = state;
  }, [state]);
  return { ...asked, answer: live !== undefined && live.base === base ? live.range : base };
}

export function SeriesPage({ gateway, sensor, metric, maxPoints }: SeriesKey & { readonly maxPoints: number }) {
  const key = { gateway, sensor, metric };
  const { query } = usePlace();
  const series = useSeries(key);
  const loaded = useCity(city => city.loaded);
  const stale = useStale(series);
  const span = readSpan(query, defaultMs);
  const resolution = resolutions.find(one => one === query.get('resolution')) ?? 'auto';
  const quantiles = query.get('quantiles') !== '0';
  const table = query.has('table');
  const range = useRange(key, span, resolution, chartPoints(query.get('points'), maxPoints));
  const { from, to } = spanBounds(span);
  const answer = range.answer;
  const embed = query.has('embed');
  return (
    <>
      <section class={stale ? 'panel series-panel stale' : 'panel series-panel'} aria-labelledby="series-title">
        <div class="series-head">
          <div class="series-names">
            <h1 id="series-title">
              {sensor} <span class="metric">{metric}</span>
            </h1>
            <p class="quiet">
              <a href={linkTo('/gateways', { q: gateway })}>{gateway}</a>
              {series?.zone != null && (
                <>
                  {' · '}
                  <a href={linkTo('/series', { zone: series.zone })}>{series.zone}</a>
                </>
              )}
              {series?.site != null && ` · ${series.site}`}
              {series?.expectedMs != null && ` · a reading each ${each(series.expectedMs)}`}
            </p>
          </div>
          {series !== undefined && (
            <dl class="series-now">
              <div>
                <dt>Last value</dt>
                <dd class="big">
                  <Value series={series} />
                </dd>
              </div>
              <div>
                <dt>Age</dt>
                <dd>
                  <ValueAge series={series} />
                </dd>
              </div>
              <div>
                <dt>Last full hour complete</dt>
                <dd>
                  <CompletenessMark of={series.completeness} />
                </dd>
              </div>
            </dl>
          )}
          {series === undefined && loaded && (
            <p class="quiet">Not among the series of late: nothing has come for days.</p>
          )}
        </div>
        <div class="chart-bar">
          <SpanPicker span={span} />
          <label class="field">
            <span>Each point</span>
            <select
              value={resolution}
              onChange={event =>
                setQuery({ resolution: event.currentTarget.value === 'auto' ? undefined : event.currentTarget.value })
              }
            >
              <option value="auto">fitting{answer === undefined ? '' : ` (${answer.resolution})`}</option>
              <option value="raw">reading</option>
              <option value="1m">1 min</option>
              <option value="15m">15 min</option>
              <option value="1h">1 h</option>
              <option value="1d">1 day</option>
            </select>
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={quantiles}
              onChange={event => setQuery({ quantiles: event.currentTarget.checked ? undefined : 0 })}
            />
            Quantiles
          </label>
          <span class="spacer" />
          {!embed && (
            <>
              <CopyLink span={span} />
              <a class="button" href={linkTo('/compare', { s: [seriesId(key)], ...spanQuery(span) })}>
                Compare
              </a>
              <ExportMenu
                parameters={{ ...key, from: Math.round(from), to: Math.round(to) }}
                what={`this series, ${spanText(span)}`}
              />
            </>
          )}
        </div>
        {range.error !== undefined && <Failure error={range.error} retry={range.reload} />}
        {answer === undefined && range.error === undefined && (
          <div class="plot-blank">
            <Skeleton rows={1} label="the chart" />
          </div>
        )}
        {answer !== undefined && (
          <>
            <SeriesChart
              range={answer}
              name={`${sensor} ${metric}`}
              expectedMs={series?.expectedMs ?? null}
              span={span}
              quantiles={quantiles}
              onSpan={next => setQuery(spanQuery(next))}
            />
            <p class="range-line">
              <CompletenessMark of={answer.completeness} label />{' '}
              <span class="quiet">
                {spanText(span)}
                {inNumbers(answer)}
              </span>
              <span class="spacer" />
              <NumbersToggle shown={table} />
            </p>
            {table && <RangeTable range={answer} name={`${sensor} ${metric}`} />}
          </>
        )}
      </section>
      {/* The chart comes first: what follows asks for more than it does. */}
      {!embed && (answer !== undefined || range.error !== undefined) && <Beyond series={key} from={from} to={to} />}
    </>
  );
}

/** A point each pixel or so is as fine as can be seen; who zooms in a lot may ask for more (`points`). */
function chartPoints(asked: string | null, most: number): number {
  const fitting = Math.max(600, Math.min(2_000, Math.round(innerWidth * 1.2)));
  return Math.min(most, Math.max(10, Math.round(Number(asked)) || fitting));
}

function inNumbers({ completeness }: Range): string {
  if (completeness === null) return ': how many readings were to come is not known';
  return `: ${countText(completeness)}`;
}

function Beyond({ series, from, to }: { readonly series: SeriesKey; readonly from: number; readonly to: number }) {
  const end = Math.ceil(serverNow() / hourMs) * hourMs;
  const calendar = useAsk<CompletenessCalendar>(
    apiPath('completeness', { ...series, step: '1h', from: end - 14 * dayMs, to: end }),
  );
  // To the minute, so that a span which goes on is not another question at each drawing.
  const [start, stop] = [from, to].map(at => Math.ceil(at / 60_000) * 60_000);
  const gaps = useAsk<{ gaps: Gap[]; truncated: boolean; atLeastMs: number }>(
    apiPath('gaps', { ...series, from: start, to: stop }),
  );
  const alerts = useAsk<{ alerts: Alert[] }>(apiPath('alerts', { state: 'all', gateway: series.gateway, limit: 200 }));
  const own = alerts.answer?.alerts.filter(alert => seriesId(alert) === seriesId(series));
  return (
    <div class="series-beyond">
      <section class="panel" aria-labelledby="calendar-title">
        <div class="panel-head">
          <h2 id="calendar-title">Completeness, 14 days</h2>
        </div>
        {calendar.error !== undefined && <Failure error={calendar.error} retry={calendar.reload} />}
        {calendar.answer === undefined && calendar.error === undefined && <Skeleton label="the calendar" />}
        {calendar.answer !== undefined &&
          (calendar.answer.series === 0 ? (
            <Empty title="Its cadence is unknown">Nobody can say how many readings were to come.</Empty>
          ) : (
            <Calendar
              calendar={calendar.answer}
              name={`${series.sensor} ${series.metric}`}
              onPick={(start, end) => chooseSpan(fixedSpan(start, end))}
            />
          ))}
      </section>
      <section class="panel" aria-labelledby="gaps-title">
        <div class="panel-head">
          <h2 id="gaps-title">Gaps in the time shown</h2>
        </div>
        {gaps.error !== undefined && <Failure error={gaps.error} retry={gaps.reload} />}
        {gaps.answer === undefined && gaps.error === undefined && <Skeleton rows={3} label="gaps" />}
        {gaps.answer !== undefined && <Gaps {...gaps.answer} />}
        <div class="panel-head second">
          <h2>Alerts</h2>
          <a class="quiet-link" href={linkTo('/alerts', { gateway: series.gateway, state: 'all' })}>
            all of {series.gateway}
          </a>
        </div>
        {alerts.error !== undefined && <Failure error={alerts.error} retry={alerts.reload} />}
        {own !== undefined &&
          (own.length === 0 ? <p class="all-well">None lately.</p> : <AlertRows alerts={own.slice(0, 5)} short />)}
      </section>
    </div>
  );
}
