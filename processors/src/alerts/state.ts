/**
 * The monitor's entries of the state topic, JSON:
 *
 * | key | |
 * |---|---|
 * | `a/<gateway>` | when it was heard last, its alerts |
 * | `a/<gateway>/<n>` | up to `seriesPerEntry` series: newest reading, what is pending and raised |
 * | `a/<gateway>/<n>/history` | what their judges keep of the past; changes seldom, and is ten times as large |
 */
import { InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import type { KeptIncident } from './incident.ts';
import type { Kept } from './judges/judge.ts';

const version = 1;

/** With all the rules that may apply to a series, an entry stays below half of Kafka's 1 MB. */
export const seriesPerEntry = 16;
export const maxRulesPerSeries = 16;

export type KeptRule = readonly [
  name: string,
  kind: string,
  incident: KeptIncident | null,
  judge: Kept | null,
  history: Kept | null,
];

export interface KeptSeries {
  readonly sensor: string;
  readonly metric: string;
  readonly unit: string;
  readonly zone: string;
  readonly intervalMs: number;
  /** Null: none yet. */
  readonly newestUs: number | null;
  readonly newest: number;
  readonly rules: readonly KeptRule[];
}

export interface KeptGateway {
  readonly site: string;
  readonly heardUs: number | null;
  readonly rules: readonly KeptRule[];
}

/** By slot of the entry; null: free. */
type SeriesEntry = readonly (KeptSeries | null)[];

export interface EntryPlace {
  readonly gateway: string;
  /** undefined: the gateway's own entry. */
  readonly entry?: number;
  readonly history?: boolean;
}

export const stateKeyPrefix = 'a/';
export const gatewayKey = (gateway: string): string => `${stateKeyPrefix}${gateway}`;
export const seriesKey = (gateway: string, entry: number): string => `${stateKeyPrefix}${gateway}/${entry}`;
export const historyKey = (gateway: string, entry: number): string => `${seriesKey(gateway, entry)}/history`;

/** @throws {InvariantError} */
export function placeOf(key: string): EntryPlace {
  const match = /^a\/([^/]+)(?:\/(\d+)(\/history)?)?$/.exec(key);
  if (match === null) throw new InvariantError(`${key} is no key of the alerts' state`);
  const [, gateway, entry, history] = match;
  return entry === undefined
    ? { gateway: gateway! }
    : { gateway: gateway!, entry: Number(entry), history: history !== undefined };
}

export const encodeGatewayEntry = (gateway: KeptGateway): Uint8Array => encode(gateway);
export const decodeGatewayEntry = (key: string, bytes: Uint8Array): KeptGateway => decode(key, bytes) as KeptGateway;

/** Compact: names of fields would be half of it. The histories go into an entry of their own. */
export function encodeSeriesEntry(entry: SeriesEntry): Uint8Array {
  return encode(
    entry.map(series => {
      if (series === null) return null;
      const { sensor, metric, unit, zone, intervalMs, newestUs, newest, rules } = series;
      return [sensor, metric, unit, zone, intervalMs, newestUs, newest, rules.map(rule => rule.slice(0, 4))];
    }),
  );
}

/** @returns undefined where no series has one. */
export function encodeHistories(entry: SeriesEntry): Uint8Array | undefined {
  const histories = entry.map(
    series =>
      series?.rules.flatMap(([name, kind, , , history]) => (history === null ? [] : [[name, kind, history]])) ?? [],
  );
  return histories.some(one => one.length > 0) ? encode(histories) : undefined;
}

export function decodeSeriesEntry(
  key: string,
  bytes: Uint8Array,
  histories: Uint8Array | undefined,
): readonly (KeptSeries | null)[] {
  const slots = decode(key, bytes) as (readonly [...unknown[]] | null)[];
  const past = (histories === undefined ? [] : decode(`${key}/history`, histories)) as [string, string, Kept][][];
  return slots.map((slot, i) => {
    if (slot === null) return null;
    const [sensor, metric, unit, zone, intervalMs, newestUs, newest, rules] = slot as [
      string,
      string,
      string,
      string,
      number,
      number | null,
      number,
      [string, string, KeptIncident | null, Kept | null][],
    ];
    const historyOf = (name: string, kind: string): Kept | null =>
      past[i]?.find(one => one[0] === name && one[1] === kind)?.[2] ?? null;
    return {
      sensor,
      metric,
      unit,
      zone,
      intervalMs,
      newestUs,
      newest,
      rules: rules.map(([name, kind, incident, judge]) => [name, kind, incident, judge, historyOf(name, kind)]),
    };
  });
}

const encode = (of: unknown): Uint8Array => Buffer.from(JSON.stringify({ version, of }));

function decode(key: string, bytes: Uint8Array): unknown {
  let read: { version?: unknown; of?: unknown };
  try {
    read = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as typeof read;
  } catch (error) {
    throw new InvariantError(`entry ${key} of the state topic is not readable (${messageOf(error)})`);
  }
  if (read.version !== version)
    throw new InvariantError(
      `entry ${key} of the state topic has version ${String(read.version)}, this program reads ${version}: run the version that wrote it`,
    );
  return read.of;
}
