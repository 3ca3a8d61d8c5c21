import { healthSchema, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { windowMistakes } from './windows.ts';

const dayMs = 86_400_000;

/** Section `processors`. */
export const processorsSchema = z.strictObject({
  /** Size and step of the windows: `1m` tumbling, `5m/1m` hopping. */
  windows: z
    .array(z.string())
    .min(1, 'must name at least one window')
    .max(16, 'must name at most 16 windows')
    .superRefine((texts, context) => {
      for (const { index, message } of windowMistakes(texts))
        context.addIssue({ code: 'custom', path: [index], message });
    })
    .default(['1m', '5m/1m', '1h/5m']),
  /** p50, p95, p99. */
  quantiles: z.boolean('must be true or false').default(true),
  /** Metrics that only rise until they are reset, `*` for any characters: they get a rate. */
  counters: z.array(z.string().min(1)).default(['*_total']),
  /** How often changed windows are published, state kept and offsets committed: one transaction a partition. */
  commitIntervalMs: whole(50, 60_000).default(1000),
  /** Shortest time between two early results of one window. */
  earlyIntervalMs: whole(100, 3_600_000).default(1000),
  /** Shortest time between two ledgers of one gateway. */
  ledgerIntervalMs: whole(0, 600_000).default(2000),
  /** How long after its end, in the gateway's own time, a window still takes readings. */
  keepMs: whole(0, dayMs).default(300_000),
  /** How long after its end, and after its newest reading, a window waits for a gateway that has not said that it has sent all. */
  maxHoldMs: whole(1000, dayMs).default(300_000),
  /** A reading dated further ahead of its arrival than this never enters a window. */
  maxAheadMs: whole(0, dayMs).default(600_000),
  /** Beyond these readings are refused, said and counted: they are in the table of readings, and in no window. */
  limits: z
    .strictObject({
      seriesPerGateway: whole(1, 1_000_000).default(2000),
      /** Over all series of a gateway. */
      panesPerGateway: whole(1, 10_000_000).default(100_000),
      /** Over all gateways of a partition. */
      panesPerPartition: whole(1, 100_000_000).default(2_000_000),
    })
    .prefault({}),
  zones: z
    .strictObject({
      enabled: z.boolean('must be true or false').default(true),
      /** Shortest time between two early results of one zone's minute. */
      earlyIntervalMs: whole(1000, 3_600_000).default(10_000),
    })
    .prefault({}),
  /** File with the rules of alerts, from the configuration's folder; without it there are none. */
  rules: z.string().min(1).optional(),
  health: healthSchema(9103),
});

export type ProcessorsConfig = z.output<typeof processorsSchema>;
