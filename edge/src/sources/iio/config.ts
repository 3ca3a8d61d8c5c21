import { whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { sourceKeys } from '../source.ts';

export const iioSchema = z.strictObject({
  type: z.literal('iio'),
  ...sourceKeys,
  /** Every channel is read this often. */
  intervalMs: whole(1000, 86_400_000).default(10_000),
  /** How long one file may take. */
  timeoutMs: whole(100, 60_000).default(2000),
});
export type IioConfig = z.output<typeof iioSchema>;
