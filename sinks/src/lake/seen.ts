/** Which readings a partition has given to the lake already: what comes again is left out. */
import { type Interval, IntervalSet } from '@millrace/wire/intervals.ts';

/**
 * Boots of gateways, those used longest ago go first. A gateway has one boot for months; a device that sends SenML has one
 * a message, resent within seconds. What is resent after so many others is stored twice until compaction finds it.
 */
const maxBoots = 50_000;
/** Of one boot: holes, or batches out of order. The oldest are forgotten, never joined: what was not seen is not lost. */
const maxIntervals = 1_000;

/** By `gateway/boot`, the one used last at the end. */
export type StoredSeen = readonly (readonly [boot: string, intervals: readonly Interval[]])[];

export class Seen {
  readonly #boots = new Map<string, IntervalSet>();
  readonly #maxBoots: number;

  constructor(stored: StoredSeen = [], most = maxBoots) {
    this.#maxBoots = most;
    for (const [boot, intervals] of stored) this.#boots.set(boot, new IntervalSet(intervals));
  }

  /** Takes `count` readings, at least one, from `firstSeq` on. @returns the parts that are new. */
  take(gateway: string, boot: number, firstSeq: number, count: number): readonly Interval[] {
    const key = `${gateway}/${boot}`;
    let set = this.#boots.get(key);
    if (set === undefined) {
      set = new IntervalSet();
      if (this.#boots.size >= this.#maxBoots) {
        const [oldest] = this.#boots.keys();
        this.#boots.delete(oldest!);
      }
    } else this.#boots.delete(key);
    this.#boots.set(key, set);
    const fresh = set.add(firstSeq, firstSeq + count - 1);
    if (set.intervals.length > maxIntervals) {
      const [first, last] = set.intervals[0]!;
      set.remove(first, last);
    }
    return fresh;
  }

  /** As it is now: what is taken later does not show in it. */
  stored(): StoredSeen {
    return Array.from(this.#boots, ([boot, set]) => [boot, [...set.intervals]] as const);
  }
}
