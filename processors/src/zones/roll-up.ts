/**
 * What the sensors of one partition of the readings add to the zones they are in: a part a zone and window, made anew from
 * the sensors' panes whenever one of them changed. Parts of all partitions come together in `task.ts`.
 *
 * The zones' windows are the engine's panes: of their size, and with its dates.
 */
import type { OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import type { Series } from '@millrace/wire/batch.ts';
import type { GatewayId, KafkaTopics } from '@millrace/wire/names.ts';
import { encodeZoneParts, type ZoneMetric, type ZonePart, zoneKey } from '@millrace/wire/zones.ts';
import type { Flush, FlushClock } from '../task.ts';
import { cutOldest, type LifeTimes } from './lifecycle.ts';
import { expectedForUs, MemberGateway, type Membership, memberKey, type PaneSource, ZoneMember } from './members.ts';
import { encodeChunk, encodeWindow, encodeZone, keys, restoreEntry } from './roll-up-state.ts';
import { ZoneState, ZoneWindow } from './zone-state.ts';

export type { PaneSource, ZoneMember } from './members.ts';

/** `windowUs` is the size of the engine's panes. */
export interface ZoneRollUpOptions extends LifeTimes {
  /** Of the readings: the parts' source. */
  readonly partition: number;
  readonly topics: Pick<KafkaTopics, 'zoneParts'>;
  readonly limits: {
    /** Known within a day. */
    readonly sensorsPerGateway: number;
    /** Zones, by metric and unit. */
    readonly zones: number;
    /** Over all zones. */
    readonly windows: number;
  };
}

export interface ZoneRollUpCounters {
  /** Changes of panes whose zone's window is forgotten: they are in the sensor's statistics alone. */
  late: number;
  /** Series that came to no zone: as many are known as are kept, of their gateway or of zones. */
  refused: number;
  /** Windows given up while some gateway might still have added to them: more were waiting than are kept. */
  cut: number;
}

/** A zone without windows and sensors is kept for this long, to know what it has forgotten. */
const idleUs = expectedForUs + 3_600_000_000;
/** A sketch has up to some 10 KB, a record has room for 1 MB. */
const partsPerRecord = 32;

/**
 * Calls come in this order: `restore` for all entries; `join` for all restored series, `progress` for all restored
 * gateways; then, as readings come, `join`, `describe`, `opened`, `changed`; and at each flush of the engine `settled`,
 * `leave`, `progress`, and `flush` as the last.
 */
export class ZoneRollUp {
  readonly counters: ZoneRollUpCounters = { late: 0, refused: 0, cut: 0 };
  readonly #options: ZoneRollUpOptions;
  readonly #zones = new Map<string, ZoneState>();
  readonly #gateways = new Map<string, MemberGateway>();
  #windows = 0;
  /** Keys of entries of the state that are of no use any more. */
  #outdated: string[] = [];

  constructor(options: ZoneRollUpOptions) {
    this.#options = options;
  }

  /** @param key one that begins with `z/`. @throws {InvariantError} when it is not readable. */
  restore(key: string, value: Uint8Array): void {
    const ours = restoreEntry(key, value, {
      windowUs: this.#options.windowUs,
      gatewayOf: id => this.#gatewayOf(id),
      zoneOf: of => this.#zoneOf(of),
      addWindow: (zone, window) => this.#addWindow(zone, window),
    });
    if (!ours) this.#outdated.push(key);
  }

  /**
   * A series has appeared, or was restored. One call for each time the engine has it.
   * @param panes where its panes are to be found until `leave`.
   * @returns undefined when it is in no zone (try again when a batch says otherwise), or there is no room for it.
   */
  join(gatewayId: GatewayId, site: string, series: Series, panes: PaneSource): ZoneMember | undefined {
    const { sensor, metric, zone } = series;
    let member = this.#gateways.get(gatewayId)?.members.get(memberKey(sensor, metric));
    if (member === undefined) {
      if (zone === '') return undefined;
      const gateway = this.#gatewayOf(gatewayId);
      if (gateway.members.size >= this.#options.limits.sensorsPerGateway) {
        this.counters.refused++;
        return undefined;
      }
      const free = gateway.slots.indexOf(undefined);
      member = new ZoneMember(gateway, sensor, metric, free < 0 ? gateway.slots.length : free);
    }
    member.panes = panes;
    this.describe(member, site, series);
    return member;
  }

  /** To be called when a batch describes the series in another way (zone, unit, cadence) or names another site. */
  describe(member: ZoneMember, site: string, { zone, metric, unit, intervalMs }: Series): void {
    if (member.now !== undefined && neverThere(member.now)) member.now.zone.due = true;
    if (zone === '') return member.describe(undefined);
    const of = { site, zone, metric, unit };
    const key = zoneKey(of);
    let membership = member.memberships.find(other => other.zone.key === key);
    if (membership === undefined) {
      if (!this.#zones.has(key) && this.#zones.size >= this.#options.limits.zones) {
        this.counters.refused++;
        return member.describe(undefined);
      }
      membership = { member, zone: this.#zoneOf(of), intervalMs, fromUs: Number.MAX_SAFE_INTEGER, untilUs: 0 };
      member.memberships = [...member.memberships, membership];
      membership.zone.members.add(membership);
    } else if (membership.intervalMs !== intervalMs) {
      membership.intervalMs = intervalMs;
      member.touch();
    }
    member.describe(membership);
  }

  /** A pane of the series has its first reading. `changed` is not needed for it. */
  opened(member: ZoneMember, startUs: number): void {
    const { windowUs } = this.#options;
    // A zone that it left hears of it even if none of its other sensors reports then.
    for (const { zone, untilUs } of member.opened(startUs, windowUs))
      if (untilUs >= zone.forgottenUs) this.#touch(zone, untilUs);
    this.changed(member, startUs);
  }

  /** A pane has changed; once between two flushes is enough. */
  changed(member: ZoneMember, startUs: number): void {
    const zone = member.ownerOf(startUs)?.zone;
    if (zone === undefined) return;
    if (startUs < zone.forgottenUs) this.counters.late++;
    else this.#touch(zone, startUs);
  }

  /** A pane takes no more readings and is about to be dropped: `member`'s panes still have it. */
  settled(member: ZoneMember, startUs: number): void {
    const owner = member.ownerOf(startUs);
    // Mostly the zone has forgotten it already: then the pane need not be read.
    const window = owner?.zone.windows.get(startUs);
    const pane = window && member.panes?.pane(startUs);
    if (pane !== undefined) {
      window!.settled.addSensor(pane);
      window!.touched = true;
      owner!.zone.due = true;
    }
    member.settled(startUs);
  }

  /** The engine drops the series, which has no panes any more. Its zone goes on expecting it for a day. */
  leave(member: ZoneMember): void {
    if (member.now !== undefined && neverThere(member.now)) member.now.zone.due = true;
    member.leave();
  }

  /**
   * How far a gateway has come, in its own time. Restored from the engine's state, not from the roll-up's.
   * @param closedUs windows that end at or before it are final, by the gateway's own word.
   * @param forgottenUs windows that end at or before it take no more readings.
   */
  progress(gatewayId: GatewayId, closedUs: number, forgottenUs: number): void {
    const gateway = this.#gateways.get(gatewayId);
    if (gateway === undefined) return;
    const { windowUs } = this.#options;
    const passed = (before: number, after: number) => Math.floor(before / windowUs) !== Math.floor(after / windowUs);
    const moved = passed(gateway.closedUs, closedUs) || passed(gateway.forgottenUs, forgottenUs);
    gateway.closedUs = closedUs;
    gateway.forgottenUs = forgottenUs;
    if (!moved) return;
    for (const { memberships } of gateway.members.values()) for (const { zone } of memberships) zone.due = true;
  }

  /** @returns parts, and entries whose keys begin with `z/`. */
  flush(clock: FlushClock): Pick<Flush, 'results' | 'state'> {
    const results: OutgoingRecord[] = [];
    const state = new Map<string, Uint8Array | null>(this.#outdated.map(key => [key, null]));
    this.#outdated = [];
    const { windows } = this.#options.limits;
    if (this.#windows > windows) cutOldest(this.#zones.values(), () => 1, windows);
    for (const zone of this.#zones.values()) {
      if (!zone.isDue(clock)) continue;
      const parts = this.#advance(zone, clock, state);
      for (let at = 0; at < parts.length; at += partsPerRecord)
        results.push(this.#record(zone, parts.slice(at, at + partsPerRecord)));
      if (zone.touched) state.set(keys.zone(zone), encodeZone(zone.kept(clock)));
      const idle = zone.isIdle(clock, idleUs);
      this.#forgetMembers(zone, idle);
      if (!idle || zone.members.size > 0) continue;
      this.#zones.delete(zone.key);
      state.set(keys.zone(zone), null);
    }
    for (const gateway of this.#gateways.values()) {
      for (const chunk of gateway.dirtyChunks)
        state.set(keys.chunk(gateway.gateway, chunk), encodeChunk(gateway, chunk));
      gateway.dirtyChunks.clear();
      if (gateway.members.size === 0) this.#gateways.delete(gateway.gateway);
    }
    return { results, state };
  }

  /** Publishes what is due and forgets what is settled. @returns parts, oldest first. */
  #advance(zone: ZoneState, clock: FlushClock, state: Map<string, Uint8Array | null>): ZonePart[] {
    const { windowUs } = this.#options;
    const parts: ZonePart[] = [];
    zone.advance(clock, this.#options, {
      closed: window => zone.closedUs(window) >= window.startUs + windowUs,
      settled: window => zone.settledUs() >= window.startUs + windowUs,
      publish: window => {
        window.revision++;
        window.touched = true;
        parts.push(zone.part(window, windowUs));
      },
      keep: window => {
        state.set(keys.window(zone, windowUs, window.startUs), encodeWindow(window));
        window.settled.pack();
      },
      forget: ({ startUs }, cut) => {
        this.#windows--;
        if (cut) this.counters.cut++;
        state.set(keys.window(zone, windowUs, startUs), null);
      },
    });
    return parts;
  }

  #record(zone: ZoneState, parts: readonly ZonePart[]): OutgoingRecord {
    const { partition: source, topics } = this.#options;
    const value = encodeZoneParts({ ...zone.of, source, settledThroughUs: zone.forgottenUs, parts });
    return { topic: topics.zoneParts, key: zone.key, value };
  }

  #forgetMembers(zone: ZoneState, idle: boolean): void {
    for (const membership of zone.members) {
      const { member } = membership;
      // Has just joined.
      if (neverThere(membership) && membership === member.now && member.panes !== undefined) continue;
      const over = membership.untilUs <= zone.forgottenUs || (idle && member.panes === undefined);
      if (over && member.drop(membership)) zone.members.delete(membership);
    }
  }

  #touch(zone: ZoneState, startUs: number): void {
    const window = zone.windows.get(startUs);
    if (window === undefined) this.#addWindow(zone, new ZoneWindow(startUs));
    else zone.changed(window, this.#options);
  }

  #addWindow(zone: ZoneState, window: ZoneWindow): void {
    zone.windows.set(window.startUs, window);
    zone.due = true;
    this.#windows++;
  }

  #zoneOf(of: ZoneMetric): ZoneState {
    const key = zoneKey(of);
    let zone = this.#zones.get(key);
    if (zone === undefined) {
      zone = new ZoneState(of);
      this.#zones.set(key, zone);
    }
    return zone;
  }

  #gatewayOf(id: GatewayId): MemberGateway {
    let gateway = this.#gateways.get(id);
    if (gateway === undefined) {
      gateway = new MemberGateway(id);
      this.#gateways.set(id, gateway);
    }
    return gateway;
  }
}

/** No pane of it came yet. */
const neverThere = ({ fromUs, untilUs }: Membership): boolean => fromUs > untilUs;
