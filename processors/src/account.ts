/** What has come of one boot of a gateway: which readings were counted, which it gave up, which are missing. */
import type { DroppedRange } from '@millrace/wire/batch.ts';
import { type Interval, IntervalSet } from '@millrace/wire/intervals.ts';
import type { GatewayLedger } from '@millrace/wire/ledger.ts';

/** Only a gateway with very many separate holes has more than a few. */
const maxIntervals = 1_000;
/** As many as a `GatewayLedger` lists. */
const maxHoles = 100;

/** An account as the state keeps it; the last three are left out where they are empty. */
export type StoredAccount = readonly [
  boot: number,
  settled: readonly Interval[],
  dropped?: readonly Interval[],
  unlisted?: number,
  droppedUnlisted?: number,
];

/**
 * A sequence number is: absent → counted, or absent → dropped → counted (given up, and arrived all the same).
 *
 * Of more than a thousand separate intervals the oldest are joined: numbers between them are settled as what they then
 * were. Those missing stay missing in the sums, without a place in the list of holes; should they arrive, they are
 * taken for resends. So what is said to be missing may be too much, and never too little.
 */
export class BootAccount {
  /** Counted, or settled otherwise. */
  readonly #settled: IntervalSet;
  /** Given up and not arrived; disjoint from `#settled`. */
  readonly #dropped: IntervalSet;
  /** Missing, and settled. */
  #unlisted: number;
  /** Dropped, and settled. */
  #droppedUnlisted: number;

  constructor(settled: readonly Interval[] = [], dropped: readonly Interval[] = [], unlisted = 0, droppedUnlisted = 0) {
    this.#settled = new IntervalSet(settled);
    this.#dropped = new IntervalSet(dropped);
    this.#unlisted = unlisted;
    this.#droppedUnlisted = droppedUnlisted;
  }

  /** Takes `count` readings from `firstSeq` on. @returns the parts that were not counted before. */
  take(firstSeq: number, count: number): readonly Interval[] {
    if (count === 0) return [];
    const fresh = this.#settled.add(firstSeq, firstSeq + count - 1);
    const lastDropped = this.#dropped.intervals.at(-1)?.[1] ?? -1;
    if (firstSeq <= lastDropped) for (const [first, last] of fresh) this.#dropped.remove(first, last);
    if (this.#settled.intervals.length > maxIntervals) this.limit();
    return fresh;
  }

  /** Takes the gateway's word for what it gave up. What has been counted stays counted. */
  drop(ranges: readonly DroppedRange[]): void {
    if (ranges.length === 0) return;
    // Joined first: ranges that overlap would each meet every interval.
    const declared = new IntervalSet(ranges.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]));
    for (const [first, last] of declared.intervals)
      for (const gap of this.#settled.gaps(first, last)) this.#dropped.add(...gap);
    this.limit();
  }

  /** @returns the account, without whose and of when it is. */
  sums(): Pick<GatewayLedger, 'lastSeq' | 'counted' | 'dropped' | 'missing' | 'holes'> {
    const lastSeq = Math.max(this.#settled.intervals.at(-1)?.[1] ?? -1, this.#dropped.intervals.at(-1)?.[1] ?? -1);
    const counted = this.#settled.size - this.#unlisted - this.#droppedUnlisted;
    const dropped = this.#dropped.size + this.#droppedUnlisted;
    const missing = lastSeq + 1 - counted - dropped;
    return { lastSeq, counted, dropped, missing, holes: missing === this.#unlisted ? [] : this.#holes(lastSeq) };
  }

  stored(boot: number): StoredAccount {
    const settled = this.#settled.intervals;
    const dropped = this.#dropped.intervals;
    if (dropped.length === 0 && this.#unlisted === 0 && this.#droppedUnlisted === 0) return [boot, settled];
    return [boot, settled, dropped, this.#unlisted, this.#droppedUnlisted];
  }

  #holes(lastSeq: number): readonly Interval[] {
    const known = new IntervalSet(this.#settled.intervals);
    for (const [first, last] of this.#dropped.intervals) known.add(first, last);
    return known.gaps(0, lastSeq).slice(0, maxHoles);
  }

  /** Separate intervals, settled and dropped. */
  get intervals(): number {
    return this.#settled.intervals.length + this.#dropped.intervals.length;
  }

  /** @param most of each, settled and dropped; the oldest are joined. */
  limit(most = maxIntervals): void {
    const extra = this.#dropped.intervals.length - most;
    for (const [first, last] of extra > 0 ? this.#dropped.intervals.slice(0, extra) : []) {
      this.#droppedUnlisted += last - first + 1;
      this.#dropped.remove(first, last);
      this.#settled.add(first, last);
    }
    if (this.#settled.intervals.length <= most) return;
    const [settledBefore, droppedBefore] = [this.#settled.size, this.#dropped.size];
    this.#settled.limit(most);
    this.#dropped.remove(...this.#settled.intervals[0]!);
    const dropped = droppedBefore - this.#dropped.size;
    this.#droppedUnlisted += dropped;
    this.#unlisted += this.#settled.size - settledBefore - dropped;
  }
}
