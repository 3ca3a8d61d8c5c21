/** Sets of whole numbers as sorted, disjoint, closed intervals: which sequence numbers have been seen. */
export type Interval = readonly [first: number, last: number];

export class IntervalSet {
  /** Sorted, disjoint, not adjacent. */
  #intervals: Interval[];

  constructor(intervals: readonly Interval[] = []) {
    this.#intervals = [];
    for (const [first, last] of intervals) this.add(first, last);
  }

  get intervals(): readonly Interval[] {
    return this.#intervals;
  }

  /** Adds `first … last` and returns the parts of it that were not there before. Cost: log of the intervals kept, plus those touched. */
  add(first: number, last: number): Interval[] {
    // A gap of one between neighbours closes: 1–4 and 5–9 are 1–9.
    const from = this.#firstEndingAtOrAfter(first - 1);
    let to = from;
    const fresh: Interval[] = [];
    let next = first;
    let low = first;
    let high = last;
    for (; to < this.#intervals.length && this.#intervals[to]![0] <= last + 1; to++) {
      const [start, end] = this.#intervals[to]!;
      if (start > next) fresh.push([next, Math.min(start - 1, last)]);
      next = Math.max(next, end + 1);
      low = Math.min(low, start);
      high = Math.max(high, end);
    }
    if (next <= last) fresh.push([next, last]);
    if (fresh.length > 0 || to - from !== 1) this.#intervals.splice(from, to - from, [low, high]);
    return fresh;
  }

  /** Takes `first … last` out. Cost: the intervals kept. */
  remove(first: number, last: number): void {
    this.#intervals = this.#intervals.flatMap(([start, end]): Interval[] => {
      if (end < first || start > last) return [[start, end]];
      const kept: Interval[] = [];
      if (start < first) kept.push([start, first - 1]);
      if (end > last) kept.push([last + 1, end]);
      return kept;
    });
  }

  /** The parts of `first … last` that are not in the set. */
  gaps(first: number, last: number): Interval[] {
    const gaps: Interval[] = [];
    let next = first;
    for (const [start, end] of this.#intervals) {
      if (start > last) break;
      if (start > next) gaps.push([next, start - 1]);
      next = Math.max(next, end + 1);
    }
    if (next <= last) gaps.push([next, last]);
    return gaps;
  }

  /** Joins the oldest intervals until no more than `most` are left: the gaps between them then count as seen. */
  limit(most: number): void {
    const extra = this.#intervals.length - most;
    if (extra <= 0) return;
    const joined = this.#intervals.splice(0, extra + 1);
    this.#intervals.unshift([joined[0]![0], joined.at(-1)![1]]);
  }

  has(value: number): boolean {
    const at = this.#intervals[this.#firstEndingAtOrAfter(value)];
    return at !== undefined && at[0] <= value;
  }

  /** How many numbers are in the set. */
  get size(): number {
    return this.#intervals.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  #firstEndingAtOrAfter(value: number): number {
    let low = 0;
    let high = this.#intervals.length;
    // Nearly always the newest interval grows.
    if (high > 0 && this.#intervals[high - 1]![0] <= value) low = high - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#intervals[middle]![1] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
