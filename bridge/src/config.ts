import { hostname } from 'node:os';
import { healthSchema, host, port, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

/** Publishes without PUBACK. Beyond a cap a client is not disconnected: what it sends is not read until there is room. */
const inFlightSchema = z
  .strictObject({
    perClient: z
      .strictObject({
        messages: whole(1, 65_535).default(1000),
        bytes: whole(1024, 64 * 1024 * 1024).default(1024 * 1024),
      })
      .prefault({}),
    total: z
      .strictObject({
        messages: whole(1, 1_000_000).default(20_000),
        bytes: whole(1024, 1024 * 1024 * 1024).default(32 * 1024 * 1024),
      })
      .prefault({}),
    /** Read of each client beyond the caps, because a ping may stand there. */
    readAheadBytes: whole(1024, 16 * 1024 * 1024).default(64 * 1024),
  })
  .prefault({});
export type InFlightConfig = z.output<typeof inFlightSchema>;
export const defaultInFlight: InFlightConfig = inFlightSchema.parse(undefined);

/** Read at the start, and again when it changes. From the configuration file's folder. */
const pemFile = z.string().min(1, 'must be the path of a PEM file');

export const bridgeSchema = z.strictObject({
  /** Name of this bridge, in the header `bridge` of each record. */
  id: z.string().min(1).max(64).default(hostname().slice(0, 64)),
  mqtt: z
    .strictObject({
      host: host.default('127.0.0.1'),
      port: port.default(1883),
      /** Plain MQTT beyond loopback lets anybody on the network read along and publish under any name. */
      plaintextBeyondLoopback: z.boolean('must be true or false').default(false),
    })
    .prefault({})
    .refine(mqtt => loopback.has(mqtt.host) || mqtt.plaintextBeyondLoopback, {
      path: ['host'],
      message:
        'must be 127.0.0.1, ::1 or localhost, because MQTT without TLS lets anybody read and publish; set bridge.mqtt.plaintextBeyondLoopback: true to accept that',
    }),
  /** MQTT over TLS, for gateways with a certificate of the city's authority; absent: no such listener. */
  tls: z
    .strictObject({
      host: host.default('127.0.0.1'),
      port: port.default(8883),
      cert: pemFile,
      key: pemFile,
      /** What signs gateways' certificates: `ca.pem` of `millrace pki`. */
      ca: pemFile,
      /** What it has revoked: `crl.pem`. */
      crl: pemFile.optional(),
    })
    .optional(),
  /** A publish that has no acknowledgement by then, or by 1.2 × its client's keep-alive, ends the connection without PUBACK; the client sends it again. */
  storeDeadlineMs: whole(100, 600_000).default(20_000),
  inFlight: inFlightSchema,
  /** How long an idle producer waits for more records before a request. */
  lingerMs: whole(0, 1000).default(5),
  health: healthSchema(9102),
});
export type BridgeTls = NonNullable<z.output<typeof bridgeSchema>['tls']>;
