/**
 * What a post has still to send, as slots of time: their bytes are made when they are sent, so that a city of thousands
 * fits into one process and a day of backlog costs nothing. Slots are numbered from the Unix epoch.
 *
 * A slot is: to come → live, or backlog (the connection was away, or the process was) → in flight → acknowledged;
 * back to backlog when the connection closes before its PUBACK. What the post itself gave up is never sent.
 */
import type { Interval } from '@millrace/wire/intervals.ts';
import { IntervalSet } from '@millrace/wire/intervals.ts';
import { Boot } from './boot.ts';
import type { Post } from './city.ts';
import { bootStart } from './local-time.ts';
import { isIn, slotMs } from './plan.ts';
import type { Seed } from './random.ts';

/** More wait for the connection than a few: they are backlog. */
const maxLive = 4;
/** Boots at hand: the one that runs, and those of a backlog. */
const maxBoots = 3;

export interface Place {
  readonly boot: Boot;
  /** Of the boot. */
  readonly slot: number;
}

export class Outbox {
  readonly #seed: Seed;
  readonly #post: Post;
  readonly #boots: Boot[] = [];
  readonly #backlog = new IntervalSet();
  readonly #live: number[] = [];
  readonly #inFlight = new Set<number>();
  readonly #first: number;
  /** The next slot that will be due. */
  #next: number;

  /** @param fromMs the first reading to send; a boot's beginning, so that its sequence has no hole. */
  constructor(seed: Seed, post: Post, fromMs: number) {
    this.#seed = seed;
    this.#post = post;
    this.#first = fromMs / slotMs;
    this.#next = this.#first;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get isEmpty(): boolean {
    return this.#inFlight.size === 0 && this.#live.length === 0 && this.#backlog.intervals.length === 0;
  }

  get hasLive(): boolean {
    return this.#live.length > 0;
  }

  get hasBacklog(): boolean {
    return this.#backlog.intervals.length > 0;
  }

  /** Everything before that instant has been acknowledged, ms. */
  get completeMs(): number {
    return (
      Math.min(this.#next, this.#live[0] ?? Infinity, this.#backlog.intervals[0]?.[0] ?? Infinity, ...this.#inFlight) *
      slotMs
    );
  }

  /** End of the newest slot that is due, ms. */
  get dueMs(): number {
    return this.#next * slotMs;
  }

  /** Slots that end at or before the instant become due. @returns how many readings that are. */
  advance(nowMs: number): number {
    const end = Math.floor(nowMs / slotMs);
    let readings = 0;
    for (; this.#next < end; this.#next++) {
      const { boot, slot } = this.placeOf(this.#next);
      readings += boot.readings(slot);
      if (boot.isDropped(slot)) continue;
      if (isIn(boot.plan.outage, boot.startOf(slot))) this.#backlog.add(this.#next, this.#next);
      else if (this.#live.push(this.#next) > maxLive) this.#toBacklog(this.#live.shift()!);
    }
    return readings;
  }

  /** The next slot to send, live first; its bytes are those of `placeOf`. */
  take(withBacklog: boolean): number | undefined {
    let slot = this.#live.shift();
    if (slot === undefined && withBacklog) {
      slot = this.#backlog.intervals[0]?.[0];
      if (slot !== undefined) this.#backlog.remove(slot, slot);
    }
    if (slot !== undefined) this.#inFlight.add(slot);
    return slot;
  }

  acknowledge(slot: number): void {
    this.#inFlight.delete(slot);
  }

  /** The connection is gone: what has no PUBACK is to be sent again, and nothing is live any more. */
  disconnected(): void {
    for (const slot of this.#inFlight) this.#toBacklog(slot);
    for (const slot of this.#live) this.#toBacklog(slot);
    this.#inFlight.clear();
    this.#live.length = 0;
  }

  placeOf(slot: number): Place {
    const ms = slot * slotMs;
    let boot = this.#boots.find(({ plan }) => isIn({ fromMs: plan.startMs, toMs: plan.endMs }, ms));
    if (boot === undefined) {
      boot = new Boot(this.#seed, this.#post, bootStart(ms));
      this.#boots.push(boot);
      if (this.#boots.length > maxBoots) this.#boots.shift();
    }
    return { boot, slot: boot.slotAt(ms) };
  }

  /** The newest boot that has begun, and how many of its slots are due. */
  newest(): { readonly boot: Boot; readonly due: number } {
    const { boot, slot } = this.placeOf(Math.max(this.#first, this.#next - 1));
    return { boot, due: this.#next === this.#first ? 0 : slot + 1 };
  }

  /** Of the newest boot: readings without PUBACK, as sequence numbers. */
  unsent(): Interval[] {
    const { boot, due } = this.newest();
    const first = this.#next - due;
    const waiting = new IntervalSet(this.#backlog.intervals);
    for (const slot of [...this.#live, ...this.#inFlight]) waiting.add(slot, slot);
    return waiting.intervals.flatMap(([from, to]): Interval[] => {
      const [low, high] = [Math.max(from, first) - first, to - first];
      if (high < low || high < 0) return [];
      const range: Interval = [boot.firstSeq(low), boot.firstSeq(high + 1) - 1];
      return range[1] < range[0] ? [] : [range];
    });
  }

  /** Readings that wait; of more than a boot about right. */
  get waiting(): number {
    let slots = this.#live.length + this.#inFlight.size;
    for (const [from, to] of this.#backlog.intervals) slots += to - from + 1;
    if (slots === 0) return 0;
    const { boot } = this.newest();
    return Math.round((slots * boot.firstSeq(boot.slots)) / boot.slots);
  }

  #toBacklog(slot: number): void {
    this.#backlog.add(slot, slot);
  }
}
