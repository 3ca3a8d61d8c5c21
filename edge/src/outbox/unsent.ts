/**
 * Which sequence numbers the broker has not heard of with a PUBACK, as the status of the gateway says them: those of readings
 * in the outbox, and those given up of which the record is still here.
 */
import { difference } from '@millrace/wire/interval-algebra.ts';
import { type Interval, IntervalSet } from '@millrace/wire/intervals.ts';
import { maxRanges } from '@millrace/wire/ranges.ts';

/** `lowest-priority` may leave every second batch: more intervals than this would cost more than they tell. */
const keptIntervals = 10_000;

export class Unsent {
  #set = new IntervalSet();
  /** The newest intervals were joined: what lies between them counts as unsent until all is sent. */
  #isCoarse = false;

  add(first: number, last: number): void {
    if (last >= first) this.#set.add(first, last);
  }

  /** `ranges` are sorted and disjoint. Cost: the intervals kept, and the ranges. */
  remove(ranges: readonly Interval[]): void {
    if (ranges.length === 0) return;
    this.#set = new IntervalSet(difference(this.#set.intervals, ranges));
    const { intervals } = this.#set;
    if (intervals.length <= keptIntervals) return;
    this.#set.add(intervals[keptIntervals / 2]![0], intervals.at(-1)![1]);
    this.#isCoarse = true;
  }

  /** Call it when the outbox is empty. */
  clear(): void {
    if (this.#isCoarse) this.#set = new IntervalSet();
    this.#isCoarse = false;
  }

  /** Oldest first, at most 100; of more, the last one reaches to the end and holds numbers that were sent. */
  get ranges(): readonly Interval[] {
    const { intervals } = this.#set;
    if (intervals.length <= maxRanges) return [...intervals];
    return [...intervals.slice(0, maxRanges - 1), [intervals[maxRanges - 1]![0], intervals.at(-1)![1]]];
  }
}
