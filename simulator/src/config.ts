/** Section `simulate` of the configuration. */
import { healthSchema, whole } from '@millrace/runtime/schemas.ts';
import { isGatewayId } from '@millrace/wire/names.ts';
import { z } from 'zod';
import { maxGateways } from './city.ts';

const hourMs = 3_600_000;
const urlRule = 'must be an address such as mqtt://127.0.0.1:1883';
export const prefixRule = 'must be at most 24 of a-z 0-9 - _, the first a letter or digit';
const durationRule = 'must be a time of at most 7 days, such as 90m, 6h or 2d';
const longestBackfillMs = 7 * 24 * hourMs;

export const isPrefix = (text: string): boolean => text.length <= 24 && isGatewayId(`${text}x`);

/** `90m`, `24h`, `2d` → ms; undefined when it is no duration, or one of more than a week. */
export function parseBackfill(text: string): number | undefined {
  const match = /^(\d{1,5})([mhd])$/.exec(text);
  if (match === null) return text === '0' ? 0 : undefined;
  const ms = Number(match[1]) * { m: 60_000, h: hourMs, d: 24 * hourMs }[match[2] as 'm' | 'h' | 'd'];
  return ms <= longestBackfillMs ? ms : undefined;
}

export const simulateSchema = z.strictObject({
  gateways: whole(1, maxGateways).default(60),
  /** Another seed is another city: other weather, other faults, other numbers. */
  seed: whole(0, 2 ** 32 - 1).default(1),
  /** Begins the name of every gateway: two simulators at one bridge need two. */
  prefix: z.string(prefixRule).refine(isPrefix, prefixRule).default('sim-'),
  /** How much of the past is sent behind the live readings. */
  backfill: z
    .string(durationRule)
    .refine(text => parseBackfill(text) !== undefined, durationRule)
    .default('6h'),
  /** Of what is not live, readings a second of all gateways together. */
  backlogPerSecond: whole(1, 1_000_000).default(500),
  statusIntervalMs: whole(1000, 86_400_000).default(60_000),
  mqtt: z
    .strictObject({
      url: z
        .string(urlRule)
        .refine(url => url.startsWith('mqtt://') && URL.canParse(url), urlRule)
        .default('mqtt://127.0.0.1:1883'),
      keepaliveSeconds: whole(5, 3600).default(60),
    })
    .prefault({}),
  /** 0: any free port, which the log says. */
  health: healthSchema(0),
});
export type SimulateConfig = z.output<typeof simulateSchema>;
