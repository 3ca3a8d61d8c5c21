/** A plot for as long as its component is shown: made anew for another theme, time zone or size, else only given data. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './chart.css';
import { onPreferences } from '../app/preferences.ts';
import { serverNow } from '../data/clock.ts';
import { fixedSpan, longestMs, type Span, shortestMs, spanBounds } from '../show/span.ts';
import { openPlot, type PlotParts } from './plot.ts';

export interface Shown extends Pick<PlotParts, 'unit' | 'holes' | 'syncKey'> {
  readonly data: uPlot.AlignedData;
  /** Series and bands are made when the plot is, with the colours of then. */
  readonly parts: (element: HTMLElement) => Pick<PlotParts, 'series' | 'bands'>;
  /** What else makes another plot necessary. */
  readonly shape: string;
  readonly span: Span;
  /** The viewer has moved, and rests. */
  readonly onSpan: (span: Span) => void;
}

const restMs = 250;

export interface Plotted {
  readonly ref: { current: HTMLDivElement | null };
  /** Index of the entry under the cursor. */
  readonly index: number | null;
  readonly move: (byShare: number) => void;
  readonly zoom: (scale: number) => void;
  /** To the next entry, for the keyboard. */
  readonly step: (by: number) => void;
}

export function usePlot(shown: Shown): Plotted {
  const ref = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(shown);
  const [index, setIndex] = useState<number | null>(null);
  /** While the viewer drags, and until what it leads to is here. */
  const moving = useRef<{ from: number; to: number } | undefined>(undefined);
  const rest = useRef<number | undefined>(undefined);
  latest.current = shown;

  const bounds = (): { from: number; to: number } => moving.current ?? spanBounds(latest.current.span);
  const show = (): void => {
    const { from, to } = bounds();
    plot.current?.setScale('x', { min: from / 1000, max: to / 1000 });
  };
  const moveTo = (from: number, to: number): void => {
    const length = Math.min(longestMs, Math.max(shortestMs, to - from));
    // Not beyond now: there is nothing to see.
    const end = Math.min(to, serverNow() + length * 0.02);
    moving.current = { from: end - length, to: end };
    show();
    clearTimeout(rest.current);
    rest.current = setTimeout(() => latest.current.onSpan(fixedSpan(end - length, end)), restMs);
  };

  useLayoutEffect(() => {
    const element = ref.current!;
    const open = (): void => {
      plot.current?.destroy();
      const { unit, holes: _, syncKey, data, parts } = latest.current;
      plot.current = openPlot(element, data, {
        ...parts(element),
        unit,
        holes: () => latest.current.holes(),
        bounds,
        syncKey,
        onMove: moveTo,
        onCursor: setIndex,
      });
    };
    open();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    resized.observe(element);
    const forget = onPreferences(open);
    return () => {
      forget();
      resized.disconnect();
      clearTimeout(rest.current);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shown.shape]);

  useEffect(() => {
    moving.current = undefined;
    show();
  }, [JSON.stringify(shown.span)]);

  useEffect(() => {
    plot.current?.setData(shown.data, false);
    show();
  }, [shown.data]);

  // The last hour goes on even when nothing comes: then it shows that nothing does.
  useEffect(() => {
    if (shown.span.kind !== 'last') return;
    const timer = setInterval(show, 2_000);
    return () => clearInterval(timer);
  }, [shown.span.kind]);

  return {
    ref,
    index,
    move: byShare => {
      const { from, to } = bounds();
      moveTo(from + (to - from) * byShare, to + (to - from) * byShare);
    },
    zoom: scale => {
      const { from, to } = bounds();
      const middle = latest.current.span.kind === 'last' && moving.current === undefined ? to : (from + to) / 2;
      moveTo(middle - (middle - from) * scale, middle + (to - middle) * scale);
    },
    step: by => {
      const [seconds] = latest.current.data;
      const before = plot.current?.cursor.idx ?? index;
      const next = before == null ? seconds.length - 1 : Math.min(seconds.length - 1, Math.max(0, before + by));
      const at = seconds[next];
      if (at === undefined || plot.current === undefined) return;
      plot.current.setCursor({ left: plot.current.valToPos(at, 'x'), top: 10 });
    },
  };
}

/** Keys on a focused plot; true when the key was one of them. */
export function plotKey(event: KeyboardEvent, { move, zoom, step }: Plotted): boolean {
  const { key, shiftKey } = event;
  const direction = key === 'ArrowLeft' ? -1 : key === 'ArrowRight' ? 1 : 0;
  if (direction !== 0 && shiftKey) move(direction * 0.25);
  else if (direction !== 0) step(direction);
  else if (key === '+' || key === '=') zoom(0.5);
  else if (key === '-') zoom(2);
  else return false;
  event.preventDefault();
  return true;
}
