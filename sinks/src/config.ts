import { healthSchema, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { lakeSchema } from './lake/config.ts';
import { sinks } from './list.ts';
import { webhooksSchema } from './webhooks/config.ts';

const sinkNames = sinks.map(({ name }) => name);

/** Section `sinks`. */
export const sinksSchema = z.strictObject({
  enabled: z
    .array(z.enum(sinkNames, `must be one of ${sinkNames.join(', ')}`))
    .min(1, 'must name at least one sink')
    .default([...sinkNames])
    .describe('Sinks to run in this process.'),
  batchRows: whole(1, 100_000).default(10_000).describe('Rows at which a request to QuestDB is full.'),
  batchBytes: whole(65_536, 268_435_456).default(8_388_608).describe('Bytes at which it is full.'),
  lingerMs: whole(0, 10_000).default(40).describe('Shortest time between two requests that are not full, ms.'),
  walLagLimit: whole(1, 1_000_000)
    .default(500)
    .describe('Transactions acknowledged and not yet readable (sequencerTxn − writerTxn) at which a sink pauses.'),
  drainTimeoutMs: whole(0, 60_000).default(15_000).describe('How long an orderly end waits for QuestDB, ms.'),
  lake: lakeSchema.optional().describe('Where readings are kept as Parquet files.'),
  webhooks: webhooksSchema.describe('Where alerts are posted to.'),
  health: healthSchema(9104),
});

export type SinksConfig = z.output<typeof sinksSchema>;
