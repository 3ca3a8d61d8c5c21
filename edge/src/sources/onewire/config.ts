import { whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { sourceKeys } from '../source.ts';

const idRule = 'must be a family (10, 22, 28, 3b, 42), - and 12 digits of 0-9 a-f: 28-00000a1b2c3d';
const nameRule = 'must be a name of at most 255 characters';

export const onewireSchema = z.strictObject({
  type: z.literal('onewire'),
  ...sourceKeys,
  /** Every sensor is read this often. */
  intervalMs: whole(1000, 86_400_000).default(10_000),
  /** The sensor's name instead of its id; one that is named here and not on the bus is absent. */
  names: z
    .record(
      z.string().regex(/^(?:10|22|28|3b|42)-[0-9a-f]{12}$/, idRule),
      z.string(nameRule).min(1, nameRule).max(255, nameRule),
    )
    .refine(
      names => new Set(Object.values(names)).size === Object.keys(names).length,
      'must not give two sensors one name',
    )
    .default({}),
  /** A conversion of 12 bits takes 750 ms. */
  timeoutMs: whole(100, 60_000).default(2000),
});
export type OnewireConfig = z.output<typeof onewireSchema>;
