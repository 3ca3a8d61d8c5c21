/** Configuration values that several sections use. */
import { z } from 'zod';

/** TCP port; 0 asks for a free one. */
export const port = z
  .int('must be a whole number from 0 to 65535')
  .min(0, 'must be a whole number from 0 to 65535')
  .max(65_535, 'must be a whole number from 0 to 65535');

export const host = z.string('must be a host name or address').min(1, 'must be a host name or address');

/** A whole number from `min` to `max`, with a message that says so. */
export function whole(min: number, max: number): z.ZodNumber {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

/** Where a service shows its health and metrics. */
export function healthSchema(defaultPort: number) {
  return z.strictObject({ host: host.default('127.0.0.1'), port: port.default(defaultPort) }).prefault({});
}
export type HealthConfig = z.output<ReturnType<typeof healthSchema>>;

export const logSchema = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'], 'must be one of trace, debug, info, warn, error')
    .default('info'),
});

/** QuestDB: `url` for line protocol and SQL over HTTP, `pg` for queries with bound parameters. */
export const questdbSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }).default('http://127.0.0.1:9000'),
  pgHost: host.default('127.0.0.1'),
  pgPort: port.default(8812),
  user: z.string().default('admin'),
  password: z.string().default('quest'),
});
export type QuestdbConfig = z.output<typeof questdbSchema>;
