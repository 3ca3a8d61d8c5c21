/**
 * Sends rejected records again, to where they belong. Identity makes it harmless: a reading that is sent again keeps its
 * (gateway, boot, seq), so what was stored already is not stored twice.
 */
import { KafkaAdmin } from '@millrace/runtime/kafka/admin.ts';
import type { Headers, OutgoingRecord, Producer } from '@millrace/runtime/kafka/types.ts';
import {
  type GatewayId,
  isGatewayId,
  type KafkaTopics,
  parseMqttTopic,
  rejectedHeaders,
} from '@millrace/wire/names.ts';
import {
  markOf,
  matches,
  type Place,
  type RejectedFilter,
  type RejectedRecord,
  type RejectedTopic,
  visitRejected,
} from './rejected.ts';

/**
 * The bridge's way of a publish into Kafka: checked, then appended to the topic of its kind or to the rejected topic.
 * Comes in as an argument because rooms do not import each other.
 */
export type Publish = (
  publish: { readonly topic: string; readonly payload: Uint8Array },
  client: GatewayId,
  options: {
    readonly producer: Producer;
    readonly topics: KafkaTopics;
    readonly bridge: string;
    readonly nowUs: () => number;
  },
) => Promise<{ readonly rejected?: Error }>;

export interface RedriveOptions extends Pick<RejectedTopic, 'kafka' | 'signal'> {
  readonly topics: KafkaTopics;
  readonly producer: Producer;
  readonly publish: Publish;
  /** These records, or all that the filter lets through. */
  readonly which: ReadonlySet<Place> | RejectedFilter;
  /** With a filter: records that were sent again so often already are left out. */
  readonly maxAttempts: number;
  /** Send also what was sent again before. */
  readonly again: boolean;
  /** Send also what a newer record may have replaced. */
  readonly force: boolean;
  /** Only say what would be done. */
  readonly dryRun: boolean;
}

export interface Outcome {
  readonly place: Place;
  /** `sent`, or with `dryRun` would be; `rejected`: the bridge's check failed again; `refused`: it cannot be sent. */
  readonly outcome: 'sent' | 'rejected' | 'refused' | 'left out';
  /** Where it went, or why not. */
  readonly sentence: string;
}

/** Re-sending an old one of these could replace what is newer: the topic or the table keeps the last that came. */
const lastWins: readonly (keyof KafkaTopics)[] = [
  'gateways',
  'stats',
  'zones',
  'zoneParts',
  'alerts',
  'commands',
  'processorsState',
  'zonesState',
  'ledger',
];

/**
 * Yields what becomes of each record, in the order of the topic. A record is sent first and marked after: a crash in
 * between sends it once more the next time, which changes nothing. What is rejected again meanwhile waits for the next run.
 * @throws {TransientError} when Kafka does not answer.
 */
export async function redrive(options: RedriveOptions, tell: (outcome: Outcome) => void): Promise<void> {
  const { kafka, topics, producer, which, dryRun } = options;
  const topic: RejectedTopic = { kafka, topic: topics.rejected, signal: options.signal };
  await using admin = new KafkaAdmin(kafka.options);
  const ends = await admin.endOffsets(topics.rejected);
  const { sentences, sentItems } = await marksOf(topic);
  const named = which instanceof Set ? (which as ReadonlySet<Place>) : undefined;
  const missing = new Set(named);

  await visitRejected(topic, {
    async record(record) {
      if (record.offset >= (ends[record.partition] ?? 0n)) return;
      if (named ? !named.has(record.place) : !matches(which as RejectedFilter, record)) return;
      missing.delete(record.place);
      const { place, originItem } = record;
      const say = (outcome: Outcome['outcome'], sentence: string): void => tell({ place, outcome, sentence });

      const before = sentences.get(place) ?? (originItem && sentItems.get(originItem));
      if (before !== undefined && !options.again)
        return say('left out', `${before} already; --again sends it once more`);
      if (!named && record.attempts >= options.maxAttempts)
        return say('left out', `has failed after ${record.attempts} attempts; --max-attempts sends it nevertheless`);
      const refusal = refusalOf(record, topics, options.force);
      if (refusal !== undefined) return say('refused', refusal);
      if (dryRun)
        return say(
          'sent',
          `to ${record.originItem === undefined ? `the bridge's check, as ${record.origin}` : record.origin}`,
        );

      const { rejected, where } = await send(record, options);
      const sentence = rejected ? `rejected again (${rejected.message})` : `sent again to ${where}`;
      await producer.send(markOf(topics.rejected, record, sentence));
      if (originItem !== undefined) sentItems.set(originItem, sentence);
      say(rejected ? 'rejected' : 'sent', sentence);
    },
  });
  for (const place of missing)
    tell({ place, outcome: 'refused', sentence: 'there is no such record in the rejected topic' });
}

/** What was sent again before, by place and by the item that came from Kafka. */
async function marksOf(
  topic: RejectedTopic,
): Promise<{ sentences: Map<Place, string>; sentItems: Map<string, string> }> {
  const sentences = new Map<Place, string>();
  await visitRejected(topic, { mark: (place, sentence) => void sentences.set(place, sentence) });
  const sentItems = new Map<string, string>();
  if (sentences.size > 0)
    await visitRejected(topic, {
      record({ place, originItem }) {
        const sentence = sentences.get(place);
        if (sentence !== undefined && originItem !== undefined) sentItems.set(originItem, sentence);
      },
    });
  return { sentences, sentItems };
}

function refusalOf(record: RejectedRecord, topics: KafkaTopics, force: boolean): string | undefined {
  const { origin, originItem, originalBytes, value, key } = record;
  if (originalBytes !== undefined)
    return `only ${value?.length ?? 0} of its ${originalBytes} bytes were kept: the rest is gone, and a part must not pass for the whole`;
  if (value === null) return 'it holds no bytes';
  if (originItem === undefined) {
    const parsed = parseMqttTopic(origin);
    if (!isGatewayId(key)) return `its key '${key}' is no gateway, so nobody could have published it`;
    if (parsed === undefined) return `'${origin}' is none of our MQTT topics`;
    if (parsed.channel === 'status' && !force)
      return 'a status is worth its moment only, and an old one would stand as the newest; --force sends it';
    return undefined;
  }
  const name = (Object.keys(topics) as (keyof KafkaTopics)[]).find(one => topics[one] === origin);
  if (name === undefined || name === 'rejected') return `its topic '${origin}' is none that records are sent to`;
  if (lastWins.includes(name) && !force)
    return `in ${origin} the newest record stands, and this one may be older than what is there; --force sends it`;
  return undefined;
}

async function send(
  record: RejectedRecord,
  { producer, topics, publish }: RedriveOptions,
): Promise<{ where: string; rejected?: Error | undefined }> {
  const { origin, originItem, key, headers } = record;
  const value = record.value!;
  const attempts = { [rejectedHeaders.attempts]: String(record.attempts + 1) };
  if (originItem !== undefined) {
    const { partition, offset } = await producer.send({
      topic: origin,
      key,
      value,
      headers: { ...ownHeaders(headers), ...attempts },
    });
    return { where: `${origin} ${partition}:${offset}` };
  }
  // Whatever the bridge's check decides, the record carries its count of attempts.
  let where = '';
  const counting: Producer = {
    get buffered() {
      return producer.buffered;
    },
    get healthy() {
      return producer.healthy;
    },
    async send(outgoing: OutgoingRecord) {
      const position = await producer.send({ ...outgoing, headers: { ...outgoing.headers, ...attempts } });
      where = `${position.topic} ${position.partition}:${position.offset}`;
      return position;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  // When the bridge received it, not when somebody mended it.
  const receivedUs = Number(headers[rejectedHeaders.receivedAt] ?? record.timestampMs * 1000);
  const { rejected } = await publish({ topic: origin, payload: value }, key as GatewayId, {
    producer: counting,
    topics,
    bridge: headers['bridge'] ?? 'redrive',
    nowUs: () => receivedUs,
  });
  return { where, rejected };
}

const added: ReadonlySet<string> = new Set(
  // A record has `received-at` from the bridge too, and keeps it.
  Object.values(rejectedHeaders).filter(name => name !== rejectedHeaders.receivedAt),
);

/** As the record had them before it was rejected. */
const ownHeaders = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !added.has(name)));
