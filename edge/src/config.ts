/** Section `edge` of the configuration. */
import { dirname, join, resolve } from 'node:path';
import { type ConfigSource, pathResolver } from '@millrace/runtime/config.ts';
import { healthSchema, whole } from '@millrace/runtime/schemas.ts';
import { Clock } from '@millrace/wire/batch.ts';
import { type GatewayId, gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { z } from 'zod';
import { doorSource } from './door/source-name.ts';
import { nodeRedSchema } from './node-red/config.ts';
import type { OutboxOptions } from './outbox/outbox.ts';
import { prioritiesBy } from './outbox/priorities.ts';
import { dropPolicies } from './outbox/victims.ts';
import { shapeSchema } from './shaping/config.ts';
import * as kinds from './sources/list.ts';

const sourceKinds = Object.values(kinds);
const sourceTypes = sourceKinds.map(kind => kind.schema.shape.type.value);
const sourceSchemas = sourceKinds.map(kind => kind.schema) as [
  (typeof sourceKinds)[number]['schema'],
  ...(typeof sourceKinds)[number]['schema'][],
];

const text = z.string('must be text').max(255, 'must be at most 255 characters');

function degrees(limit: number): z.ZodNumber {
  const rule = `must be a number from −${limit} to ${limit} (degrees, WGS 84)`;
  return z.number(rule).min(-limit, rule).max(limit, rule);
}

const mqttUrlRule = 'must be an address such as mqtt://127.0.0.1:1883 or mqtts://broker.example:8883';

const file = z.string('must be the path of a file').min(1, 'must be the path of a file');

const mqttSchema = z
  .strictObject({
    url: z
      .string(mqttUrlRule)
      .refine(url => /^mqtts?:\/\//.test(url) && URL.canParse(url), mqttUrlRule)
      .refine(url => URL.parse(url)?.username === '', 'must not carry a user: that is for username and password')
      .default('mqtt://127.0.0.1:1883'),
    /** Default: the gateway's name. */
    username: text.optional(),
    password: text.optional(),
    keepaliveSeconds: whole(5, 3600).default(30),
    /** Batches sent and not yet acknowledged. */
    inFlight: whole(1, 1000).default(16),
    /** PEM files, for mqtts. */
    tls: z
      .strictObject({
        /** Of the authority that the broker's certificate must come from; absent: the public ones. */
        ca: file.optional(),
        /** The gateway's own certificate, and its key. */
        cert: file.optional(),
        key: file.optional(),
      })
      .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'cert and key must come together')
      .optional(),
  })
  .refine(({ url, tls }) => tls === undefined || url.startsWith('mqtts:'), {
    path: ['tls'],
    message: 'needs an address that begins with mqtts://',
  });

const outboxSchema = z.strictObject({
  /** Default: `edge/<gateway>/outbox.db` in `MILLRACE_HOME`, or in `.millrace` of the working directory. */
  path: file.optional(),
  maxBytes: whole(1024 * 1024, Number.MAX_SAFE_INTEGER).default(1024 ** 3),
  /** Given up when sealed longer ago, counted while the agent runs; 0: never. */
  maxAgeMs: whole(0, Number.MAX_SAFE_INTEGER).default(0),
  /** Left free on the outbox's file system. */
  minFreeBytes: whole(0, Number.MAX_SAFE_INTEGER).default(64 * 1024 * 1024),
  dropPolicy: z.enum(dropPolicies, `must be one of ${dropPolicies.join(', ')}`).default('refuse'),
  groupCommitMs: whole(0, 10_000).default(50),
  groupCommitReadings: whole(1, 10_000).default(500),
});

const pattern = text.min(1, 'must be a name, or the beginning of names and *').optional();

const prioritySchema = z
  .strictObject({ sensor: pattern, metric: pattern, zone: pattern, priority: whole(0, 9) })
  .refine(({ sensor, metric, zone }) => [sensor, metric, zone].some(name => name !== undefined), {
    error: 'must name a sensor, a metric or a zone',
  });

const sourcesRule = `must be a list of sources, each with a type: one of ${sourceTypes.join(', ')}`;

export const edgeSchema = z
  .strictObject({
    gateway: z.custom<GatewayId>(value => typeof value === 'string' && isGatewayId(value), gatewayRule),
    site: text.default(''),
    zone: text.default(''),
    lat: degrees(90).optional(),
    lon: degrees(180).optional(),
    mqtt: mqttSchema.prefault({}),
    outbox: outboxSchema.prefault({}),
    /** The first that matches decides; 5 where none does. For `dropPolicy: lowest-priority`. */
    priorities: z.array(prioritySchema, 'must be a list of { sensor, metric, zone, priority }').default([]),
    shape: shapeSchema,
    statusIntervalMs: whole(100, 86_400_000).default(30_000),
    clock: z
      .strictObject({
        /** Taken as such, and not looked at; absent: the system says whether the clock is synchronised. */
        assume: z.enum(['synced', 'unsynced'], 'must be synced or unsynced').optional(),
        /** Exists once the clock is right, and is touched when it was set right again; absent: systemd-timesyncd's. */
        synchronisedFile: file.optional(),
        /** Of readings that wait for the synchronisation. */
        maxHeldBytes: whole(1024, Number.MAX_SAFE_INTEGER).default(256 * 1024 * 1024),
      })
      .prefault({}),
    /** The door for programs on this gateway. */
    local: z
      .strictObject({
        enabled: z.boolean('must be true or false').default(true),
        /** Path of a unix socket; absent: `agent.sock` beside the outbox. */
        socket: file.optional(),
      })
      .prefault({}),
    health: healthSchema(9101),
    nodeRed: nodeRedSchema,
    sources: z
      .array(
        z.discriminatedUnion('type', sourceSchemas, {
          error: `must be a mapping with a type: one of ${sourceTypes.join(', ')}`,
        }),
        sourcesRule,
      )
      .min(1, sourcesRule),
  })
  .superRefine(({ lat, lon, sources }, context) => {
    if ((lat === undefined) !== (lon === undefined))
      context.addIssue({
        code: 'custom',
        path: [lat === undefined ? 'lat' : 'lon'],
        message: 'lat and lon must come together',
      });
    const names = sources.map(sourceName);
    if (names.includes(doorSource))
      context.addIssue({
        code: 'custom',
        path: ['sources', names.indexOf(doorSource), 'name'],
        message: `must not be ${doorSource}: that is the agent's own`,
      });
    for (const [i, name] of names.entries())
      if (names.indexOf(name) < i)
        context.addIssue({
          code: 'custom',
          path: ['sources', i, 'name'],
          message: `must be set and unique: another source is called ${name}`,
        });
  });

export type EdgeConfig = z.output<typeof edgeSchema>;
export type SourceConfig = EdgeConfig['sources'][number];

export function sourceName({ name, type }: { readonly name?: string | undefined; readonly type: string }): string {
  return name ?? type;
}

/** Where the agent's door is. */
export function doorSocket(edge: EdgeConfig, source: ConfigSource): string {
  const { socket } = edge.local;
  return socket === undefined ? join(dirname(outboxPath(edge, source)), 'agent.sock') : pathResolver(source)(socket);
}

/** Where the outbox lies. */
export function outboxPath({ gateway, outbox }: EdgeConfig, source: ConfigSource): string {
  if (outbox.path !== undefined) return pathResolver(source)(outbox.path);
  return resolve(join(source.env['MILLRACE_HOME'] ?? '.millrace', 'edge', gateway, 'outbox.db'));
}

/** What the outbox is opened with, beside its log. */
export function outboxOptions(edge: EdgeConfig, source: ConfigSource): Omit<OutboxOptions, 'log'> {
  const { gateway, site, zone, clock, sources, priorities } = edge;
  return {
    ...edge.outbox,
    path: outboxPath(edge, source),
    origin: { gateway, site, zone, clock: clock.assume === 'unsynced' ? Clock.UNSYNCED : Clock.SYNCED },
    sources: sources.map(sourceName),
    priorityOf: prioritiesBy(priorities, zone),
  };
}
