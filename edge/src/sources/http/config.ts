import { BlockList, isIP } from 'node:net';
import { host, port, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { mappingSchema } from '../mapping/config.ts';
import { sourceKeys } from '../source.ts';

const fileRule = 'must be the path of a file';
const file = z.string(fileRule).min(1, fileRule);
const tokenRule = 'must be a secret of at least 16 characters';

export const httpSchema = z
  .strictObject({
    type: z.literal('http'),
    ...sourceKeys,
    /** Unix socket, readable and writable for the agent's user and group (0660). */
    socket: z.string('must be the path of a socket').min(1, 'must be the path of a socket').optional(),
    host: host.default('127.0.0.1'),
    port: port.optional(),
    /** Said in so many words, so that nobody opens the gateway to the street by an address alone. */
    beyondLoopback: z.boolean('must be true or false').default(false),
    /** `Authorization: Bearer …` of every request. */
    token: z.string(tokenRule).min(16, tokenRule).optional(),
    /** A file that holds the token. */
    tokenFile: file.optional(),
    maxBodyBytes: whole(1024, 64 * 1024 * 1024).default(1024 * 1024),
    /** For JSON of another form than our own. */
    mapping: mappingSchema.optional(),
    /** Requests whose readings are not yet on disk. */
    maxWaiting: whole(1, 10_000).default(64),
    /** How long a request waits for the disk or a full outbox before it is told to come again. */
    storeDeadlineMs: whole(10, 600_000).default(10_000),
    /** A request that is not there whole by then is closed. */
    requestTimeoutMs: whole(100, 600_000).default(30_000),
    /** A sensor that is silent for longer is late, and absent after three times as long. 0: nobody watches. */
    silentAfterMs: whole(0, 2 ** 31 - 1).default(0),
    /** How far behind a reading may come and still count as complete. */
    latenessMs: whole(0, 86_400_000).default(2000),
  })
  .superRefine((config, context) => {
    const mistake = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if ((config.socket === undefined) === (config.port === undefined))
      mistake('socket', 'must be set, or port, and not both');
    if (config.token !== undefined && config.tokenFile !== undefined)
      mistake('tokenFile', 'must not be set beside token');
    if (config.port === undefined || isLoopback(config.host)) return;
    if (!config.beyondLoopback)
      mistake('host', 'is not a loopback address: beyondLoopback: true must say that this is meant');
    if ((config.token ?? config.tokenFile) === undefined)
      mistake('token', 'must be set, or tokenFile, when others than this machine may connect');
  });
export type HttpConfig = z.output<typeof httpSchema>;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(address: string): boolean {
  const family = isIP(address);
  return family === 0 ? address === 'localhost' : loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
