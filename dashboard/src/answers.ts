/** What the API answers and takes: one definition for the types (the page's too), the JSON schemas and the checks. */
import { gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { z } from 'zod';

/** What names a series. */
export interface SeriesKey {
  readonly gateway: string;
  readonly sensor: string;
  readonly metric: string;
}

const time = z.number().meta({ description: 'Unix time, ms' });
const count = z.number().nullable();
const text = z.string().nullable();

export const gatewaySchema = z.object({
  gateway: z.string(),
  site: text,
  /** `silent`: last said it is online, and missed its next reports. `unknown`: sends readings, never said its state. */
  state: z.enum(['online', 'offline', 'silent', 'unknown']),
  /** Newest of its status and its readings. */
  lastSeen: time,
  lastReading: time.nullable(),
  outboxReadings: count,
  /** Given up since the boot, as the gateway says. */
  dropped: count,
  /** Of its boot: neither counted by the processors nor dropped; null when not known. */
  missing: count,
  /** Of which time `missing` is. */
  missingAt: time.nullable(),
  clock: text,
  version: text,
});
export type Gateway = z.output<typeof gatewaySchema>;

export const seriesSchema = z.object({
  gateway: z.string(),
  sensor: z.string(),
  metric: z.string(),
  unit: text,
  zone: text,
  /** Newest reading; null when its value is. */
  value: z.number().nullable(),
  at: time,
  /** 0 good, 1 suspect, 2 bad, 3 substituted. */
  quality: z.number().nullable(),
  /** Expected cadence; null when unknown. */
  expectedMs: z.number().nullable(),
  /** Older than this, the newest value is stale. */
  staleAfterMs: z.number(),
  /** Last closed minute; null when there is none or its cadence is unknown. */
  completeness: z.object({ at: time, count: z.number(), expected: z.number(), ratio: z.number() }).nullable(),
});
export type Series = z.output<typeof seriesSchema>;

export const gatewaysAnswer = z.object({ now: time, gateways: z.array(gatewaySchema) });
export const seriesAnswer = z.object({
  now: time,
  /** There are more than the dashboard lists. */
  truncated: z.boolean(),
  series: z.array(seriesSchema.extend({ ageMs: z.number() })),
});

/** Columns of equal length, one entry a bucket of `stepMs` that holds a reading; `t` is the bucket's start. */
export const pointsSchema = z.object({
  stepMs: z.number(),
  t: z.array(time),
  min: z.array(z.number().nullable()),
  mean: z.array(z.number().nullable()),
  max: z.array(z.number().nullable()),
  count: z.array(z.number()),
});
export type Points = z.output<typeof pointsSchema>;

export const rangeAnswer = pointsSchema.extend({ now: time, from: time, gapMs: z.number() });
export type Range = z.output<typeof rangeAnswer>;

export const errorAnswer = z.object({ error: z.string(), since: time.optional() });
export type ErrorAnswer = z.output<typeof errorAnswer>;

/** What a live connection sends, by event name. */
export interface LiveEvents {
  /** At the start and after an outage: everything. */
  snapshot: { now: number; refreshMs: number; truncated: boolean; gateways: Gateway[]; series: Series[] };
  /** At each refresh: those that are new or differ. */
  change: { now: number; gateways: Gateway[]; series: Series[] };
  /** The selected series' newest buckets, complete so far. */
  points: Points;
  /** There are no newer values; goes on by itself. */
  outage: { since: number; message: string };
}

/** Names on the wire have at most 255 bytes. */
const name = z
  .string()
  .min(1)
  .max(255)
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must hold no control characters');
export const maxMinutes = 31 * 24 * 60;

export const selectionSchema = z.strictObject({
  gateway: z.string().refine(isGatewayId, gatewayRule),
  sensor: name,
  metric: name,
  minutes: z.coerce.number().int().min(1).max(maxMinutes),
});
export type Selection = z.output<typeof selectionSchema>;
