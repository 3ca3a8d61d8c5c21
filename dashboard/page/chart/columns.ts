/** What the API answers, as uPlot wants it: seconds first, columns of equal length, gaps as nulls. */
import uPlot from 'uplot';
import type { Range } from '../../src/answers.ts';

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

export const isBanded = ({ resolution }: Range): boolean => resolution !== 'raw';
export const hasQuantiles = ({ quantiles }: Range): boolean => quantiles !== null && quantiles.t.length > 0;

/**
 * Columns of one series: time, then highest and lowest where points are buckets, then p99, p95, p50 where they are wanted
 * and known, then the value. No column is there in vain: each is looked at for each frame that a viewer drags.
 */
export function seriesColumns(range: Range, withQuantiles: boolean): uPlot.AlignedData {
  if (!isBanded(range)) return withGaps(range, [shownValues(range)]);
  const own = withGaps(range, [range.max, range.min, range.value]);
  const { quantiles } = range;
  if (!withQuantiles || quantiles === null || !hasQuantiles(range)) return own;
  const steps = quantiles.t.slice(1).map((t, i) => t - quantiles.t[i]!);
  const usual = [...steps].sort((a, b) => a - b)[steps.length >> 1] ?? 0;
  const bands = withGaps({ ...range, t: quantiles.t, gapMs: 3 * usual }, [quantiles.p99, quantiles.p95, quantiles.p50]);
  const [t, max, min, value, p99, p95, p50] = joined([own, bands]) as unknown as [number[], ...Column[]];
  return [t, max, min, p99, p95, p50, value] as unknown as uPlot.AlignedData;
}

/**
 * On one time axis. Where a table has no entry for another's its lines go on; where it has a gap, the gap reaches over all
 * that others have within it (uPlot's NULL_EXPAND).
 */
function joined(tables: uPlot.AlignedData[]): uPlot.AlignedData {
  return uPlot.join(
    tables,
    tables.map(table => table.map(() => 2)),
  );
}

/** Columns of several series of one unit: time, then each one's value. */
export function comparedColumns(ranges: readonly Range[]): uPlot.AlignedData {
  const tables = ranges.map(range => withGaps(range, [shownValues(range)]));
  return tables.length === 1 ? tables[0]! : joined(tables);
}
