/** Section `edge.nodeRed`: Node-RED beside the agent. */
import { BlockList, isIP } from 'node:net';
import { host, port } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';

const hashRule = 'must be a bcrypt hash, such as node-red admin hash-pw prints';
const secretRule = 'must be text of at least 16 characters';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export const nodeRedSchema = z
  .strictObject({
    /** Also `millrace edge --node-red`. */
    enabled: z.boolean('must be true or false').default(false),
    host: host.default('127.0.0.1'),
    port: port.default(1880),
    /** Said in so many words, as whoever can log in runs programs on the gateway. */
    beyondLoopback: z.boolean('must be true or false').default(false),
    user: z
      .string('must be text')
      .regex(/^[\w.@-]{1,64}$/, 'must be 1–64 letters, digits or . _ @ -')
      .default('millrace'),
    /** Default: of a random password that is made and said once. */
    passwordHash: z
      .string(hashRule)
      .regex(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, hashRule)
      .optional(),
    /** Encrypts the credentials of flows. Default: a random one, in a file that only the agent's user can read. */
    credentialSecret: z.string(secretRule).min(16, secretRule).optional(),
  })
  .superRefine(({ host, beyondLoopback }, context) => {
    if (!beyondLoopback && !isLoopback(host))
      context.addIssue({
        code: 'custom',
        path: ['host'],
        message: 'must be a loopback address, or beyondLoopback must be true: the editor would be open to the network',
      });
  })
  .prefault({});

export type NodeRedConfig = z.output<typeof nodeRedSchema>;

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
