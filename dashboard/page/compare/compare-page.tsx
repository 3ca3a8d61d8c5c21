/** Several series over the same time: those of one unit in one chart, another unit below it. */
import { useMemo, useState } from 'preact/hooks';
import type { Range, Series, SeriesKey } from '../../src/answers.ts';
import { seriesPath, setQuery, usePlace } from '../app/location.ts';
import { CompareChart } from '../chart/charts.ts';
import { RangeTable } from '../chart/range-table.tsx';
import { SpanPicker } from '../chart/span-picker.tsx';
import { apiPath, ask } from '../data/ask.ts';
import { seriesId, useCity, useSeries } from '../data/city.ts';
import { CopyLink } from '../series/copy-link.tsx';
import { matches } from '../series/series-list.tsx';
import { ValueAge } from '../show/age.tsx';
import { Empty, Failure, Skeleton } from '../show/blank.tsx';
import { CompletenessMark } from '../show/completeness.tsx';
import { NumbersToggle } from '../show/filters.tsx';
import { Value } from '../show/marks.tsx';
import { unitSymbol } from '../show/quantity.ts';
import { readSpan, spanQuery, spanText } from '../show/span.ts';
import { hourMs } from '../show/time.ts';
import { useRanges } from './use-ranges.ts';
import './compare.css';

export const maxCompared = 8;
const defaultMs = 24 * hourMs;

/** `gateway/sensor/metric`; a sensor's name may hold slashes itself. */
export function readKey(text: string): SeriesKey | undefined {
  const parts = text.split('/');
  if (parts.length < 3) return undefined;
  return { gateway: parts[0]!, sensor: parts.slice(1, -1).join('/'), metric: parts.at(-1)! };
}

export function ComparePage({ maxPoints }: { readonly maxPoints: number }) {
  const { query } = usePlace();
  const keys = query
    .getAll('s')
    .map(readKey)
    .filter(key => key !== undefined)
    .slice(0, maxCompared);
  const ids = keys.map(seriesId);
  const span = readSpan(query, defaultMs);
  const table = query.has('table');
  const { ranges, errors, reload } = useRanges(keys, span, Math.min(maxPoints, 1_000));
  const byUnit = useMemo(() => {
    const groups = new Map<string, { unit: string | null; members: { id: string; index: number; range: Range }[] }>();
    for (const [index, id] of ids.entries()) {
      const range = ranges.get(id);
      if (range === undefined) continue;
      const group = groups.get(range.unit ?? '') ?? { unit: range.unit, members: [] };
      groups.set(range.unit ?? '', group);
      group.members.push({ id, index, range });
    }
    return [...groups.values()];
  }, [ranges, ids.join()]);
  const [first] = [...errors.values()];

  return (
    <section class="panel" aria-labelledby="compare-title">
      <div class="panel-head">
        <h1 id="compare-title">Compare</h1>
        <span class="quiet">{ids.length === 0 ? '' : spanText(span)}</span>
        <span class="spacer" />
        {ids.length > 0 && <CopyLink span={span} />}
      </div>
      <div class="chart-bar">
        <SpanPicker span={span} />
      </div>
      <ul class="compared">
        {keys.map((key, index) => (
          <Compared
            key={ids[index]}
            id={ids[index]!}
            series={key}
            index={index}
            range={ranges.get(ids[index]!)}
            remove={() => setQuery({ s: ids.filter(id => id !== ids[index]) })}
          />
        ))}
      </ul>
      {ids.length < maxCompared && <Add chosen={ids} />}
      {ids.length === 0 && (
        <Empty title="Nothing to compare yet">
          <p>Add series above, or choose some in the list of series.</p>
        </Empty>
      )}
      {first !== undefined && <Failure error={first} retry={reload} />}
      {ids.length > 0 && ranges.size === 0 && first === undefined && (
        <div class="plot-blank">
          <Skeleton rows={1} label="the chart" />
        </div>
      )}
      {byUnit.map(({ unit, members }) => (
        <CompareChart
          key={unit ?? ''}
          unit={unit}
          members={members}
          span={span}
          onSpan={next => setQuery(spanQuery(next))}
        />
      ))}
      {byUnit.length > 0 && (
        <>
          <p class="range-line">
            <span class="spacer" />
            <NumbersToggle shown={table} />
          </p>
          {table &&
            byUnit
              .flatMap(({ members }) => members)
              .map(({ id, range }) => (
                <details key={id}>
                  <summary>{id}</summary>
                  <RangeTable range={range} name={id} />
                </details>
              ))}
        </>
      )}
    </section>
  );
}

interface ComparedProps {
  readonly id: string;
  readonly series: SeriesKey;
  readonly index: number;
  readonly range: Range | undefined;
  readonly remove: () => void;
}

function Compared({ id, series, index, range, remove }: ComparedProps) {
  const newest = useSeries(series);
  return (
    <li>
      <svg class={`line-sample line-${index}`} viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">
        <path d="M0 4h24" />
      </svg>
      <a href={seriesPath(series)}>
        {series.sensor} <span class="metric">{series.metric}</span>
      </a>
      <span class="quiet">
        {series.gateway}
        {newest?.zone == null ? '' : ` · ${newest.zone}`}
      </span>
      <span class="compared-now">
        {newest !== undefined && (
          <>
            <Value series={newest} /> <ValueAge series={newest} />
          </>
        )}
      </span>
      <span class="compared-share">{range !== undefined && <CompletenessMark of={range.completeness} label />}</span>
      <button type="button" class="plain-button" aria-label={`Remove ${id}`} onClick={remove}>
        ×
      </button>
    </li>
  );
}

function Add({ chosen }: { readonly chosen: readonly string[] }) {
  const all = useCity(city => city.series);
  const truncated = useCity(city => city.truncated);
  const [text, setText] = useState('');
  const [found, setFound] = useState<readonly Series[]>([]);
  const search = async (next: string): Promise<void> => {
    setText(next);
    const words = next
      .toLowerCase()
      .split(/\s+/)
      .filter(word => word !== '');
    if (truncated && next !== '') {
      const answer = await ask<{ series: Series[] }>(apiPath('series', { q: next, limit: 12 })).catch(() => undefined);
      setFound(answer?.series ?? []);
    } else
      setFound(
        words.length === 0
          ? []
          : all.filter(one => matches(one, words) && !chosen.includes(seriesId(one))).slice(0, 12),
      );
  };
  const add = (one: Series): void => {
    setQuery({ s: [...chosen, seriesId(one)] });
    setText('');
    setFound([]);
  };
  return (
    <div class="adder">
      <label class="field grow">
        <span>Add a series</span>
        <input
          type="search"
          data-search
          value={text}
          placeholder="Gateway, sensor, metric, zone …"
          autocomplete="off"
          onInput={event => void search(event.currentTarget.value)}
          onKeyDown={event => event.key === 'Enter' && found[0] !== undefined && add(found[0])}
        />
      </label>
      {found.length > 0 && (
        <ul class="found" aria-label="Series found">
          {found.map(one => (
            <li key={seriesId(one)}>
              <button type="button" class="plain-button" onClick={() => add(one)}>
                {one.sensor} <span class="metric">{one.metric}</span>{' '}
                <span class="quiet">
                  {one.gateway}
                  {one.zone === null ? '' : ` · ${one.zone}`}
                  {unitSymbol(one.unit) === '' ? '' : ` · ${unitSymbol(one.unit)}`}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
