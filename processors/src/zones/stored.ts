/** What the zones' entries in the state have in common, those of the roll-up and of the merged zones. */
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { ZoneMetric } from '@millrace/wire/zones.ts';

const version = 1;

/** @param key as `zoneKey` makes it. */
export function metricOf(key: string): ZoneMetric {
  const [site, zone, metric, unit] = JSON.parse(key) as [string, string, string, string];
  return { site, zone, metric, unit };
}

export const encode = (stored: unknown): Uint8Array => Buffer.from(JSON.stringify([version, stored]));

/** @throws {Error} when it is not one of ours. */
export function decode(bytes: Uint8Array): unknown {
  const [written, stored] = JSON.parse(new TextDecoder().decode(bytes)) as [number, unknown];
  if (written !== version) throw new InvariantError(`version ${written}, this program reads ${version}`);
  return stored;
}
