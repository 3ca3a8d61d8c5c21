/** What one partition of the readings knows of a zone: its sensors there, and the windows that may still change. */
import type { ZonePart } from '@millrace/wire/zones.ts';
import { LiveWindow, LiveZone } from './lifecycle.ts';
import type { Membership } from './members.ts';
import { ZoneSum } from './sum.ts';

export class ZoneWindow extends LiveWindow {
  /** Of panes that take no more readings and are gone; the others are read anew each time. */
  readonly settled = new ZoneSum();
}

type Span = Pick<Membership, 'fromUs' | 'untilUs'>;

export class ZoneState extends LiveZone<ZoneWindow> {
  readonly members = new Set<Membership>();

  /** Some windows have another number of expected sensors now. */
  expectedChanged(before: Span, after: Span): void {
    for (const window of this.windows.values()) {
      if (isExpected(before, window.startUs) === isExpected(after, window.startUs)) continue;
      window.dirty = true;
      this.due = true;
    }
  }

  /** @returns how far the gateways that have sensors expected in the window have closed theirs: the slowest counts. */
  closedUs({ startUs }: ZoneWindow): number {
    let closedUs = Number.POSITIVE_INFINITY;
    for (const membership of this.members)
      if (isExpected(membership, startUs)) closedUs = Math.min(closedUs, membership.member.gateway.closedUs);
    return closedUs;
  }

  /** As `closedUs`, for windows that take no more readings. Also of sensors that have left: they may have a backlog. */
  settledUs(): number {
    let settledUs = Number.POSITIVE_INFINITY;
    for (const { member } of this.members) settledUs = Math.min(settledUs, member.gateway.forgottenUs);
    return settledUs;
  }

  /** @returns all that is known of a window; the numbers of one without readings are 0. */
  part(window: ZoneWindow, windowUs: number): ZonePart {
    const { startUs, settled, revision, final } = window;
    const sum = new ZoneSum();
    sum.merge(settled);
    let expectedSensors = 0;
    let expected = 0;
    for (const membership of this.members) {
      const pane = membership.member.paneOf(membership, startUs);
      if (pane !== undefined) sum.addSensor(pane);
      if (pane === undefined && !isExpected(membership, startUs)) continue;
      expectedSensors++;
      // With one sensor of unknown cadence, what came cannot be held against what the others were to send.
      expected += readingsExpected(membership.intervalMs, windowUs) || Number.NaN;
    }
    const { sensors, count, mean, meanOfMeans, min, max, sketch } = sum;
    return {
      startUs,
      sensors,
      // Those of panes that are gone may have been in the zone for that window only.
      sensorsExpected: Math.max(expectedSensors, sensors),
      count,
      expected: Number.isNaN(expected) ? 0 : expected,
      mean,
      meanOfMeans,
      min: count === 0 ? 0 : min,
      max: count === 0 ? 0 : max,
      sketch: count === 0 || sketch === undefined ? new Uint8Array() : sketch.encode(),
      revision,
      final,
    };
  }
}

/** Of one sensor, as in its own statistics; 0 unknown. */
const readingsExpected = (intervalMs: number, windowUs: number): number =>
  intervalMs > 0 ? Math.round(windowUs / 1000 / intervalMs) : 0;

const isExpected = ({ fromUs, untilUs }: Span, startUs: number): boolean => fromUs <= startUs && startUs < untilUs;
