/** A uPlot that pans and zooms, shades what is missing, and takes its colours from the style sheet. */
import uPlot from 'uplot';
import { timeZone } from '../app/preferences.ts';
import { axisValue } from '../show/quantity.ts';
import { dayMs, hourMinute, hourMinuteSecond, minuteMs, shortDay, wallTime } from '../show/time.ts';
import type { Hole } from './columns.ts';

/** When the viewer's move began that the next drawing shows. */
const moves = new WeakMap<PlotParts, number>();
let drawnBefore = false;

/** User timing, which the bench reads: the first chart, and how long each move took to be drawn. Only the last is kept. */
function tellDrawn(parts: PlotParts): void {
  if (!drawnBefore) performance.mark('millrace:first-chart');
  drawnBefore = true;
  const start = moves.get(parts);
  if (start === undefined) return;
  moves.delete(parts);
  performance.clearMeasures('millrace:chart-move');
  performance.measure('millrace:chart-move', { start, end: performance.now() });
}

export interface PlotParts {
  readonly unit: string | null;
  readonly series: readonly uPlot.Series[];
  readonly bands?: readonly uPlot.Band[];
  readonly holes: () => readonly Hole[];
  /** Unix ms; asked at each drawing. */
  readonly bounds: () => { readonly from: number; readonly to: number };
  /** The viewer moved to another span. */
  readonly onMove: (from: number, to: number) => void;
  readonly onCursor: (index: number | null) => void;
  readonly syncKey?: string | undefined;
}

/** The colour that a custom property stands for now; `light-dark()` is resolved by the browser. */
export function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function openPlot(element: HTMLElement, data: uPlot.AlignedData, parts: PlotParts): uPlot {
  const axis = {
    stroke: colourOf(element, 'quiet'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: colourOf(element, 'line'), width: 1 },
    ticks: { show: false },
  };
  const hatch = hatching(colourOf(element, 'line-strong'));
  const options: uPlot.Options = {
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    padding: [10, 14, 0, 0],
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      ...(parts.syncKey === undefined ? {} : { sync: { key: parts.syncKey, setSeries: false } }),
    },
    // A time zone is given to each split alone: an axis has ten of them, the data a hundred thousand.
    tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), timeZone()),
    scales: {
      x: {
        time: true,
        range: () => {
          const { from, to } = parts.bounds();
          return [from / 1000, to / 1000];
        },
      },
      y: { range: (_plot, min, max) => valueBounds(min, max) },
    },
    axes: [
      {
        ...axis,
        space: 76,
        size: 30,
        values: (plot, splits) => splits.map((split, i) => axisTime(plot, splits, split, i)),
      },
      {
        ...axis,
        size: (_plot, values) => Math.max(40, ...(values ?? []).map(value => value.length * 7.2 + 14)),
        values: (_plot, splits) => {
          const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));
          return splits.map(split => axisValue(split, step, parts.unit));
        },
      },
    ],
    series: [{}, ...parts.series],
    bands: [...(parts.bands ?? [])],
    hooks: {
      drawClear: [plot => shade(plot, parts.holes(), hatch)],
      setCursor: [plot => parts.onCursor(plot.cursor.idx ?? null)],
      ready: [plot => handle(plot, parts)],
      draw: [() => tellDrawn(parts)],
    },
  };
  return new uPlot(options, data, element);
}

/** With some room, and not below zero for what never is. */
function valueBounds(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const room = (max - min || Math.abs(max) || 1) * 0.08;
  return [min >= 0 && min - room < 0 ? 0 : min - room, max <= 0 && max + room > 0 ? 0 : max + room];
}

function axisTime(plot: uPlot, splits: readonly number[], seconds: number, index: number): string {
  const ms = seconds * 1000;
  const step = ((splits[1] ?? seconds) - (splits[0] ?? seconds)) * 1000;
  const { day, hour, minute } = wallTime(ms);
  if (step >= dayMs) return shortDay(ms);
  const before = splits[index - 1];
  const newDay = before === undefined ? hour === 0 && minute === 0 : wallTime(before * 1000).day !== day;
  if (newDay && (plot.scales.x!.max! - plot.scales.x!.min!) * 1000 > 6 * 3_600_000) return shortDay(ms);
  return step < minuteMs ? hourMinuteSecond(ms) : hourMinute(ms);
}

function hatching(colour: string): CanvasPattern | string {
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const context = tile.getContext('2d')!;
  context.strokeStyle = colour;
  context.globalAlpha = 0.55;
  context.lineWidth = 1;
  context.beginPath();
  for (const shift of [-8, 0, 8]) {
    context.moveTo(shift, 8);
    context.lineTo(shift + 8, 0);
  }
  context.stroke();
  return context.createPattern(tile, 'repeat') ?? colour;
}

function shade(plot: uPlot, holes: readonly Hole[], hatch: CanvasPattern | string): void {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x!;
  if (min == null || max == null) return;
  ctx.save();
  ctx.fillStyle = hatch;
  for (const { from, to } of holes) {
    if (to / 1000 < min || from / 1000 > max) continue;
    const left = Math.max(bbox.left, plot.valToPos(from / 1000, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to / 1000, 'x', true));
    // A hole narrower than a pixel is a hole still.
    if (right > left) ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
  }
  ctx.restore();
}

/** Drag moves, Ctrl with the wheel or two fingers zoom at where they are. */
function handle(plot: uPlot, parts: PlotParts): void {
  const { over } = plot;
  const { bounds } = parts;
  const onMove = (from: number, to: number): void => {
    moves.set(parts, performance.now());
    parts.onMove(from, to);
  };
  const pointers = new Map<number, number>();
  let grabbed: { from: number; to: number; xs: number[] } | undefined;
  const grab = (): void => {
    grabbed = { ...bounds(), xs: [...pointers.values()] };
  };
  over.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    over.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event.offsetX);
    grab();
  });
  over.addEventListener('pointermove', event => {
    if (grabbed === undefined || !pointers.has(event.pointerId)) return;
    pointers.set(event.pointerId, event.offsetX);
    const { from, to, xs } = grabbed;
    const now = [...pointers.values()];
    const perPixel = (to - from) / over.clientWidth;
    const [a0, b0 = a0!] = xs as [number, number?];
    const [a1, b1 = a1!] = now as [number, number?];
    if (xs.length === 1 && Math.abs(a1 - a0) < 3) return;
    const scale = xs.length === 2 ? Math.abs(a0 - b0) / Math.max(20, Math.abs(a1 - b1)) : 1;
    const middle = from + ((a0 + b0) / 2) * perPixel;
    const start = middle - ((a1 + b1) / 2) * perPixel * scale;
    over.classList.add('moving');
    onMove(start, start + (to - from) * scale);
  });
  const release = (event: PointerEvent): void => {
    pointers.delete(event.pointerId);
    over.classList.remove('moving');
    grabbed = undefined;
    if (pointers.size > 0) grab();
  };
  over.addEventListener('pointerup', release);
  over.addEventListener('pointercancel', release);
  over.addEventListener(
    'wheel',
    event => {
      if (!event.ctrlKey && !event.metaKey) return; // The wheel alone scrolls the page.
      event.preventDefault();
      const { from, to } = bounds();
      const scale = Math.exp(event.deltaY * 0.0025);
      const middle = from + (event.offsetX / over.clientWidth) * (to - from);
      onMove(middle - (middle - from) * scale, middle + (to - middle) * scale);
    },
    { passive: false },
  );
}

/** Points where a line has no neighbour to go to, and all of them where there are few. */
export function lonePoints(
  plot: uPlot,
  seriesIndex: number,
  _show: boolean,
  _gaps?: number[][] | null,
): number[] | null {
  const data = plot.data[seriesIndex]!;
  const [first, last] = plot.series[0]!.idxs!;
  const few = last - first < plot.width / 12;
  const found: number[] = [];
  for (let i = first; i <= last; i++) {
    if (data[i] == null) continue;
    if (few || (neighbour(data, i, -1) === null && neighbour(data, i, 1) === null)) found.push(i);
  }
  return found;
}

/** The next entry that is not merely another column's; null at a gap and at the ends. */
function neighbour(data: ArrayLike<number | null | undefined>, index: number, step: 1 | -1): number | null {
  let i = index + step;
  while (i >= 0 && i < data.length && data[i] === undefined) i += step;
  return data[i] ?? null;
}
