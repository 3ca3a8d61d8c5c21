/** What the API answers, as uPlot wants it: seconds first, columns of equal length, gaps as nulls. */
import uPlot from 'uplot';
import type { Points, Range } from '../../src/answers.ts';

type Column = (number | null | undefined)[];

export interface Hole {
  readonly from: number;
  readonly to: number;
}

/** Spans of the range without a reading: nothing is drawn across them. `to` is the range's end, or now if that is sooner. */
export function holesOf({ t, from, to, gapMs, stepMs, now }: Range): Hole[] {
  const holes: Hole[] = [];
  const end = Math.min(to, now);
  let before = from;
  let inside = false;
  for (const at of t) {
    if (at - before > gapMs) holes.push({ from: inside ? before + stepMs : before, to: at });
    before = at;
    inside = true;
  }
  if (end - before > Math.max(gapMs, 2 * stepMs)) holes.push({ from: inside ? before + stepMs : before, to: end });
  return holes;
}

/** With an empty place wherever readings are missing. */
function withGaps({ t, gapMs }: Range, columns: readonly (readonly (number | null)[])[]): uPlot.AlignedData {
  const seconds: number[] = [];
  const out: Column[] = columns.map(() => []);
  for (let i = 0; i < t.length; i++) {
    const at = t[i]!;
    const before = t[i - 1];
    if (before !== undefined && at - before > gapMs) {
      seconds.push((before + at) / 2000);
      for (const column of out) column.push(null);
    }
    seconds.push(at / 1000);
    for (let c = 0; c < out.length; c++) out[c]!.push(columns[c]![i] ?? null);
  }
  return [seconds, ...out] as uPlot.AlignedData;
}

/** Raw readings that are bad are no part of the line. */
function shownValues({ resolution, value, quality }: Range): readonly (number | null)[] {
  if (resolution !== 'raw' || !quality.some(one => one === 2)) return value;
  return value.map((one, i) => (quality[i] === 2 ? null : one));
}

/** Columns of one series: time, highest, lowest, p99, p95, p50, value. */
export function seriesColumns(range: Range, quantiles: boolean): uPlot.AlignedData {
  const banded = range.resolution !== 'raw';
  const none = banded ? [] : new Array<null>(range.t.length).fill(null);
  const own = withGaps(range, [banded ? range.max : none, banded ? range.min : none, shownValues(range)]);
  const [seconds, max, min, value] = own as unknown as [number[], Column, Column, Column];
  const q = quantiles ? range.quantiles : null;
  if (q === null || q.t.length === 0) {
    const blank = new Array<null>(seconds.length).fill(null);
    return [seconds, max, min, blank, blank, blank, value] as uPlot.AlignedData;
  }
  const steps = q.t.slice(1).map((t, i) => t - q.t[i]!);
  const usual = steps.length === 0 ? 0 : [...steps].sort((a, b) => a - b)[steps.length >> 1]!;
  const bands = withGaps({ ...range, t: q.t, gapMs: 3 * usual }, [q.p99, q.p95, q.p50]);
  // Where one of the two has no entry the other's line goes on; only nulls break a line.
  const [x, a, b, c, d, e, f] = uPlot.join([[seconds, max, min, value] as uPlot.AlignedData, bands]) as unknown as [
    number[],
    ...Column[],
  ];
  return [x, a, b, d, e, f, c] as unknown as uPlot.AlignedData;
}

/** Columns of several series of one unit: time, then each one's value. */
export function comparedColumns(ranges: readonly Range[]): uPlot.AlignedData {
  const tables = ranges.map(range => withGaps(range, [shownValues(range)]));
  return tables.length === 1 ? tables[0]! : uPlot.join(tables);
}

/** Newer entries replace those from their first on: the last ones were not complete yet. */
export function withPoints(range: Range, points: Points, now: number): Range {
  const first = points.t[0];
  if (first === undefined || points.resolution !== range.resolution) return { ...range, now };
  let keep = range.t.length;
  while (keep > 0 && range.t[keep - 1]! >= first) keep--;
  const joined = <T>(before: readonly T[], after: readonly T[]): T[] => [...before.slice(0, keep), ...after];
  return {
    ...range,
    now,
    to: Math.max(range.to, now),
    t: joined(range.t, points.t),
    value: joined(range.value, points.value),
    min: joined(range.min, points.min),
    max: joined(range.max, points.max),
    last: joined(range.last, points.last),
    count: joined(range.count, points.count),
    quality: joined(range.quality, points.quality),
  };
}
