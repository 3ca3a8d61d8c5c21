/**
 * Set operations on intervals as `IntervalSet.intervals` gives them: sorted, disjoint, closed. Each makes one pass over
 * both sides and returns a new list of the same kind.
 */
import type { Interval } from './intervals.ts';

/** What both have. */
export function intersection(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const common: Interval[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const first = Math.max(a[i]![0], b[j]![0]);
    const last = Math.min(a[i]![1], b[j]![1]);
    if (first <= last) common.push([first, last]);
    if (a[i]![1] < b[j]![1]) i++;
    else j++;
  }
  return common;
}

/** What `a` has and `b` lacks. */
export function difference(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const rest: Interval[] = [];
  let j = 0;
  for (const [start, last] of a) {
    let first = start;
    while (j < b.length && b[j]![1] < first) j++;
    // `b[k]` may reach into the next interval of `a`, so `j` stays on it.
    for (let k = j; k < b.length && b[k]![0] <= last && first <= last; k++) {
      if (b[k]![0] > first) rest.push([first, b[k]![0] - 1]);
      first = b[k]![1] + 1;
    }
    if (first <= last) rest.push([first, last]);
  }
  return rest;
}

/** How many numbers the intervals hold. */
export function sizeOf(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}
