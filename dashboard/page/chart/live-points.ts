import type { Points, Range } from '../../src/answers.ts';

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
