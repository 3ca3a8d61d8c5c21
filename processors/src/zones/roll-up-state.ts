/** The roll-up's entries in the state: `z/s/…` sensors of a gateway, `z/w/…` a zone, `z/m/…` a zone's window. */
import { InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { ZoneMetric } from '@millrace/wire/zones.ts';
import { Sketch } from '../sketch.ts';
import { ExactSum } from './exact-sum.ts';
import { chunkSize, type MemberGateway, type Membership, ZoneMember } from './members.ts';
import { decode, encode, metricOf } from './stored.ts';
import { type ZoneState, ZoneWindow } from './zone-state.ts';

export const keys = {
  chunk: (gateway: GatewayId, chunk: number): string => `z/s/${gateway}/${chunk}`,
  zone: ({ key }: ZoneState): string => `z/w/${key}`,
  window: ({ key }: ZoneState, windowUs: number, startUs: number): string => `z/m/${windowUs}/${startUs}/${key}`,
} as const;

type StoredMembership = readonly [
  site: string,
  zone: string,
  unit: string,
  intervalMs: number,
  fromUs: number,
  untilUs: number,
];

/** Memberships are named by their index, −1 for none; the last three are left out of a sensor that stays where it is. */
type StoredMember = readonly [
  slot: number,
  sensor: string,
  metric: string,
  memberships: readonly StoredMembership[],
  current: number,
  home: number,
  homeUntilUs?: number,
  pins?: readonly (readonly [startUs: number, membership: number])[],
];

type StoredZone = readonly [forgottenUs: number, keptUs: number];

type StoredWindow = readonly [
  revision: number,
  final: 0 | 1,
  openedUs: number,
  keptUs: number,
  settled:
    | readonly [
        sensors: number,
        count: number,
        readings: readonly number[],
        means: readonly number[],
        min: number,
        max: number,
        sketchBase64: string | null,
      ]
    | null,
];

/** @returns null when none of its sensors is left. */
export function encodeChunk({ slots }: MemberGateway, chunk: number): Uint8Array | null {
  const members = slots.slice(chunk * chunkSize, (chunk + 1) * chunkSize).filter(member => member !== undefined);
  return members.length === 0 ? null : encode(members.map(storedMember));
}

function storedMember(member: ZoneMember): StoredMember {
  const { slot, sensor, metric, memberships, current, home, homeUntilUs, pins } = member;
  const index = (membership: Membership | undefined) =>
    membership === undefined ? -1 : memberships.indexOf(membership);
  const stored = [
    slot,
    sensor,
    metric,
    memberships.map(
      ({ zone: { of }, intervalMs, fromUs, untilUs }): StoredMembership => [
        of.site,
        of.zone,
        of.unit,
        intervalMs,
        fromUs,
        untilUs,
      ],
    ),
    index(current),
    index(home),
  ] as const;
  if (homeUntilUs === 0) return stored;
  return [...stored, homeUntilUs, [...(pins ?? [])].map(([startUs, owner]) => [startUs, index(owner)])];
}

export const encodeZone = ({ forgottenUs, keptUs = 0 }: ZoneState): Uint8Array =>
  encode([forgottenUs, keptUs] satisfies StoredZone);

export function encodeWindow({ revision, final, openedUs = 0, keptUs = 0, settled }: ZoneWindow): Uint8Array {
  const { sensors, count, readings, means, min, max, sketch } = settled;
  const sketchBase64 = sketch === undefined ? null : Buffer.from(sketch.encode()).toString('base64');
  return encode([
    revision,
    final ? 1 : 0,
    openedUs,
    keptUs,
    count === 0 ? null : [sensors, count, readings.parts, means.parts, min, max, sketchBase64],
  ] satisfies StoredWindow);
}

interface Restored {
  readonly windowUs: number;
  gatewayOf(gateway: GatewayId): MemberGateway;
  zoneOf(of: ZoneMetric): ZoneState;
  addWindow(zone: ZoneState, window: ZoneWindow): void;
}

/**
 * Brings back what an entry says.
 * @returns false when it is of windows of another size than today's: it can go.
 * @throws {InvariantError} when it is not one of ours.
 */
export function restoreEntry(key: string, value: Uint8Array, into: Restored): boolean {
  try {
    const [, kind, ...rest] = key.split('/');
    if (kind === 's') {
      const gateway = into.gatewayOf(rest[0] as GatewayId);
      for (const member of decode(value) as readonly StoredMember[]) restoreMember(gateway, member, into);
    } else if (kind === 'w') {
      const zone = into.zoneOf(metricOf(rest.join('/')));
      [zone.forgottenUs, zone.keptUs] = decode(value) as StoredZone;
      zone.touched = false;
    } else if (kind === 'm') {
      if (Number(rest[0]) !== into.windowUs) return false;
      const zone = into.zoneOf(metricOf(rest.slice(2).join('/')));
      into.addWindow(zone, restoreWindow(Number(rest[1]), decode(value) as StoredWindow));
    } else throw new InvariantError('no such kind');
    return true;
  } catch (error) {
    throw new InvariantError(`the entry ${key} of the processors' state is not readable: ${messageOf(error)}`);
  }
}

function restoreMember(gateway: MemberGateway, stored: StoredMember, into: Restored): void {
  const [slot, sensor, metric, memberships, current, home, homeUntilUs = 0, pins = []] = stored;
  const member = new ZoneMember(gateway, sensor, metric, slot);
  member.memberships = memberships.map(([site, zone, unit, intervalMs, fromUs, untilUs]) => {
    const membership = { member, zone: into.zoneOf({ site, zone, metric, unit }), intervalMs, fromUs, untilUs };
    membership.zone.members.add(membership);
    return membership;
  });
  member.current = member.memberships[current];
  member.home = member.memberships[home];
  member.homeUntilUs = homeUntilUs;
  if (pins.length > 0) member.pins = new Map(pins.map(([startUs, owner]) => [startUs, member.memberships[owner]]));
  // Until a batch says otherwise.
  member.now = member.home;
}

function restoreWindow(startUs: number, [revision, final, openedUs, keptUs, settled]: StoredWindow): ZoneWindow {
  const window = new ZoneWindow(startUs);
  Object.assign(window, { revision, final: final === 1, openedUs, keptUs, touched: false });
  if (settled === null) return window;
  const [sensors, count, readings, means, min, max, sketchBase64] = settled;
  const sketch = sketchBase64 === null ? undefined : Sketch.decode(Buffer.from(sketchBase64, 'base64'));
  Object.assign(window.settled, {
    sensors,
    count,
    readings: new ExactSum(readings),
    means: new ExactSum(means),
    min,
    max,
    sketch,
  });
  return window;
}
