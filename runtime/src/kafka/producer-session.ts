import kafkajs, { type Message } from 'kafkajs';
import { messageOf } from '../errors.ts';
import { protocolErrorOf } from './admin-client.ts';
import { type Client, type KafkaOptions, openClient } from './client.ts';
import type { Outage } from './outage.ts';
import { within } from './waiting.ts';

/** Records of one partition, in order. */
export interface Part {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly Message[];
}

/** Why an attempt failed, by what helps. */
type Failure =
  /** Send the same batch again through the same session: its sequence numbers make a second append impossible. */
  | { readonly remedy: 'resend'; readonly reason: string }
  /** The broker and this session disagree about sequence numbers: only a new session helps. */
  | { readonly remedy: 'new session'; readonly reason: string }
  /** A record among these can never be stored. */
  | { readonly remedy: 'isolate'; readonly reason: string };

const OF_THE_RECORD = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD']);
const OF_THE_SESSION = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'UNKNOWN_PRODUCER_ID',
]);
const CODE_INVALID_RECORD = 'Unknown error code 87'; // KIP-467; kafkajs's table ends at 88 but lacks it
const CLOSE_MS = 2000;

/** Counts the records kafkajs takes for one attempt, so that a second attempt shows. */
interface Ticket {
  left: number;
}
interface TicketedMessage extends Message {
  ticket?: Ticket;
}

class SecondAttempt extends Error {
  override readonly name = 'SecondAttempt';
  readonly retriable = false;
}

/**
 * One idempotent kafkajs producer (one producer id), used so that what it acknowledges is stored once and in order.
 *
 * kafkajs gives a batch its sequence number when it is encoded, and takes the number back when the request fails,
 * although the broker may have appended it. That is right as long as the same partition's next batch is the same batch:
 * the broker then knows it for a duplicate. So the caller must resend an unacknowledged batch unchanged, and nothing
 * else, to this session; or give the session up.
 *
 * kafkajs's own retry has three more holes, seen in its source (producer/sendMessages.js): it keeps the answers of one
 * attempt by broker, so that a partition whose leader moves to a broker that has answered is never sent and still
 * acknowledged; one that moves away from it is sent twice; and it starts a second attempt while requests of the first
 * are under way. So each `send` here is one attempt (the partitioner, which kafkajs asks once a record and attempt,
 * refuses the second), and must go to one broker: one partition, or any in a cluster of one.
 */
export class ProducerSession {
  readonly #client: Client;
  readonly #producer: kafkajs.Producer;
  readonly #outage: Outage;

  constructor(options: KafkaOptions, outage: Outage, requestTimeoutMs: number) {
    this.#outage = outage;
    this.#client = openClient(options, outage, {
      requestTimeoutMs,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 1000 },
    });
    this.#producer = this.#client.kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: () => takeOnce,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 1000 },
    });
    this.#producer.on('producer.network.request_timeout', ({ payload }) => {
      this.#outage.failed(`no answer to ${payload.apiName} from ${payload.broker} within ${requestTimeoutMs} ms`);
      this.#client.sockets.cut('no answer in time');
    });
  }

  /** Must have succeeded before the first `send`: kafkajs would send without sequence numbers otherwise. */
  async connect(): Promise<void> {
    await this.#producer.connect();
  }

  /** One attempt. Resolves with the offset of the first record of each part, or says what failed. */
  async send(parts: readonly Part[]): Promise<readonly bigint[] | Failure> {
    const ticket: Ticket = { left: 0 };
    const byTopic = new Map<string, Message[]>();
    for (const { topic, messages } of parts) {
      ticket.left += messages.length;
      for (const message of messages as readonly TicketedMessage[]) message.ticket = ticket;
      const ofTopic = byTopic.get(topic);
      if (ofTopic) ofTopic.push(...messages);
      else byTopic.set(topic, [...messages]);
    }
    try {
      const answers = await this.#producer.sendBatch({
        acks: -1,
        compression: kafkajs.CompressionTypes.ZSTD,
        topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
      });
      const offsets = parts.map(part => offsetOf(answers, part));
      if (offsets.every(offset => offset !== undefined)) return offsets;
      return { remedy: 'resend', reason: 'Kafka did not answer for each partition' };
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): Failure {
    const type = protocolErrorOf(error) ?? '';
    const secondAttempt = messageOf(error) === SECOND_ATTEMPT;
    const reason = secondAttempt ? this.#outage.reason : messageOf(error);
    if (OF_THE_RECORD.has(type) || reason === CODE_INVALID_RECORD) return { remedy: 'isolate', reason };
    if (OF_THE_SESSION.has(type)) return { remedy: 'new session', reason };
    return { remedy: 'resend', reason };
  }

  /** Ends every connection now. Whatever kafkajs still tries, it sends nothing more. */
  abandon(): void {
    this.#client.sockets.close();
  }

  async close(): Promise<void> {
    await within(this.#producer.disconnect(), CLOSE_MS, 'closing the producer').catch(() => {});
    this.#client.sockets.close();
  }
}

const SECOND_ATTEMPT = 'one attempt only';

function takeOnce({ message }: { message: TicketedMessage }): number {
  if (message.ticket && --message.ticket.left < 0) throw new SecondAttempt(SECOND_ATTEMPT);
  return message.partition ?? 0;
}

function offsetOf(answers: readonly kafkajs.RecordMetadata[], { topic, partition }: Part): bigint | undefined {
  const answer = answers.find(({ topicName, partition: p }) => topicName === topic && p === partition);
  return answer?.baseOffset === undefined ? undefined : BigInt(answer.baseOffset);
}
