import { TransientError } from '../errors.ts';
import { AdminClient, protocolErrorOf } from './admin-client.ts';
import type { KafkaOptions } from './client.ts';
import type { Admin, TopicSpec } from './types.ts';
import { backoff, pauseFor } from './waiting.ts';

export interface AdminOptions {
  /** How long each call may try, milliseconds. Default 15,000. */
  readonly deadlineMs?: number;
}

const CREATE_TIMEOUT_MS = 10_000;
/** What a broker answers about a topic of which it has not heard yet, or whose leaders are being chosen. */
const NOT_YET = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE']);

/** {@link Admin} over kafkajs. Connects at the first call. */
export class KafkaAdmin implements Admin {
  readonly #client: AdminClient;
  readonly #deadlineMs: number;

  constructor(kafka: KafkaOptions, { deadlineMs = 15_000 }: AdminOptions = {}) {
    this.#client = new AdminClient(kafka, 'admin');
    this.#deadlineMs = deadlineMs;
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<readonly string[]> {
    const existing = new Set(await this.#client.ask('list of topics', admin => admin.listTopics(), this.#deadlineMs));
    const missing = topics.filter(({ name }) => !existing.has(name));
    const created: string[] = [];
    for (const topic of missing) if (await this.#create(topic)) created.push(topic.name);
    // KIP-631: the answer comes from the controller; other brokers learn of the topic a moment later.
    await Promise.all(missing.map(({ name }) => this.#leadersOf(name)));
    return created;
  }

  /** @returns false when somebody else has created it since. */
  async #create({ name, partitions, replicationFactor, config }: TopicSpec): Promise<boolean> {
    const topic = {
      topic: name,
      numPartitions: partitions,
      replicationFactor: replicationFactor === 0 ? -1 : replicationFactor, // KIP-464
      configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
    };
    return this.#client.ask(
      `creating topic ${name}`,
      admin => admin.createTopics({ topics: [topic], timeout: CREATE_TIMEOUT_MS, waitForLeaders: false }),
      this.#deadlineMs,
    );
  }

  async #leadersOf(topic: string): Promise<void> {
    const end = Date.now() + this.#deadlineMs;
    for (const delay of backoff(50, 500)) {
      if ((await this.#partitionsOf(topic))?.every(({ leader }) => leader >= 0)) return;
      if (Date.now() > end) throw new TransientError(`topic ${topic} has partitions without a leader`);
      await pauseFor(delay);
    }
  }

  async #partitionsOf(topic: string) {
    try {
      const { topics } = await this.#client.ask(
        `partitions of ${topic}`,
        admin => admin.fetchTopicMetadata({ topics: [topic] }),
        this.#deadlineMs,
        [...NOT_YET],
      );
      return topics.find(({ name }) => name === topic)?.partitions;
    } catch (error) {
      if (NOT_YET.has(protocolErrorOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  async partitions(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const found = await Promise.all(topics.map(async topic => [topic, await this.#partitionsOf(topic)] as const));
    return new Map(found.flatMap(([topic, partitions]) => (partitions ? [[topic, partitions.length] as const] : [])));
  }

  async endOffsets(topic: string): Promise<readonly bigint[]> {
    const offsets = await this.offsets(topic);
    return offsets.map(({ end }) => end);
  }

  /** First and end offset of each partition of a topic, by partition number. */
  async offsets(topic: string): Promise<readonly { readonly first: bigint; readonly end: bigint }[]> {
    const what = `end offsets of ${topic}`;
    const offsets = await this.#client.ask(what, admin => admin.fetchTopicOffsets(topic), this.#deadlineMs);
    return offsets
      .sort((a, b) => a.partition - b.partition)
      .map(({ low, high }) => ({ first: BigInt(low), end: BigInt(high) }));
  }

  async committedOffsets(groupId: string, topic: string): Promise<readonly (bigint | null)[]> {
    const answer = await this.#client.ask(
      `committed offsets of ${groupId}`,
      admin => admin.fetchOffsets({ groupId, topics: [topic] }),
      this.#deadlineMs,
    );
    const partitions = answer.find(offsets => offsets.topic === topic)?.partitions ?? [];
    return [...partitions]
      .sort((a, b) => a.partition - b.partition)
      .map(({ offset }) => (BigInt(offset) < 0n ? null : BigInt(offset)));
  }

  async brokers(): Promise<readonly string[]> {
    const what = 'brokers of the cluster';
    const { brokers } = await this.#client.ask(what, admin => admin.describeCluster(), this.#deadlineMs);
    return brokers.map(({ host, port }) => `${host}:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
