/** Which sequence numbers lie in the outbox without PUBACK, as the status of the gateway says them. */
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

  remove(first: number, last: number): void {
    if (last < first) return;
    this.#set.remove(first, last);
    const { intervals } = this.#set;
    if (intervals.length <= keptIntervals) return;
    this.#set.add(intervals[keptIntervals / 2]![0], intervals.at(-1)![1]);
    this.#isCoarse = true;
  }

  /** Call it when nothing with a reading is left. */
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
