/** What the API takes: the checks of its query strings and bodies, and the spans of time that they name. */
import { gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { z } from 'zod';
import { resolutions } from './answers.ts';

/** A closed–open span of event time, Unix ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export const iso = (ms: number): string => new Date(ms).toISOString();

/** Names on the wire have at most 255 bytes. */
const name = z
  .string()
  .min(1)
  .max(255)
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must hold no control characters');
const gateway = z.string().refine(isGatewayId, gatewayRule);
const wholeNumber = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
/** Years 1970 to 9999, which is what QuestDB takes. */
const time = wholeNumber(0, 253_402_300_799_000).meta({ description: 'Unix time, ms' });
const flag = z.enum(['true', 'false']).transform(text => text === 'true');

export const maxPoints = 100_000;
const defaultPoints = 1_500;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const maxSpanMs = 20 * 366 * dayMs;

const seriesName = { gateway, sensor: name, metric: name };
const span = { from: time.optional(), to: time.optional() };

/** Filters that leave out what they do not match; none: all. */
const scope = { site: name.optional(), zone: name.optional(), gateway: gateway.optional(), metric: name.optional() };
const scopeSchema = z.strictObject(scope);
export type Scope = z.output<typeof scopeSchema> & { readonly sensor?: string | undefined };

export const noParameters = z.strictObject({});
export const zonesQuery = z.strictObject({ site: name.optional() });
export const gatewaysQuery = z.strictObject({
  site: name.optional(),
  state: z.enum(['online', 'offline', 'silent', 'unknown']).optional(),
  q: name.optional(),
});
export type GatewaysQuery = z.output<typeof gatewaysQuery>;

export const seriesQuery = z.strictObject({
  ...scope,
  /** Words that all stand somewhere in the names, in any order and case. */
  q: name.optional(),
  stale: flag.optional(),
  offset: wholeNumber(0, 1_000_000).default(0),
  limit: wholeNumber(1, 5_000).default(500),
});
export type SeriesQuery = z.output<typeof seriesQuery>;
export const latestQuery = z.strictObject({ ...scope, sensor: name.optional() });

const resolution = z.enum(['auto', ...resolutions]).default('auto');
export const selectionSchema = z.strictObject({ ...seriesName, resolution });
export type Selection = z.output<typeof selectionSchema>;
export const liveQuery = selectionSchema
  .partial()
  .refine(
    query => [0, 3].includes(['gateway', 'sensor', 'metric'].filter(key => key in query).length),
    'gateway, sensor and metric go together',
  );

export const rangeQuery = z
  .strictObject({
    ...seriesName,
    ...span,
    /** Instead of `from` and `to`: the last minutes. */
    minutes: wholeNumber(1, 366 * 24 * 60).optional(),
    points: wholeNumber(10, maxPoints).default(defaultPoints),
    resolution,
  })
  .superRefine(checkSpan);
export type RangeQuery = z.output<typeof rangeQuery>;

export const gapsQuery = z.strictObject({ ...seriesName, ...span }).superRefine(checkSpan);
export type GapsQuery = z.output<typeof gapsQuery>;

export const completenessQuery = z
  .strictObject({ ...scope, sensor: name.optional(), ...span, step: z.enum(['1h', '1d']).default('1d') })
  .superRefine(checkSpan)
  .refine(
    query => query.step === '1d' || spanOf(query, dayMs).to - spanOf(query, dayMs).from <= 62 * dayMs,
    'by the hour at most 62 days at once',
  );
export type CompletenessQuery = z.output<typeof completenessQuery>;

export const alertsQuery = z
  .strictObject({
    state: z.enum(['raised', 'cleared', 'all']).default('all'),
    severity: z.enum(['info', 'warning', 'critical']).optional(),
    site: name.optional(),
    gateway: gateway.optional(),
    ...span,
    limit: wholeNumber(1, 5_000).default(500),
  })
  .superRefine(checkSpan);
export type AlertsQuery = z.output<typeof alertsQuery>;
export const acknowledgementBody = z.strictObject({ note: z.string().max(1_000).optional() });
export const alertParams = z.strictObject({ id: name });

export const exportFormats = ['csv', 'ndjson', 'parquet'] as const;
export const exportQuery = z
  .strictObject({
    ...scope,
    sensor: name.optional(),
    ...span,
    format: z.enum(exportFormats),
    resolution: z.enum(resolutions).default('raw'),
  })
  .superRefine(checkSpan);
export type ExportQuery = z.output<typeof exportQuery>;

export const loginBody = z.strictObject({ user: z.string().min(1).max(255), password: z.string().min(1).max(1_000) });

interface Spanned {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly minutes?: number | undefined;
}

function checkSpan({ from, to, minutes }: Spanned, context: z.RefinementCtx): void {
  const say = (message: string): void => context.addIssue({ code: 'custom', path: ['from'], message });
  if (minutes !== undefined && (from !== undefined || to !== undefined)) say('goes without minutes');
  const end = to ?? Date.now();
  if (from !== undefined && from >= end) say(to === undefined ? 'must be in the past' : 'must be before to');
  if (from !== undefined && end - from > maxSpanMs) say('is more than 20 years before the end');
}

/** The span asked for; default: the last `lastMs`. */
export function spanOf({ from, to, minutes }: Spanned, lastMs: number): Span {
  const end = to ?? Date.now();
  return { from: from ?? end - (minutes === undefined ? lastMs : minutes * minuteMs), to: end };
}
