import type { PartitionMetadata } from 'kafkajs';
import { TransientError } from '../errors.ts';
import { type AdminClient, protocolErrorOf } from './admin-client.ts';
import { partitionOfKey } from './murmur2.ts';

const MAX_AGE_MS = 300_000;
const ASK_MS = 10_000;

interface Topic {
  readonly partitions: readonly PartitionMetadata[];
  readonly askedAt: number;
}

/** What a producer must know of the cluster before it can send: partitions of topics, and number of brokers. */
export class Topology {
  readonly #admin: AdminClient;
  readonly #topics = new Map<string, Topic>();
  readonly #asking = new Map<string, Promise<boolean>>();
  #brokers = 0;

  constructor(admin: AdminClient) {
    this.#admin = admin;
  }

  /** Whether all partitions have one leader for ever: a cluster of one broker. */
  get singleBroker(): boolean {
    return this.#brokers === 1;
  }

  knows(topic: string): boolean {
    const known = this.#topics.get(topic);
    if (known && Date.now() - known.askedAt > MAX_AGE_MS) void this.learn(topic).catch(() => {});
    return known !== undefined;
  }

  /** Partition of a key, as Java's default partitioner chooses it. */
  partitionOf(topic: string, key: string): number {
    const known = this.#topics.get(topic);
    if (!known) throw new TransientError(`partitions of ${topic} are not known yet`);
    return partitionOfKey(key, known.partitions.length);
  }

  partitionCount(topic: string): number {
    return this.#topics.get(topic)?.partitions.length ?? 0;
  }

  /**
   * Asks Kafka for a topic's partitions; calls for one topic are merged. Resolves with whether the topic exists.
   * @throws {TransientError} when no broker answers.
   */
  learn(topic: string): Promise<boolean> {
    let asking = this.#asking.get(topic);
    if (!asking) {
      asking = this.#ask(topic).finally(() => this.#asking.delete(topic));
      this.#asking.set(topic, asking);
    }
    return asking;
  }

  async #ask(topic: string): Promise<boolean> {
    try {
      await this.#admin.ask(
        `partitions of ${topic}`,
        async admin => {
          const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
          const { brokers } = await admin.describeCluster();
          const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
          this.#brokers = brokers.length;
          this.#topics.set(topic, { partitions, askedAt: Date.now() });
        },
        ASK_MS,
        ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'],
      );
      return true;
    } catch (error) {
      if (protocolErrorOf(error) === undefined) throw error;
      return false;
    }
  }
}
