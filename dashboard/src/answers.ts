/** What the API answers: one definition for the types (the page's too), the JSON schemas, the OpenAPI document and the checks. */
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
const numbers = z.array(z.number().nullable());
const series = { gateway: z.string(), sensor: z.string(), metric: z.string() };

/** How much of what was to come has come: good readings against those that the cadence asks for. */
export const completenessSchema = z
  .object({ from: time, to: time, count: z.number(), expected: z.number(), ratio: z.number() })
  .describe('Good readings in the span, and how many the cadence asks for');
export type Completeness = z.output<typeof completenessSchema>;

export const gatewaySchema = z.object({
  gateway: z.string(),
  site: text,
  /** `silent`: last said it is online, and missed its next reports. `unknown`: sends readings, never said its state. */
  state: z.enum(['online', 'offline', 'silent', 'unknown']),
  /** Newest of its status and its readings. */
  lastSeen: time,
  lastReading: time.nullable(),
  series: z.number(),
  staleSeries: z.number(),
  outboxReadings: count,
  outboxBytes: count,
  /** Given up since the boot, as the gateway says. */
  dropped: count,
  /** Of its boot: neither counted by the processors nor dropped; null when not known. */
  missing: count,
  /** Of which time `missing` is. */
  missingAt: time.nullable(),
  /** `synced`, `corrected`, `unsynced`. */
  clock: text,
  /** Wall clock minus true time, as far as the gateway knows. */
  clockOffsetMs: count,
  version: text,
  lat: z.number().nullable(),
  lon: z.number().nullable(),
});
export type Gateway = z.output<typeof gatewaySchema>;

export const seriesSchema = z.object({
  ...series,
  site: text,
  zone: text,
  unit: text,
  /** Of the sensor, else of its gateway; null when neither says. */
  lat: z.number().nullable(),
  lon: z.number().nullable(),
  /** Newest reading, never a mean; null when its value is. */
  value: z.number().nullable(),
  at: time,
  /** 0 good, 1 suspect, 2 bad, 3 substituted. */
  quality: z.number().nullable(),
  /** Expected cadence; null when unknown. */
  expectedMs: z.number().nullable(),
  /** Older than this, the newest value is stale. */
  staleAfterMs: z.number(),
  /** Of the last full hour up to two minutes ago; null when the cadence is unknown. */
  completeness: completenessSchema.nullable(),
});
export type Series = z.output<typeof seriesSchema>;

const fleet = z.object({ online: z.number(), offline: z.number(), silent: z.number(), unknown: z.number() });
const placeCounts = {
  gateways: fleet,
  series: z.number(),
  staleSeries: z.number(),
  /** Alerts raised now. */
  alerts: z.number(),
  /** Sum over the series whose cadence is known; null when there is none. */
  completeness: completenessSchema.nullable(),
};

export const siteSchema = z.object({
  site: z.string(),
  zones: z.number(),
  ...placeCounts,
  lat: z.number().nullable(),
  lon: z.number().nullable(),
});
export type Site = z.output<typeof siteSchema>;

/** The last closed minute of all sensors of one metric in a zone. */
const zoneMetric = z.object({
  metric: z.string(),
  unit: text,
  at: time,
  sensors: z.number(),
  sensorsExpected: z.number(),
  /** Of the sensors' means, each sensor alike. */
  mean: z.number().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  ratio: z.number().nullable(),
});
export const zoneSchema = z.object({ site: text, zone: z.string(), ...placeCounts, metrics: z.array(zoneMetric) });
export type Zone = z.output<typeof zoneSchema>;

export const sitesAnswer = z.object({ now: time, sites: z.array(siteSchema) });
export const zonesAnswer = z.object({ now: time, zones: z.array(zoneSchema) });
export const gatewaysAnswer = z.object({ now: time, gateways: z.array(gatewaySchema) });
export const seriesAnswer = z.object({
  now: time,
  /** There are more than the dashboard holds. */
  truncated: z.boolean(),
  /** How many match; `series` has those from `offset` on, at most `limit`. */
  total: z.number(),
  series: z.array(seriesSchema.extend({ ageMs: z.number() })),
});
/** The newest values alone. */
export const latestAnswer = z.object({
  now: time,
  latest: z.array(
    seriesSchema
      .pick({ gateway: true, sensor: true, metric: true, unit: true, value: true, at: true, quality: true })
      .extend({ ageMs: z.number(), stale: z.boolean() }),
  ),
});

export const resolutions = ['raw', '1m', '15m', '1h', '1d'] as const;
export type Resolution = (typeof resolutions)[number];

export const gapSchema = z.object({
  /** The last reading before and the first after; null at the ends of what was asked for. */
  from: time,
  to: time,
  /** Readings that the cadence asks for in it; null when the cadence is unknown. */
  missing: z.number().nullable(),
  /** `gateway`: nothing came from the whole gateway. `sensor`: others of the gateway went on. */
  silent: z.enum(['gateway', 'sensor']),
  /** It has not ended. */
  open: z.boolean(),
});
export type Gap = z.output<typeof gapSchema>;

/**
 * Columns of equal length, one entry a bucket that holds a reading (`raw`: a reading); `t` is its start. `value` is what
 * `shown` says. Bad and undated readings are in no bucket, and in `raw` with their quality.
 */
export const pointsSchema = z.object({
  resolution: z.enum(resolutions),
  /** Width of a bucket; of `raw` the expected cadence, 0 when unknown. */
  stepMs: z.number(),
  shown: z.enum(['reading', 'mean']),
  t: z.array(time),
  value: numbers,
  /** Empty in `raw`. */
  min: numbers,
  max: numbers,
  last: numbers,
  count: z.array(z.number()),
  /** In `raw` only. */
  quality: z.array(z.number()),
});
export type Points = z.output<typeof pointsSchema>;

/** Quantiles of the processors' windows, beside the points: a band. Within 1 % of the value at that rank. */
export const quantilesSchema = z.object({
  /** `1m`, or the rolling hour `1h/5m`; entries are at the windows' ends. */
  window: z.string(),
  t: z.array(time),
  p50: numbers,
  p95: numbers,
  p99: numbers,
});

export const rangeAnswer = pointsSchema.extend({
  now: time,
  from: time,
  to: time,
  unit: text,
  /** Points further apart are not to be joined. */
  gapMs: z.number(),
  quantiles: quantilesSchema.nullable(),
  completeness: completenessSchema.nullable(),
  /** There are more points than were asked for: the newest are here. */
  truncated: z.boolean(),
});
export type Range = z.output<typeof rangeAnswer>;

export const completenessAnswer = z.object({
  now: time,
  step: z.enum(['1h', '1d']),
  /** Start of the step, in UTC. */
  t: z.array(time),
  count: z.array(z.number()),
  /** 0 where nothing was to come: before the first reading. */
  expected: z.array(z.number()),
  ratio: numbers,
  /** Series in it, and those left out because their cadence is unknown. */
  series: z.number(),
  withoutCadence: z.number(),
});
export type CompletenessCalendar = z.output<typeof completenessAnswer>;

export const gapsAnswer = z.object({
  now: time,
  from: time,
  to: time,
  /** Shorter ones are not listed. */
  atLeastMs: z.number(),
  gaps: z.array(gapSchema),
  truncated: z.boolean(),
});

export const alertSchema = z.object({
  id: z.string(),
  ...series,
  unit: text,
  site: text,
  zone: text,
  rule: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  state: z.enum(['raised', 'cleared']),
  raisedAt: time.nullable(),
  clearedAt: time.nullable(),
  value: z.number().nullable(),
  message: text,
  acknowledged: z.object({ by: z.string(), at: time, note: text }).nullable(),
});
export type Alert = z.output<typeof alertSchema>;
export const alertsAnswer = z.object({ now: time, alerts: z.array(alertSchema), truncated: z.boolean() });

export const roles = ['viewer', 'operator'] as const;
export type Role = (typeof roles)[number];
/** Who asks. `role` null: nobody, who sees nothing before the login. */
export const sessionAnswer = z.object({
  user: text,
  role: z.enum(roles).nullable(),
  /** Ways to log in; none: everybody is what `role` says. */
  login: z.array(z.enum(['password', 'oidc'])),
});
export type Session = z.output<typeof sessionAnswer>;

/** What the operator sets for the page. */
export const pageAnswer = z.object({
  title: z.string(),
  /** IANA name that times are first shown in; null: the viewer's own. */
  timeZone: text,
  /** There is GeoJSON at `/api/outlines`. */
  outlines: z.boolean(),
  /** Shown on the map. */
  attribution: text,
  refreshMs: z.number(),
  maxPoints: z.number(),
});
export type PageSettings = z.output<typeof pageAnswer>;

export const errorAnswer = z.object({ error: z.string(), since: time.optional() });
export type ErrorAnswer = z.output<typeof errorAnswer>;

/** What a live connection sends, by event name. */
export interface LiveEvents {
  /** At the start and after an outage: everything. */
  snapshot: {
    now: number;
    refreshMs: number;
    truncated: boolean;
    gateways: Gateway[];
    series: Series[];
    /** Those raised now. */
    alerts: Alert[];
  };
  /** At each refresh: those that are new or differ; `alerts`, when they differ, are all that are raised. */
  change: { now: number; gateways: Gateway[]; series: Series[]; alerts?: Alert[] };
  /** The selected series' newest readings or buckets, in the resolution asked for; they replace those from `t[0]` on. */
  points: Points;
  /** There are no newer values; goes on by itself. */
  outage: { since: number; message: string };
}
