/** The merged zones' entries in the state: `w/…` a zone, `m/…` a window, `p/…` a source's part of a window. */
import { InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import { decodeZoneParts, encodeZoneParts, type ZoneMetric, type ZonePart } from '@millrace/wire/zones.ts';
import type { MergedWindow, MergedZone } from './merged.ts';
import { decode, encode, metricOf } from './stored.ts';

export const keys = {
  zone: ({ key }: MergedZone): string => `w/${key}`,
  window: ({ key }: MergedZone, windowUs: number, startUs: number): string => `m/${windowUs}/${startUs}/${key}`,
  part: ({ key }: MergedZone, windowUs: number, startUs: number, source: number): string =>
    `p/${windowUs}/${startUs}/${source}/${key}`,
} as const;

type StoredSource = readonly [
  number: number,
  finalThroughUs: number,
  settledThroughUs: number,
  base?: readonly [startUs: number, sensorsExpected: number, expected: number],
];

type StoredZone = readonly [forgottenUs: number, keptUs: number, sources: readonly StoredSource[]];

type StoredWindow = readonly [revision: number, final: 0 | 1, openedUs: number, keptUs: number];

export function encodeZone({ forgottenUs, keptUs = 0, sources }: MergedZone): Uint8Array {
  const stored = [...sources].map(([number, { finalThroughUs, settledThroughUs, base }]): StoredSource => {
    const source = [number, finalThroughUs, settledThroughUs] as const;
    return base === undefined ? source : [...source, [base.startUs, base.sensorsExpected, base.expected]];
  });
  return encode([forgottenUs, keptUs, stored] satisfies StoredZone);
}

export const encodeWindow = ({ revision, final, openedUs = 0, keptUs = 0 }: MergedWindow): Uint8Array =>
  encode([revision, final ? 1 : 0, openedUs, keptUs] satisfies StoredWindow);

/** In the form in which it came. */
export const encodePart = ({ of }: MergedZone, source: number, part: ZonePart): Uint8Array =>
  encodeZoneParts({ ...of, source, settledThroughUs: 0, parts: [part] });

interface Restored {
  readonly windowUs: number;
  zoneOf(of: ZoneMetric): MergedZone;
  windowOf(zone: MergedZone, startUs: number): MergedWindow;
  addPart(zone: MergedZone, window: MergedWindow, source: number, part: ZonePart): void;
}

/**
 * Brings back what an entry says.
 * @returns false when it is of windows of another size than today's: it can go.
 * @throws {InvariantError} when it is not one of ours.
 */
export function restoreEntry(key: string, value: Uint8Array, into: Restored): boolean {
  try {
    const [kind, ...rest] = key.split('/');
    if ((kind === 'm' || kind === 'p') && Number(rest[0]) !== into.windowUs) return false;
    if (kind === 'w') {
      restoreZone(into.zoneOf(metricOf(rest.join('/'))), decode(value) as StoredZone);
    } else if (kind === 'm') {
      const window = into.windowOf(into.zoneOf(metricOf(rest.slice(2).join('/'))), Number(rest[1]));
      const [revision, final, openedUs, keptUs] = decode(value) as StoredWindow;
      Object.assign(window, { revision, final: final === 1, openedUs, keptUs, touched: false });
    } else if (kind === 'p') {
      const batch = decodeZoneParts(value);
      const zone = into.zoneOf(batch);
      for (const part of batch.parts) into.addPart(zone, into.windowOf(zone, part.startUs), batch.source, part);
    } else throw new InvariantError('no such kind');
    return true;
  } catch (error) {
    throw new InvariantError(`the entry ${key} of the zones' state is not readable: ${messageOf(error)}`);
  }
}

function restoreZone(zone: MergedZone, [forgottenUs, keptUs, sources]: StoredZone): void {
  zone.forgottenUs = forgottenUs;
  zone.keptUs = keptUs;
  zone.touched = false;
  for (const [number, finalThroughUs, settledThroughUs, base] of sources) {
    const source = zone.sourceOf(number);
    source.finalThroughUs = Math.max(source.finalThroughUs, finalThroughUs);
    source.settledThroughUs = settledThroughUs;
    if (base !== undefined) source.base = { startUs: base[0], sensorsExpected: base[1], expected: base[2] };
  }
}
