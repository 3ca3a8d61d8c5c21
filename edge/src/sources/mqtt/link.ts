/**
 * One connection to the sensors' broker, from CONNECT to its close. MQTT.js acknowledges a QoS 1 message when its
 * `handleMessage` calls back, and reads the next packet only then: one message a group commit, and no PINGRESP meanwhile.
 * So it is called back at once with an error, which makes it send no PUBACK (lib/handlers/publish), and the PUBACK is
 * written here, when the readings are on disk, in the order of arrival [MQTT-4.6.0-2].
 */
import { connect as connectTcp, isIP } from 'node:net';
import { Duplex, pipeline } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { type IPublishPacket, MqttClient } from 'mqtt';
import { PayloadLimit } from './payload-limit.ts';

export interface LinkOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
  readonly keepaliveSeconds: number;
  readonly inFlight: number;
  readonly maxPayloadBytes: number;
  /** Called for a payload that was not even read; its message comes with an empty one. */
  readonly onOversize: (topic: string, bytes: number) => void;
  /** Called at CONNACK, before the first message. */
  readonly onOpen: (sessionPresent: boolean) => void;
  /** Resolves when the message may be acknowledged; rejects when it must not be. */
  readonly onMessage: (packet: IPublishPacket) => Promise<void>;
}

export interface Link {
  /** Resolves at CONNACK 0; never otherwise. */
  readonly opened: Promise<void>;
  /** Resolves with the reason, whether it was ever open or not. */
  readonly closed: Promise<string>;
  /** Resolves with the filters that the broker refused. */
  readonly subscribe: (filters: readonly string[], qos: 0 | 1) => Promise<string[]>;
  /** QoS 0. */
  readonly publish: (topic: string, payload: Uint8Array) => void;
  /** Reads no more, acknowledges what is being stored (for at most two seconds), and disconnects. */
  readonly end: () => void;
}

const connectTimeoutMs = 10_000;
const drainMs = 2000;
const disconnectMs = 500;
const acknowledgedHere = new Error('acknowledged when it is on disk');

export function openLink(options: LinkOptions): Link {
  const client = new MqttClient(() => limited(options), {
    protocolId: 'MQTT',
    protocolVersion: 4,
    // The broker keeps what was not acknowledged, and what comes while nobody is connected, under the client identifier.
    clean: false,
    clientId: options.clientId,
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: options.password }),
    keepalive: options.keepaliveSeconds,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: connectTimeoutMs,
  });

  let waiting = 0;
  let ending = false;
  let held: (() => void) | undefined;
  let acknowledged: Promise<void> = Promise.resolve();
  client.handleMessage = (packet, callback) => {
    // Neither taken nor acknowledged, and nothing more is read: the broker keeps it.
    if (ending) return;
    const { qos, messageId } = packet;
    const goOn = (): void => callback(qos === 1 ? acknowledgedHere : undefined);
    waiting += 1;
    const done = options.onMessage(packet).then(
      () => true,
      () => false,
    );
    acknowledged = Promise.all([done, acknowledged]).then(([taken]) => {
      waiting -= 1;
      if (taken && qos === 1 && messageId !== undefined && !client.stream.destroyed)
        client.stream.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff])); // PUBACK, § 3.4
      held?.();
      held = undefined;
    });
    // Back-pressure: what is not read here waits in the broker.
    if (waiting < options.inFlight) goOn();
    else held = goOn;
  };

  // The first error is the cause; those after it, and a stream that ends early, are its echoes.
  let reason: string | undefined;
  client.on('error', error => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ABORT_ERR') reason ??= error.message || (code ?? error.name);
  });
  const closed = new Promise<string>(resolve =>
    client.once('close', () => resolve(reason ?? 'the broker closed the connection')),
  );
  return {
    opened: new Promise(resolve =>
      client.once('connect', ({ sessionPresent }) => {
        options.onOpen(sessionPresent);
        resolve();
      }),
    ),
    closed,
    subscribe: (filters, qos) =>
      new Promise((resolve, reject) => {
        client.subscribe([...filters], { qos }, (error, _granted, suback) => {
          const codes = suback?.granted as (number | { qos: number })[] | undefined;
          // SUBACK 128 is a refusal (§ 3.9.3); MQTT.js calls it an error when it is the only answer.
          if (codes !== undefined) resolve(filters.filter((_, i) => Number(codes[i]) >= 128));
          else if (error) reject(error);
          else resolve([]);
        });
      }),
    publish: (topic, payload) => void client.publish(topic, Buffer.from(payload), { qos: 0 }),
    end() {
      ending = true;
      const patience = new Promise(resolve => setTimeout(resolve, drainMs).unref());
      void Promise.race([acknowledged, patience]).then(() => {
        client.end(!client.connected);
        // DISCONNECT, and then the broker closes [MQTT-3.14.4-2]; one that does not is left.
        setTimeout(() => client.stream.destroy(), disconnectMs).unref();
      });
    },
  };
}

/** The connection's bytes, both ways, with the limit on what comes. */
function limited({ url, tls, maxPayloadBytes, onOversize }: LinkOptions): Duplex {
  const { protocol, hostname, port } = new URL(url);
  // Of an IPv6 address, URL keeps the brackets.
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const socket =
    protocol === 'mqtts:'
      ? connectTls({ ...tls, host, port: Number(port || 8883), ...(isIP(host) === 0 && { servername: host }) })
      : connectTcp({ host, port: Number(port || 1883) });
  const limit = new PayloadLimit(maxPayloadBytes, onOversize);
  const pair = Duplex.from({ readable: limit, writable: socket });
  // A pair lives while one of its sides does; a connection does not.
  pipeline(socket, limit, error => void pair.destroy(error ?? undefined));
  socket.once('close', () => void pair.destroy());
  return pair;
}
