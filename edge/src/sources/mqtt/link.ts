/**
 * One connection to the sensors' broker, from CONNECT to its close. MQTT.js acknowledges a QoS 1 message when its
 * `handleMessage` calls back, and reads the next packet only then: one message a group commit, and no PINGRESP meanwhile.
 * So it is called back at once with an error, which makes it send no PUBACK (lib/handlers/publish), and the PUBACK is
 * written here, when the readings are on disk, in the order of arrival [MQTT-4.6.0-2].
 */
import mqtt, { type IClientOptions, type IPublishPacket } from 'mqtt';

export interface LinkOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
  readonly keepaliveSeconds: number;
  readonly inFlight: number;
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
  subscribe(filters: readonly string[], qos: 0 | 1): Promise<string[]>;
  /** QoS 0. */
  publish(topic: string, payload: Uint8Array): void;
  end(): void;
}

const connectTimeoutMs = 10_000;
const acknowledgedHere = new Error('acknowledged when it is on disk');

export function openLink(options: LinkOptions): Link {
  const client = mqtt.connect(options.url, {
    protocolVersion: 4,
    // The broker keeps what was not acknowledged, and what comes while nobody is connected, under the client identifier.
    clean: false,
    clientId: options.clientId,
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: options.password }),
    ...options.tls,
    keepalive: options.keepaliveSeconds,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: connectTimeoutMs,
  } satisfies IClientOptions);

  let waiting = 0;
  let held: (() => void) | undefined;
  let acknowledged: Promise<void> = Promise.resolve();
  client.handleMessage = (packet, callback) => {
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

  let reason = 'the broker closed the connection';
  client.on('error', error => {
    reason = error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
  });
  const closed = new Promise<string>(resolve => client.once('close', () => resolve(reason)));
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
    end: () => void client.end(true),
  };
}
