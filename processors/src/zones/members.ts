/**
 * Which sensors a zone has, and whose each pane is.
 *
 * A sensor's place in a zone has a beginning and an end in event time: it is expected for a day after it was last heard,
 * and once it reports from another zone, the old one loses it from then on. A pane belongs, whole, to the zone that its
 * first reading named: so no reading is in two zones, also when a backlog from the old zone comes between readings from
 * the new one.
 */
import type { GatewayId } from '@millrace/wire/names.ts';
import type { SensorPane } from './sum.ts';
import type { ZoneState } from './zone-state.ts';

const hourUs = 3_600_000_000;
/** How long a silent sensor is expected, beyond the hour in which it was heard: whole hours seldom change the state. */
export const expectedForUs = 24 * hourUs;

/** The panes of a series, as the engine keeps them. */
export interface PaneSource {
  /** @param startUs of the pane. @returns undefined when there is none. */
  pane(startUs: number): SensorPane | undefined;
}

/** Expected in windows that start from `fromUs` on and before `untilUs`. */
export interface Membership {
  readonly member: ZoneMember;
  readonly zone: ZoneState;
  /** Of the series, ms; 0 unknown. */
  intervalMs: number;
  fromUs: number;
  untilUs: number;
}

export class MemberGateway {
  readonly gateway: GatewayId;
  /** Windows that end at or before it are final, by the gateway's own word. */
  closedUs = 0;
  /** Windows that end at or before it take no more readings. */
  forgottenUs = 0;
  /** By sensor and metric. */
  readonly members = new Map<string, ZoneMember>();
  /** Where members are in the state; `chunkSize` of them are an entry. */
  readonly slots: (ZoneMember | undefined)[] = [];
  readonly dirtyChunks = new Set<number>();

  constructor(gateway: GatewayId) {
    this.gateway = gateway;
  }
}

export const chunkSize = 64;
const none: readonly Membership[] = [];

export const memberKey = (sensor: string, metric: string): string => `${sensor}\n${metric}`;

/** A series that is, or lately was, in some zone. For the engine nothing but a handle. */
export class ZoneMember {
  readonly gateway: MemberGateway;
  readonly sensor: string;
  readonly metric: string;
  readonly slot: number;
  /** By sensor and metric. */
  readonly key: string;
  /** undefined: the series has no panes at present. */
  panes: PaneSource | undefined;
  /** Replaced, not added to: an array that grows takes room for 17. */
  memberships: readonly Membership[] = [];
  /** As the newest batch says; undefined: in no zone. */
  now: Membership | undefined;
  /** Where it is in event time: the others have ended, or begin before it. */
  current: Membership | undefined;
  /** Whose the panes are that `pins` does not name. */
  home: Membership | undefined;
  /** Once there has been another zone than `home`: no pane of `home` starts at or after it; 0 before. */
  homeUntilUs = 0;
  /** Owners of panes, by start, that are not of `home`; undefined: of no zone. Hardly a sensor has any. */
  pins: Map<number, Membership | undefined> | undefined;
  #homeIsOver = false;

  constructor(gateway: MemberGateway, sensor: string, metric: string, slot: number) {
    this.gateway = gateway;
    this.sensor = sensor;
    this.metric = metric;
    this.slot = slot;
    this.key = memberKey(sensor, metric);
    gateway.slots[slot] = this;
    gateway.members.set(this.key, this);
  }

  /** To be kept with the next flush. */
  touch(): void {
    this.gateway.dirtyChunks.add(Math.floor(this.slot / chunkSize));
  }

  ownerOf(startUs: number): Membership | undefined {
    return this.pins?.has(startUs) === true ? this.pins.get(startUs) : this.home;
  }

  /** @returns the pane, if it is one of this membership's. */
  paneOf(membership: Membership, startUs: number): SensorPane | undefined {
    return this.panes !== undefined && this.ownerOf(startUs) === membership ? this.panes.pane(startUs) : undefined;
  }

  /** @param membership one of its own; undefined: none. */
  describe(membership: Membership | undefined): void {
    if (membership === this.now) return;
    if (this.home === undefined) {
      this.home = membership;
    } else if (this.homeUntilUs === 0) {
      this.homeUntilUs = this.home.untilUs;
      this.touch();
    }
    this.now = membership;
  }

  /** A pane begins. @returns the memberships that have another end now, since the sensor was elsewhere from then on. */
  opened(startUs: number, windowUs: number): readonly Membership[] {
    const { now, current } = this;
    if (this.#homeIsOver) this.#moveHome();
    if (now !== this.home) {
      this.pins ??= new Map();
      this.pins.set(startUs, now);
      this.touch();
    } else if (this.homeUntilUs > 0 && startUs >= this.homeUntilUs) {
      this.homeUntilUs = startUs + windowUs;
      this.touch();
    }
    const heardUntilUs = (Math.floor(startUs / hourUs) + 1) * hourUs + expectedForUs;
    if (now !== current && current !== undefined && startUs < current.fromUs) {
      // From before it came to where it is: a backlog.
      if (now === undefined || (now.fromUs <= startUs && now.untilUs > startUs)) return none;
      span(now, Math.min(now.fromUs, startUs), Math.max(now.untilUs, Math.min(heardUntilUs, current.fromUs)));
      return now.untilUs === current.fromUs ? [now] : none;
    }
    if (now !== current) {
      this.current = now;
      this.touch();
    }
    if (now !== undefined) {
      // Back where it once was, it was not there in between.
      const fromUs = now.untilUs > startUs ? Math.min(now.fromUs, startUs) : startUs;
      span(now, fromUs, Math.max(now.untilUs, heardUntilUs));
    }
    if (this.memberships.length < (now === undefined ? 1 : 2)) return none;
    const ended = this.memberships.filter(other => other !== now && other.untilUs > startUs);
    for (const other of ended) span(other, other.fromUs, startUs);
    return ended;
  }

  /** A pane takes no more readings, and is dropped; all that are older go with the same flush, or went before. */
  settled(startUs: number): void {
    if (this.homeUntilUs === 0) return;
    if (startUs >= this.homeUntilUs) this.#homeIsOver = true;
    if (this.pins?.delete(startUs) === true) this.touch();
  }

  /** No pane of `home` is left: one without a pin is opened from now on. */
  #moveHome(): void {
    this.#homeIsOver = false;
    if (this.now === undefined) return;
    this.home = this.now;
    const pins = [...(this.pins ?? [])];
    this.homeUntilUs = pins.length > 0 ? Math.max(...pins.map(([startUs]) => startUs)) + 1 : 0;
    const others = pins.filter(([, owner]) => owner !== this.home);
    this.pins = others.length > 0 ? new Map(others) : undefined;
    this.touch();
  }

  /** The series has no panes any more. */
  leave(): void {
    this.panes = undefined;
    if (this.memberships.length === 0) this.#forget();
    if (this.homeUntilUs === 0) return;
    this.home = this.now;
    this.homeUntilUs = 0;
    this.pins = undefined;
    this.#homeIsOver = false;
    this.touch();
  }

  /** Of a zone that keeps no window in which it was. @returns false when it is still needed. */
  drop(membership: Membership): boolean {
    const needed =
      membership === this.now || membership === this.home || [...(this.pins?.values() ?? [])].includes(membership);
    if (needed && this.panes !== undefined) return false;
    this.memberships = this.memberships.filter(other => other !== membership);
    if (this.now === membership) this.now = undefined;
    if (this.home === membership) this.home = undefined;
    if (this.current === membership) this.current = undefined;
    this.touch();
    if (this.memberships.length === 0 && this.panes === undefined) this.#forget();
    return true;
  }

  #forget(): void {
    this.gateway.members.delete(this.key);
    this.gateway.slots[this.slot] = undefined;
  }
}

function span(membership: Membership, fromUs: number, untilUs: number): void {
  const before = { fromUs: membership.fromUs, untilUs: membership.untilUs };
  if (before.fromUs === fromUs && before.untilUs === untilUs) return;
  membership.fromUs = fromUs;
  membership.untilUs = untilUs;
  membership.member.touch();
  membership.zone.expectedChanged(before, membership);
}
