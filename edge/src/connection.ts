/**
 * One MQTT connection, from CONNECT to its close. MQTT.js keeps unacknowledged publishes in a store of its own and sends
 * them again when *it* reconnects; here a client object lives for one connection (`reconnectPeriod: 0`), so that the
 * outbox alone decides what is sent, and in which order.
 */
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { Tls } from './tls.ts';

export interface ConnectionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string | undefined;
  readonly keepaliveSeconds: number;
  readonly will: { readonly topic: string; readonly payload: Uint8Array };
  /** PEM; for `mqtts://`. */
  readonly tls?: Tls | undefined;
}

export interface Connection {
  /** Resolves when the broker has accepted; never, when it has not. */
  readonly opened: Promise<void>;
  /** Resolves with the reason, whether it was ever open or not. */
  readonly closed: Promise<string>;
  /** QoS 1; `onPuback` is called at PUBACK, and never when the connection closes before it. */
  publish(topic: string, payload: Uint8Array, options: { readonly retain: boolean }, onPuback: () => void): void;
  /** QoS 1; `onMessage` gets what comes. What the broker answers is `refused` or not. */
  subscribe(topic: string, onMessage: (payload: Uint8Array) => void, onAnswer: (granted: boolean) => void): void;
  /** DISCONNECT, so that the broker discards the will; then closed. */
  end(): void;
  /** Closed at once, as by a power cut: the broker publishes the will. */
  destroy(): void;
}

/** A connection that has no CONNACK by then is given up. */
const connectTimeoutMs = 10_000;

export function connect(options: ConnectionOptions): Connection {
  const { url, clientId, username, password, keepaliveSeconds, will, tls = {} } = options;
  const client = mqtt.connect(url, {
    protocolVersion: 4, // Aedes speaks MQTT 3.1.1 only; a version 5 client would queue for ever.
    clean: true,
    clientId,
    username,
    ...(password !== undefined && { password }),
    keepalive: keepaliveSeconds,
    reconnectPeriod: 0,
    connectTimeout: connectTimeoutMs,
    ...tls,
    will: { topic: will.topic, payload: buffer(will.payload), qos: 1, retain: true },
  } satisfies IClientOptions);
  let reason = 'the broker closed the connection';
  client.on('error', error => {
    reason = reasonOf(error);
  });
  const closed = new Promise<string>(resolve => client.once('close', () => resolve(reason)));
  return {
    opened: new Promise(resolve => client.once('connect', () => resolve())),
    closed,
    publish: (topic, payload, { retain }, onPuback) =>
      // For QoS 1 the callback comes with the PUBACK (MQTT.js lib/handlers/ack), or with an error when the client was ended.
      void client.publish(topic, buffer(payload), { qos: 1, retain }, error => {
        if (error == null) onPuback();
      }),
    subscribe(topic, onMessage, onAnswer) {
      client.on('message', (of, payload) => (of === topic ? onMessage(payload) : undefined));
      client.subscribe(topic, { qos: 1 }, (error, grants) => {
        // 128: SUBACK, failure [MQTT-3.9.3]. An error comes too when the connection closes first.
        onAnswer(error == null && (grants?.every(({ qos }) => (qos as number) !== 128) ?? false));
      });
    },
    end: () => endOf(client, false),
    destroy: () => endOf(client, true),
  };
}

/** Without force, MQTT.js waits for outstanding PUBACKs before DISCONNECT; the caller bounds that by `destroy`. */
function endOf(client: MqttClient, force: boolean): void {
  // A second `end` while the first still waits does nothing (`disconnecting`), hence the stream itself.
  if (force && client.disconnecting) client.stream.destroy();
  else client.end(force);
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  // Happy-eyeballs failures (AggregateError) have a code and no message.
  return error.message || (code ?? error.name);
}
