/** Several series of one unit over the same time. */
import { useMemo, useState } from 'preact/hooks';
import type { Range } from '../../src/answers.ts';
import { serverNow } from '../data/clock.ts';
import { quantityText, unitSymbol } from '../show/quantity.ts';
import { type Span, spanText } from '../show/span.ts';
import { clockTime, each } from '../show/time.ts';
import { comparedColumns } from './columns.ts';
import { colourOf, lonePoints } from './plot.ts';
import { plotKey, usePlot } from './use-plot.ts';

export interface CompareChartProps {
  readonly unit: string | null;
  readonly members: readonly { readonly id: string; readonly index: number; readonly range: Range }[];
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
}

/** Beside its colour each line has a dash of its own. */
const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3], [], [8, 4], [2, 3], [10, 3, 2, 3]] as const;

export function CompareChart({ unit, members, span, onSpan }: CompareChartProps) {
  const data = useMemo(() => comparedColumns(members.map(({ range }) => range)), [members]);
  const [byKey, setByKey] = useState(false);
  const plot = usePlot({
    data,
    unit,
    holes: () => [],
    parts: element => ({
      series: members.map(({ id, index }) => ({
        label: id,
        stroke: colourOf(element, `line-${index}`),
        width: 1.75,
        dash: [...dashes[index]!],
        points: { size: 4, fill: colourOf(element, `line-${index}`), filter: lonePoints },
      })),
    }),
    shape: `${unit} ${members.map(({ id, index }) => `${index}${id}`).join()}`,
    span,
    onSpan,
    syncKey: 'compare',
  });
  const at = plot.index === null ? undefined : data[0][plot.index];
  const names = members.map(({ id }) => id).join(', ');
  const steps = [
    ...new Set(
      members.map(({ range }) => (range.resolution === 'raw' ? 'each reading' : `mean of each ${each(range.stepMs)}`)),
    ),
  ];
  return (
    <figure class="chart">
      <figcaption class="about">
        {unitSymbol(unit) === '' ? 'Without a unit' : `In ${unitSymbol(unit)}`}. Lines: {steps.join(', ')}. Nothing is
        joined where readings are missing.
      </figcaption>
      <div
        class="plot compared-plot"
        ref={plot.ref}
        tabIndex={0}
        role="application"
        aria-roledescription="chart"
        aria-label={`${names}, ${spanText(span)}. Arrow keys read the points, with Shift they move, plus and minus zoom; the numbers are below.`}
        onKeyDown={event => setByKey(plotKey(event, plot))}
      />
      <p class="readout" aria-live={byKey ? 'polite' : 'off'}>
        {at === undefined
          ? ' '
          : `${clockTime(at * 1000, serverNow())}: ${members.map(({ id }, i) => `${id.split('/').at(-1)} of ${id.split('/')[0]} ${quantityText(nearest(data[i + 1]!, plot.index!), unit)}`).join(' · ')}`}
      </p>
    </figure>
  );
}

/** Where this entry is another series', the one before. */
function nearest(column: ArrayLike<number | null | undefined>, index: number): number | null {
  let i = index;
  while (i > 0 && column[i] === undefined) i--;
  return column[i] ?? null;
}
