import { whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { sourceKeys } from '../source.ts';

export const hostSchema = z.strictObject({
  type: z.literal('host'),
  ...sourceKeys,
  /** A sample of everything this often. */
  intervalMs: whole(100, 86_400_000).default(1000),
});
export type HostConfig = z.output<typeof hostSchema>;
