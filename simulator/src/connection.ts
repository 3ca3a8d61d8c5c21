/**
 * One MQTT connection of one post, from CONNECT to its close. A client object lives for one connection
 * (`reconnectPeriod: 0`): MQTT.js would otherwise keep unacknowledged publishes of its own, and the outbox decides what
 * is sent again, and in which order.
 */
import mqtt, { type IClientOptions } from 'mqtt';

export interface ConnectionOptions {
  readonly url: string;
  readonly gateway: string;
  readonly keepaliveSeconds: number;
  /** Published by the bridge, retained, when the connection breaks. */
  readonly will: { readonly topic: string; readonly payload: Uint8Array };
  readonly onOpen: () => void;
  /** Once, with the reason, whether it was ever open or not. */
  readonly onClose: (reason: string) => void;
}

export interface Connection {
  /** QoS 1; `onPuback` is called at PUBACK, and never when the connection closes before it. */
  publish(topic: string, payload: Uint8Array, retain: boolean, onPuback: () => void): void;
  /** DISCONNECT, so that the bridge discards the will; then closed. */
  end(): void;
  /** Closed at once, as by a power cut. */
  destroy(): void;
}

const connectTimeoutMs = 30_000;

export function connect({ url, gateway, keepaliveSeconds, will, onOpen, onClose }: ConnectionOptions): Connection {
  const client = mqtt.connect(url, {
    protocolVersion: 4,
    clean: true,
    clientId: gateway,
    username: gateway,
    keepalive: keepaliveSeconds,
    reconnectPeriod: 0,
    connectTimeout: connectTimeoutMs,
    will: { topic: will.topic, payload: asBuffer(will.payload), qos: 1, retain: true },
  } satisfies IClientOptions);
  let reason = 'the broker closed the connection';
  client.on('error', error => {
    // Happy-eyeballs failures (AggregateError) have a code and no message.
    reason = error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
  });
  client.once('connect', onOpen);
  client.once('close', () => onClose(reason));
  return {
    publish: (topic, payload, retain, onPuback) =>
      void client.publish(topic, asBuffer(payload), { qos: 1, retain }, error => {
        if (error == null) onPuback();
      }),
    end: () => void client.end(),
    destroy: () => (client.disconnecting ? void client.stream.destroy() : void client.end(true)),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
