import { hostname } from 'node:os';
import { healthSchema, host, port, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

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
  /** A publish that Kafka has not acknowledged by then ends its connection without PUBACK; the gateway sends it again. Below 1.5 × keep-alive. */
  storeDeadlineMs: whole(100, 600_000).default(20_000),
  /** How long an idle producer waits for more records before a request. */
  lingerMs: whole(0, 1000).default(5),
  health: healthSchema(9102),
});
