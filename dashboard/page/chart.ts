/** One series over time: the mean of each bucket as a line in the band from lowest to highest; gaps stay gaps. */
import type { Points, Range } from '../src/answers.ts';
import { clockTime, duration, quantity, quantityText, unitSymbol } from './format.ts';
import uPlot from './uplot.js';

type Column = (number | null)[];

interface Shown {
  readonly unit: string | null;
  readonly minutes: number;
  readonly now: () => number;
}

export class Chart {
  readonly #plotElement: HTMLElement;
  readonly #readout: HTMLElement;
  #plot: uPlot | undefined;
  #range: Range | undefined;
  #shown: Shown | undefined;

  constructor(plotElement: HTMLElement, readout: HTMLElement) {
    this.#plotElement = plotElement;
    this.#readout = readout;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(plotElement);
    // Colours are taken from the style sheet when the plot is made.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
  }

  clear(): void {
    this.#range = undefined;
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#readout.textContent = '';
  }

  show(range: Range, shown: Shown): void {
    this.#range = range;
    this.#shown = shown;
    this.#draw();
  }

  /** Newer buckets replace those from their first on: the last ones were not complete yet. */
  add(points: Points): void {
    const range = this.#range;
    const first = points.t[0];
    if (range === undefined || points.stepMs !== range.stepMs) return;
    if (first !== undefined) {
      const found = range.t.findIndex(t => t >= first);
      const keep = found < 0 ? range.t.length : found;
      const joined = <T>(before: T[], after: T[]): T[] => [...before.slice(0, keep), ...after];
      this.#range = {
        ...range,
        t: joined(range.t, points.t),
        min: joined(range.min, points.min),
        mean: joined(range.mean, points.mean),
        max: joined(range.max, points.max),
        count: joined(range.count, points.count),
      };
    }
    if (this.#plot === undefined) this.#draw();
    else this.#plot.setData(columns(this.#range!));
  }

  get points(): number {
    return this.#range?.t.length ?? 0;
  }

  /** For those who do not see the drawing. */
  summary(): string {
    const numbers = (column: Column): number[] => column.filter(value => value !== null);
    const { unit = null } = this.#shown ?? {};
    const lowest = numbers(this.#range?.min ?? []).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const highest = numbers(this.#range?.max ?? []).reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    if (lowest > highest) return 'no readings';
    return `lowest ${quantityText(lowest, unit)}, highest ${quantityText(highest, unit)}`;
  }

  /** What a point and the band stand for. */
  about(): string {
    const { stepMs = 0, gapMs = 0 } = this.#range ?? {};
    const unit = unitSymbol(this.#shown?.unit ?? null);
    const inUnit = unit === '' ? '' : `, in ${unit}`;
    return `Line: mean of each ${each(stepMs)}${inUnit}. Band: lowest to highest. Gap: no reading for ${duration(gapMs)} or more.`;
  }

  #draw(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.#range === undefined || this.#range.t.length === 0) return;
    this.#plot = new uPlot(this.#options(), columns(this.#range), this.#plotElement);
  }

  #size(): { width: number; height: number } {
    return { width: this.#plotElement.clientWidth, height: this.#plotElement.clientHeight };
  }

  #options(): uPlot.Options {
    const style = getComputedStyle(this.#plotElement);
    const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    const { unit, minutes, now } = this.#shown!;
    const axis = {
      stroke: colour('quiet'),
      font: '12px system-ui, sans-serif',
      grid: { stroke: colour('line'), width: 1 },
      ticks: { show: false },
    };
    const edge = { stroke: 'transparent', width: 0, points: { show: false } };
    return {
      ...this.#size(),
      legend: { show: false },
      padding: [10, 16, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: true, range: () => [(now() - minutes * 60_000) / 1000, now() / 1000] } },
      axes: [
        { ...axis, space: 70, size: 30, values: (_plot, splits) => splits.map(split => axisTime(split, minutes)) },
        {
          ...axis,
          size: /^(By|bit)\b/.test(unit ?? '') ? 66 : 52,
          values: (_plot, splits) => splits.map(split => axisValue(split, splits, unit)),
        },
      ],
      series: [
        {},
        { ...edge, label: 'highest' },
        { ...edge, label: 'lowest' },
        {
          label: 'mean',
          stroke: colour('accent'),
          width: 1.75,
          points: { size: 4, fill: colour('accent') },
        },
      ],
      bands: [{ series: [1, 2], fill: colour('band') }],
      hooks: { setCursor: [plot => this.#tell(plot)] },
    };
  }

  #tell({ cursor, data }: uPlot): void {
    const index = cursor.idx;
    const at = index == null ? undefined : data[0][index];
    if (index == null || at == null || this.#shown === undefined) {
      this.#readout.textContent = '';
      return;
    }
    const [, max, min, mean] = data;
    const { unit, now } = this.#shown;
    const values = [mean, min, max].map(column => quantityText(column?.[index] ?? null, unit));
    const text = `mean ${values[0]} · lowest ${values[1]} · highest ${values[2]}`;
    this.#readout.textContent = `${clockTime(at * 1000, now())}  ${mean?.[index] == null ? 'no readings' : text}`;
  }
}

/** uPlot's columns, seconds first, with an empty place wherever readings are missing, so that nothing is joined across. */
function columns({ t, min, mean, max, stepMs, gapMs }: Range): uPlot.AlignedData {
  const seconds: number[] = [];
  const [highs, lows, means]: [Column, Column, Column] = [[], [], []];
  for (const [i, at] of t.entries()) {
    const before = t[i - 1];
    if (before !== undefined && at - before > gapMs) {
      seconds.push((before + stepMs) / 1000);
      for (const column of [highs, lows, means]) column.push(null);
    }
    seconds.push(at / 1000);
    highs.push(max[i] ?? null);
    lows.push(min[i] ?? null);
    means.push(mean[i] ?? null);
  }
  return [seconds, highs, lows, means];
}

/** `second`, `5 s`, `minute`. */
function each(ms: number): string {
  return ({ 1000: 'second', 60_000: 'minute', 3_600_000: 'hour' } as Record<number, string>)[ms] ?? duration(ms);
}

function axisTime(seconds: number, minutes: number): string {
  const date = new Date(seconds * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  if (minutes > 1440 || (midnight && minutes >= 360)) {
    return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  }
  return date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** Bytes are scaled, hence with their unit; all else needs as many decimals as its neighbours differ by. */
function axisValue(value: number, splits: readonly number[], ucum: string | null): string {
  if (/^(By|bit)\b/.test(ucum ?? '')) {
    const { number, unit } = quantity(value, ucum);
    return value === 0 ? '0' : `${number} ${unit}`;
  }
  const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));
  const digits = Number(step.toPrecision(6)).toString().split('.')[1]?.length ?? 0;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace('-', '−');
}
