/** Every section of the configuration, for the commands that check all of it. */
import { bridgeSchema } from '@millrace/bridge/config.ts';
import { dashboardSchema } from '@millrace/dashboard/config.ts';
import { processorsSchema } from '@millrace/processors/config.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { logSchema, questdbSchema } from '@millrace/runtime/schemas.ts';
import { simulateSchema } from '@millrace/simulator/config.ts';
import { sinksSchema } from '@millrace/sinks/config.ts';
import { stackSchema } from '@millrace/stack/config.ts';
import { z } from 'zod';

export const upSchema = z.strictObject({
  /** Configuration files of the gateways' agents to run here, from this file's folder; the two of the demo when left out. */
  edges: z.array(z.string().min(1)).optional(),
  /** A simulated city beside them, as section `simulate` says; where the demo's gateways run when left out. */
  simulate: z.boolean('must be true or false').optional(),
  /** Any free port instead of the configured ones: several pipelines can then run on one machine. */
  freePorts: z.boolean('must be true or false').default(false),
});

/** Addresses left out mean: a server of our own on this machine. */
export const sections = {
  up: upSchema,
  stack: stackSchema,
  kafka: kafkaSchema.extend({ brokers: kafkaSchema.shape.brokers.unwrap().optional() }),
  questdb: questdbSchema.extend({ url: questdbSchema.shape.url.unwrap().optional() }),
  bridge: bridgeSchema,
  processors: processorsSchema,
  sinks: sinksSchema,
  dashboard: dashboardSchema,
  simulate: simulateSchema,
  log: logSchema,
};
