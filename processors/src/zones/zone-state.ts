/** What one partition of the readings knows of a zone: its sensors there, and the windows that may still change. */
import { type ZoneMetric, zoneKey } from '@millrace/wire/zones.ts';
import type { Membership } from './members.ts';
import { ZoneSum } from './sum.ts';

/** A zone's window is: open → final → forgotten, once no sensor's pane of it can change any more. */
export class ZoneWindow {
  readonly startUs: number;
  /** Of panes that take no more readings and are gone; the others are read anew each time. */
  settled = new ZoneSum();
  revision = 0;
  final = false;
  /** `nowUs` of the first flush after it began; undefined before. */
  openedUs: number | undefined;
  /** `nowUs` when its entry was last written. */
  keptUs = 0;
  /** The part differs from what was last published. */
  dirty = true;
  /** Its entry in the state is not what it was. */
  touched = true;
  /** When a part was last published, by the monotonic clock. */
  sentMs = Number.NEGATIVE_INFINITY;

  constructor(startUs: number) {
    this.startUs = startUs;
  }
}

export class ZoneState {
  readonly of: ZoneMetric;
  readonly key: string;
  /** Sorted, so that sums come out the same to the last bit. */
  readonly members: Membership[] = [];
  readonly windows = new Map<number, ZoneWindow>();
  /** Windows that start before it are forgotten. */
  forgottenUs = 0;
  /** `nowUs` when its entry was last written. */
  keptUs = 0;
  touched = true;
  /** When to look at it next: at once, or at one of these times. */
  due = true;
  dueUs = Number.POSITIVE_INFINITY;
  dueMs = Number.POSITIVE_INFINITY;
  /** Windows that start before it are given up for want of room. */
  cutUs = 0;

  constructor(of: ZoneMetric) {
    this.of = of;
    this.key = zoneKey(of);
  }

  add(membership: Membership): void {
    const { order } = membership.member;
    let low = 0;
    let high = this.members.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.members[middle]!.member.order < order) low = middle + 1;
      else high = middle;
    }
    this.members.splice(low, 0, membership);
  }

  /** Windows whose number of expected sensors is another one now. */
  expectedChanged(before: Pick<Membership, 'fromUs' | 'untilUs'>, after: Pick<Membership, 'fromUs' | 'untilUs'>): void {
    for (const window of this.windows.values()) {
      if (isExpected(before, window.startUs) === isExpected(after, window.startUs)) continue;
      window.dirty = true;
      this.due = true;
    }
  }

  /** @returns how far all gateways with sensors expected in the window have come: the slowest counts. */
  progress(startUs: number): { closedUs: number; forgottenUs: number } {
    let closedUs = Number.POSITIVE_INFINITY;
    let forgottenUs = Number.POSITIVE_INFINITY;
    for (const membership of this.members) {
      if (!isExpected(membership, startUs)) continue;
      const { gateway } = membership.member;
      closedUs = Math.min(closedUs, gateway.closedUs);
      forgottenUs = Math.min(forgottenUs, gateway.forgottenUs);
    }
    return { closedUs, forgottenUs };
  }

  /** @returns all that is known of a window. @param expectedOf readings that a cadence (ms) asks for; 0 unknown. */
  sum(window: ZoneWindow, expectedOf: (intervalMs: number) => number): ZonePartSum {
    const { startUs } = window;
    const sum = new ZoneSum();
    sum.add(window.settled);
    let sensorsExpected = 0;
    let expected = 0;
    for (const membership of this.members) {
      const pane = membership.member.paneOf(membership, startUs);
      if (pane !== undefined) sum.addSensor(pane);
      if (pane === undefined && !isExpected(membership, startUs)) continue;
      sensorsExpected++;
      // One without a cadence: what came cannot be held against what the others were to send.
      expected += expectedOf(membership.intervalMs) || Number.NaN;
    }
    return {
      sum,
      sensorsExpected: Math.max(sensorsExpected, sum.sensors),
      expected: Number.isNaN(expected) ? 0 : expected,
    };
  }
}

export interface ZonePartSum {
  readonly sum: ZoneSum;
  readonly sensorsExpected: number;
  readonly expected: number;
}

const isExpected = ({ fromUs, untilUs }: Pick<Membership, 'fromUs' | 'untilUs'>, startUs: number): boolean =>
  fromUs <= startUs && startUs < untilUs;
