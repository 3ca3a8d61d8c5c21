import { type AdminOptions, KafkaAdmin } from './admin.ts';
import type { KafkaOptions } from './client.ts';
import { type ConsumerOptions, KafkaConsumer } from './consumer.ts';
import { openProbe, type Probe, type ProbeOptions } from './probe.ts';
import { KafkaProducer, type ProducerOptions } from './producer.ts';
import { KafkaTransactions, type TransactionsOptions } from './transactions.ts';
import type { Admin, Consumer, ConsumerHandlers, Producer, Transactions } from './types.ts';

/** The way to one Kafka cluster. Holds no connection itself; what it opens connects by itself, again and again. */
export interface Kafka {
  readonly options: KafkaOptions;
  /** Connects at the first record. While Kafka is away records wait, each until its deadline. */
  openProducer(options?: ProducerOptions): Promise<Producer>;
  /** Connects at `fence`. */
  openTransactions(options: TransactionsOptions): Promise<Transactions>;
  /** Resolves at once and joins the group when Kafka answers: `healthy` tells. */
  openConsumer(options: ConsumerOptions, handlers: ConsumerHandlers): Promise<Consumer>;
  /** Connects at the first call; each call fails with a TransientError at its deadline. */
  openAdmin(options?: AdminOptions): Promise<Admin>;
  /** Asks for a topic's end offsets from now on; resolves after the first question, whether it was answered or not. */
  openProbe(topic: string, options?: ProbeOptions): Promise<Probe>;
}

/**
 * Does no I/O. What is opened from it mends kafkajs for the whole process, always alike: see `repairs.ts`.
 */
export function openKafka(options: KafkaOptions): Kafka {
  return {
    options,
    openProducer: async producer => new KafkaProducer(options, producer ?? {}),
    openTransactions: async transactions => new KafkaTransactions(options, transactions),
    openConsumer: async (consumer, handlers) => KafkaConsumer.open(options, consumer, handlers),
    openAdmin: async admin => new KafkaAdmin(options, admin),
    openProbe: (topic, probe) => openProbe(options, topic, probe),
  };
}
