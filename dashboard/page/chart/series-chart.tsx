/** One series over time: its line, the band from lowest to highest, quantiles; what is missing is shaded. */
import { useMemo, useState } from 'preact/hooks';
import type { Range } from '../../src/answers.ts';
import { serverNow } from '../data/clock.ts';
import { percent, plural, quantityText, unitSymbol, whole } from '../show/quantity.ts';
import { type Span, spanText } from '../show/span.ts';
import { clockTime, duration, each } from '../show/time.ts';
import { hasQuantiles, holesOf, isBanded, seriesColumns } from './columns.ts';
import { colourOf, lonePoints } from './plot.ts';
import { plotKey, usePlot } from './use-plot.ts';

/** The band's; they are not drawn themselves. */
const edge = { stroke: 'transparent', width: 0, points: { show: false } };

function partsOf(element: HTMLElement, banded: boolean, quantiles: boolean) {
  const accent = colourOf(element, 'accent');
  const quantile = { stroke: colourOf(element, 'quantile'), width: 1, points: { show: false } };
  return {
    series: [
      ...(banded ? [edge, edge] : []),
      ...(quantiles ? [{ ...quantile, dash: [2, 3] }, quantile, quantile] : []),
      { stroke: accent, width: 1.75, points: { size: 4, fill: accent, filter: lonePoints } },
    ],
    bands: [
      ...(banded ? [{ series: [1, 2] as [number, number], fill: colourOf(element, 'band') }] : []),
      ...(quantiles ? [{ series: [4, 5] as [number, number], fill: colourOf(element, 'quantile-band') }] : []),
    ],
  };
}

export interface SeriesChartProps {
  readonly range: Range;
  readonly name: string;
  readonly expectedMs: number | null;
  readonly span: Span;
  readonly quantiles: boolean;
  readonly onSpan: (span: Span) => void;
}

export function SeriesChart({ range, name, expectedMs, span, quantiles: wanted, onSpan }: SeriesChartProps) {
  const banded = isBanded(range);
  const quantiles = wanted && banded && hasQuantiles(range);
  const data = useMemo(() => seriesColumns(range, quantiles), [range, quantiles]);
  const holes = useMemo(() => holesOf(range), [range]);
  const [byKey, setByKey] = useState(false);
  const plot = usePlot({
    data,
    unit: range.unit,
    holes: () => holes,
    parts: element => partsOf(element, banded, quantiles),
    shape: `${range.unit} ${banded} ${quantiles}`,
    span,
    onSpan,
  });
  const at = plot.index === null ? undefined : data[0][plot.index];
  return (
    <figure class="chart">
      <p class="axis-unit" aria-hidden="true">
        {unitSymbol(range.unit)}
      </p>
      <div
        class="plot"
        ref={plot.ref}
        tabIndex={0}
        role="application"
        aria-roledescription="chart"
        aria-label={`${name}, ${spanText(span)}: ${summary(range)}. Arrow keys read its points, with Shift they move, plus and minus zoom; the table below has the same numbers.`}
        onKeyDown={event => setByKey(plotKey(event, plot))}
      />
      {range.t.length === 0 && <p class="plot-none">No readings in this span.</p>}
      <p class="readout" aria-live={byKey ? 'polite' : 'off'}>
        {at === undefined ? <Key range={range} quantiles={quantiles} /> : readout(range, at * 1000, expectedMs)}
      </p>
      <figcaption class="about">{about(range, quantiles)}</figcaption>
    </figure>
  );
}

function Key({ range, quantiles }: Pick<SeriesChartProps, 'range' | 'quantiles'>) {
  const banded = isBanded(range);
  return (
    <span class="key" aria-hidden="true">
      <span class="key-line">{range.shown === 'mean' ? 'mean' : 'reading'}</span>
      {banded && <span class="key-band">lowest to highest</span>}
      {quantiles && <span class="key-quantiles">p50 to p95</span>}
      {quantiles && <span class="key-p99">p99</span>}
      <span class="key-hole">no readings</span>
    </span>
  );
}

/** What the entry under the cursor says, with how complete it is. */
function readout(range: Range, at: number, expectedMs: number | null): string {
  const { t, value, min, max, last, count, quality, unit, stepMs, resolution, quantiles } = range;
  const time = clockTime(at, serverNow());
  let i = t.indexOf(Math.round(at));
  if (i < 0) {
    const q = quantiles?.t.indexOf(Math.round(at)) ?? -1;
    if (q < 0 || quantiles === null) return `${time}: no readings`;
    const texts = [quantiles.p50, quantiles.p95, quantiles.p99].map(column => quantityText(column[q], unit));
    i = t.findLastIndex(one => one <= at);
    return `${time}: of the window ${quantiles.window} before, p50 ${texts[0]}, p95 ${texts[1]}, p99 ${texts[2]}`;
  }
  if (resolution === 'raw') {
    const word = ['', ' (suspect)', ' (bad)', ' (substituted)'][quality[i] ?? 0] ?? '';
    return `${time}: ${quantityText(value[i], unit)}${word}`;
  }
  const expected = expectedMs === null ? undefined : Math.max(1, Math.round(stepMs / expectedMs));
  const whole_ = at + stepMs > serverNow();
  const of = expected === undefined || whole_ ? '' : ` of ${whole(expected)}`;
  const share =
    expected === undefined || whole_ ? '' : `, ${percent(Math.min(1, (count[i] ?? 0) / expected))} complete`;
  return `${time}, ${each(stepMs)}: mean ${quantityText(value[i], unit)} · ${quantityText(min[i], unit)} to ${quantityText(max[i], unit)} · last ${quantityText(last[i], unit)} · ${whole(count[i] ?? 0)}${of} readings${share}`;
}

/** What a point and the bands stand for. */
function about(
  { resolution, shown, stepMs, gapMs, unit, quantiles, truncated }: Range,
  withQuantiles: boolean,
): string {
  const symbol = unitSymbol(unit);
  const inUnit = symbol === '' ? '' : `, in ${symbol}`;
  const line =
    resolution === 'raw'
      ? `Line: each reading as it came${inUnit}.`
      : `Line: ${shown} of each ${each(stepMs)}${inUnit}. Band: lowest to highest.`;
  const q =
    withQuantiles && quantiles !== null && quantiles.t.length > 0
      ? ` Quantiles: of the processors’ windows (${quantiles.window}), within 1 %.`
      : '';
  const cut = truncated ? ' There are more points than are shown: these are the newest.' : '';
  return `${line}${q} Shaded: no reading for ${duration(gapMs)} or more; nothing is joined across it.${cut}`;
}

/** For those who do not see the drawing. */
function summary({ t, value, min, max, unit, completeness }: Range): string {
  const lows = (min.length > 0 ? min : value).filter(one => one !== null);
  const highs = (max.length > 0 ? max : value).filter(one => one !== null);
  if (lows.length === 0) return 'no readings';
  const lowest = lows.reduce((a, b) => Math.min(a, b));
  const highest = highs.reduce((a, b) => Math.max(a, b));
  const share = completeness === null ? '' : `, ${percent(Math.min(1, completeness.ratio))} complete`;
  return `${plural(t.length, 'point')}, lowest ${quantityText(lowest, unit)}, highest ${quantityText(highest, unit)}${share}`;
}
