/** Names that other programs rely on: gateways, MQTT topics, Kafka topics. Reference: docs, "The contract". */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** 1–64 of `a-z 0-9 - _`, first a letter or digit. */
export type GatewayId = Branded<string, 'GatewayId'>;

const gatewayGrammar = /^[a-z0-9][a-z0-9_-]{0,63}$/;
export const gatewayRule = 'must be 1–64 of a-z 0-9 - _, the first a letter or digit';

export function isGatewayId(text: string): text is GatewayId {
  return gatewayGrammar.test(text);
}

/** What a gateway may publish (`up`) or receive. */
export type MqttChannel = 'readings' | 'senml' | 'status' | 'commands' | 'replies';

const channels: ReadonlySet<string> = new Set<MqttChannel>(['readings', 'senml', 'status', 'commands', 'replies']);

export function mqttTopic(gateway: GatewayId, channel: MqttChannel): string {
  return `millrace/v1/${gateway}/${channel}`;
}

/** The gateway and channel of an MQTT topic, or undefined when the topic is none of ours. */
export function parseMqttTopic(topic: string): { gateway: GatewayId; channel: MqttChannel } | undefined {
  const [root, version, gateway, channel, ...rest] = topic.split('/', 6);
  if (root !== 'millrace' || version !== 'v1' || rest.length > 0) return undefined;
  if (gateway === undefined || !isGatewayId(gateway) || channel === undefined || !channels.has(channel))
    return undefined;
  return { gateway, channel: channel as MqttChannel };
}

/** The Kafka topics, as they follow the configured prefix (`millrace.` by default). */
export const kafkaTopicNames = {
  readings: 'readings.v1',
  stats: 'stats.v1',
  alerts: 'alerts.v1',
  gateways: 'gateways.v1',
  late: 'late.v1',
  rejected: 'rejected.v1',
  commands: 'commands.v1',
  processorsState: 'processors-state.v1',
  ledger: 'ledger.v1',
  zones: 'zones.v1',
  zoneParts: 'zone-parts.v1',
  zonesState: 'zones-state.v1',
} as const;

export type KafkaTopics = { readonly [Name in keyof typeof kafkaTopicNames]: string };

export function kafkaTopics(prefix: string): KafkaTopics {
  return Object.fromEntries(
    Object.entries(kafkaTopicNames).map(([name, topic]) => [name, prefix + topic]),
  ) as KafkaTopics;
}

/** Record headers on `readings.v1`. `received-at` is µs since the Unix epoch. */
export const readingHeaders = {
  receivedAt: 'received-at',
  bridge: 'bridge',
  contentType: 'content-type',
  convertedFrom: 'converted-from',
} as const;

/** Record headers on `late.v1`: those of the readings, and why they are in no window: `late`, or `refused` (no room). */
export const lateHeaders = { receivedAt: 'received-at', reason: 'reason' } as const;

/**
 * Record headers on `rejected.v1`: why, and where the bytes came from. Partition, offset and row only when the origin is
 * Kafka; together with the origin topic they name the item, which a crash may have sent here twice.
 */
export const rejectedHeaders = {
  reason: 'reason',
  field: 'field',
  /** Of the whole payload, where only its beginning could be kept. */
  originalBytes: 'original-bytes',
  origin: 'origin-topic',
  partition: 'origin-partition',
  offset: 'origin-offset',
  /** Which reading of the origin's record the value is, from 0; absent: the value is the whole record. */
  row: 'origin-row',
  stage: 'stage',
  receivedAt: 'received-at',
  /** How often the record has been sent again; absent: never. */
  attempts: 'attempts',
} as const;
