/** One publish's way into Kafka: checked, then appended to the topic of its kind, or, when it can never be used, to the rejected topic. */
import type { Headers, OutgoingRecord, Producer } from '@millrace/runtime/kafka/types.ts';
import { decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import {
  type GatewayId,
  type KafkaTopics,
  parseMqttTopic,
  readingHeaders,
  rejectedHeaders,
} from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { decodeStatus } from '@millrace/wire/status.ts';
import { senmlToBatch } from './senml.ts';

export interface Publish {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface Appended {
  /** Readings in the publish; 0 for a status or a rejected one. */
  readonly readings: number;
  /** Why it went to the rejected topic. */
  readonly rejected?: RejectedError;
}

export interface AppendOptions {
  readonly producer: Producer;
  readonly topics: KafkaTopics;
  readonly bridge: string;
  /** µs since the Unix epoch. */
  readonly nowUs: () => number;
}

/** Bytes of the payload kept of a publish that is larger than the rejected topic takes. */
const maxRejectedBytes = 4_000_000;

/**
 * Resolves once Kafka has acknowledged the record (`acks=all`): only then may the client have its PUBACK.
 * @throws {TransientError} when Kafka did not acknowledge in time; the client must send again.
 */
export async function append(
  { topic, payload }: Publish,
  client: GatewayId,
  { producer, topics, bridge, nowUs }: AppendOptions,
): Promise<Appended> {
  const receivedAt = String(nowUs());
  const stamp = (contentType: string): Headers => ({
    [readingHeaders.receivedAt]: receivedAt,
    [readingHeaders.bridge]: bridge,
    [readingHeaders.contentType]: contentType,
  });
  let checked: { record: OutgoingRecord; readings: number };
  try {
    checked = check(topic, payload, client, topics, stamp);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    await producer.send({
      topic: topics.rejected,
      key: client,
      value: payload.length <= maxRejectedBytes ? payload : payload.subarray(0, maxRejectedBytes),
      headers: {
        [rejectedHeaders.reason]: error.message,
        [rejectedHeaders.field]: error.field,
        ...(payload.length > maxRejectedBytes ? { [rejectedHeaders.originalBytes]: String(payload.length) } : {}),
        [rejectedHeaders.origin]: topic,
        [rejectedHeaders.stage]: 'bridge',
        [rejectedHeaders.receivedAt]: receivedAt,
        [readingHeaders.bridge]: bridge,
      },
    });
    return { readings: 0, rejected: error };
  }
  await producer.send(checked.record);
  return { readings: checked.readings };
}

function check(
  topic: string,
  payload: Uint8Array,
  client: GatewayId,
  topics: KafkaTopics,
  stamp: (contentType: string) => Headers,
): { record: OutgoingRecord; readings: number } {
  const parsed = parseMqttTopic(topic);
  if (parsed === undefined)
    throw new RejectedError('topic', 'is none of millrace/v1/<gateway>/(readings|senml|status|replies)');
  const { gateway, channel } = parsed;
  if (gateway !== client) throw new RejectedError('topic', `gateway ${client} may not publish as ${gateway}`);
  switch (channel) {
    case 'readings': {
      const batch = decodeBatch(payload);
      if (batch.gateway !== gateway)
        throw new RejectedError('gateway', `is ${batch.gateway} on the topic of ${gateway}`);
      return {
        readings: batch.value.length,
        record: { topic: topics.readings, key: gateway, value: payload, headers: stamp('application/x-protobuf') },
      };
    }
    case 'senml': {
      const value = encodeBatch(senmlToBatch(payload, gateway));
      // What the sinks and processors will decode must decode: the units and names of SenML are checked there.
      return {
        readings: decodeBatch(value).value.length,
        record: {
          topic: topics.readings,
          key: gateway,
          value,
          headers: { ...stamp('application/x-protobuf'), [readingHeaders.convertedFrom]: 'application/senml+json' },
        },
      };
    }
    case 'status': {
      const status = decodeStatus(payload);
      if (status.gateway !== gateway)
        throw new RejectedError('gateway', `is ${status.gateway} on the topic of ${gateway}`);
      return {
        readings: 0,
        record: { topic: topics.gateways, key: gateway, value: payload, headers: stamp('application/x-protobuf') },
      };
    }
    case 'commands':
    case 'replies':
      throw new RejectedError('topic', `${channel} are not taken by this bridge`);
  }
}
