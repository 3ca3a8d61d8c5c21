import { whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { sourceKeys } from '../source.ts';

const commandRule = 'must be a list of texts: the program, then its arguments';
// The kernel ends an argument at NUL: the program would be told something else than is written here.
const argument = z.string(commandRule).refine(text => !text.includes('\0'), 'must not hold NUL');
const variableRule = 'must be a name of letters, digits and _, the first no digit';
const folderRule = 'must be the path of a folder';

export const execSchema = z.strictObject({
  type: z.literal('exec'),
  ...sourceKeys,
  /** The program and its arguments, as they are: no shell reads them. A name without `/` is looked for in PATH. */
  command: z
    .array(argument, commandRule)
    .min(1, commandRule)
    .refine(([program]) => program !== '', { path: [0], message: 'must be a program' }),
  /** Beside the agent's own environment, without what begins with MILLRACE_: that may be secret. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, variableRule), argument).default({}),
  /** Default: the folder that the agent runs in. */
  cwd: z.string(folderRule).min(1, folderRule).optional(),
  /** The pause before it is run again: doubles from `minMs` to `maxMs`, ± 50 %. */
  restart: z
    .strictObject({ minMs: whole(1, 86_400_000).default(1000), maxMs: whole(1, 86_400_000).default(60_000) })
    .refine(({ minMs, maxMs }) => minMs <= maxMs, { path: ['maxMs'], message: 'must not be less than minMs' })
    .prefault({}),
  /** A longer line is skipped. */
  maxLineBytes: whole(64, 16 * 1024 * 1024).default(65_536),
  /** How far behind a reading may come and still count as complete. */
  latenessMs: whole(0, 86_400_000).default(2000),
});
export type ExecConfig = z.output<typeof execSchema>;
