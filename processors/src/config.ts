import { healthSchema, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';

export const processorsSchema = z.strictObject({
  /** How often changed windows are published, state kept and offsets committed. */
  commitIntervalMs: whole(50, 60_000).default(1000),
  /** Shortest time between two ledgers of one gateway. */
  ledgerIntervalMs: whole(0, 600_000).default(2000),
  /** How long after its end, in the gateway's own time, a window still takes readings. */
  keepMs: whole(0, 86_400_000).default(300_000),
  /** A reading dated further ahead of its arrival than this never enters a window. */
  maxAheadMs: whole(0, 86_400_000).default(600_000),
  health: healthSchema(9103),
});
