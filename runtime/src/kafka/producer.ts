import { RejectedError, TransientError } from '../errors.ts';
import { AdminClient } from './admin-client.ts';
import type { KafkaOptions } from './client.ts';
import { Lane } from './lane.ts';
import { Outage } from './outage.ts';
import { Pending } from './pending.ts';
import { Topology } from './topology.ts';
import type { OutgoingRecord, Position, Producer } from './types.ts';

export interface ProducerOptions {
  /** Kafka producers of their own, each for the partitions `p % lanes`. Default 1; more lets requests overlap. */
  readonly lanes?: number;
  /** From `send` to its end, milliseconds. Default 30,000. */
  readonly deadlineMs?: number;
  /** Least time between two requests of a lane, unless a batch is full. Default 5. The first record after a pause goes at once. */
  readonly lingerMs?: number;
  /** Records accepted and not yet settled beyond which `send` rejects. Default 100,000. */
  readonly maxBufferedRecords?: number;
  /** Their bytes. Default 64 MiB. */
  readonly maxBufferedBytes?: number;
  /** Of one partition's part of a request, before compression. Default 900 KiB, below Kafka's `message.max.bytes`. */
  readonly maxPartBytes?: number;
  /** Default 1,000: kafkajs's cost of grouping grows with the square of it. */
  readonly maxPartRecords?: number;
  /** Of a record; a larger one is rejected without asking Kafka. Default 8 MiB. */
  readonly maxRecordBytes?: number;
  /** How long Kafka may take to answer a request before the connection counts as dead. Default 10,000. */
  readonly requestTimeoutMs?: number;
}

/** What a test may loosen to see the defects the port guards against. */
export interface ProducerGuards {
  /** Requests of one lane under way at a time. 1 is the guard. */
  readonly outstandingRequests?: number;
  /** Treat the cluster as one of several brokers: a request for each partition. */
  readonly requestPerPartition?: boolean;
}

const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
const EXPIRY_MIN_MS = 5;
const EXPIRY_MAX_MS = 100;

/** {@link Producer} over kafkajs: batches, bounds and deadlines here; order and single append in {@link Lane}. */
export class KafkaProducer implements Producer {
  readonly #deadlineMs: number;
  readonly #maxBufferedRecords: number;
  readonly #maxBufferedBytes: number;
  readonly #maxRecordBytes: number;
  readonly #admin: AdminClient;
  readonly #topology: Topology;
  readonly #lanes: readonly Lane[];
  /** Records of topics whose partitions are not known yet, in the order of their `send`. */
  readonly #unrouted = new Map<string, Pending[]>();
  #records = 0;
  #bytes = 0;
  #expiry: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(kafka: KafkaOptions, options: ProducerOptions, guards: ProducerGuards = {}) {
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#maxBufferedRecords = options.maxBufferedRecords ?? 100_000;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 64 * 1024 * 1024;
    this.#maxRecordBytes = Math.min(options.maxRecordBytes ?? 8 * 1024 * 1024, this.#maxBufferedBytes);
    this.#admin = new AdminClient(kafka, 'producer');
    this.#topology = new Topology(this.#admin);
    const outage = new Outage('producer', kafka.log ?? (() => {}));
    const laneOptions = {
      lingerMs: options.lingerMs ?? 5,
      deadlineMs: this.#deadlineMs,
      requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
      maxPartBytes: options.maxPartBytes ?? 900 * 1024,
      maxPartRecords: options.maxPartRecords ?? 1000,
      maxRequestBytes: MAX_REQUEST_BYTES,
      outstandingRequests: guards.outstandingRequests ?? 1,
    };
    const singleBroker = () => this.#topology.singleBroker && !guards.requestPerPartition;
    const release = (records: readonly Pending[]) => this.#free(records);
    this.#lanes = Array.from(
      { length: options.lanes ?? 1 },
      () => new Lane(kafka, laneOptions, outage, singleBroker, release),
    );
  }

  get buffered(): { readonly records: number; readonly bytes: number } {
    return { records: this.#records, bytes: this.#bytes };
  }

  get healthy(): boolean {
    return this.#lanes.every(({ healthy }) => healthy);
  }

  send(record: OutgoingRecord): Promise<Position> {
    if (this.#closing) return Promise.reject(new TransientError('the producer is closed'));
    const pending = new Pending(record, performance.now() + this.#deadlineMs);
    if (pending.sizeBytes > this.#maxRecordBytes) {
      return Promise.reject(
        new RejectedError(
          'record',
          `has ${pending.sizeBytes} bytes, at most ${this.#maxRecordBytes} are sent to Kafka`,
        ),
      );
    }
    if (this.#records >= this.#maxBufferedRecords || this.#bytes + pending.sizeBytes > this.#maxBufferedBytes) {
      return Promise.reject(
        new TransientError(
          `${this.#records} records (${this.#bytes} bytes) wait for Kafka already: the buffer is full`,
        ),
      );
    }
    this.#records++;
    this.#bytes += pending.sizeBytes;
    this.#expiry ??= this.#watchDeadlines();
    if (this.#topology.knows(record.topic)) this.#route(pending);
    else this.#routeOnceKnown(pending);
    return pending.stored;
  }

  #route(pending: Pending): void {
    const { topic, key, partition } = pending.record;
    const count = this.#topology.partitionCount(topic);
    if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0 && partition < count)) {
      pending.reject(new RejectedError('partition', `topic ${topic} has 0 to ${count - 1}, not ${partition}`));
      this.#free([pending]);
      return;
    }
    pending.partition = partition ?? this.#topology.partitionOf(topic, key);
    this.#lanes[pending.partition % this.#lanes.length]?.add(pending);
  }

  #routeOnceKnown(pending: Pending): void {
    const { topic } = pending.record;
    const waiting = this.#unrouted.get(topic);
    if (waiting) {
      waiting.push(pending);
      return;
    }
    this.#unrouted.set(topic, [pending]);
    void this.#learn(topic);
  }

  /** Asks for a topic's partitions as long as a record waits for them. Never throws. */
  async #learn(topic: string): Promise<void> {
    let exists: boolean | undefined;
    while (exists === undefined && this.#unrouted.get(topic)?.some(({ settled }) => !settled)) {
      exists = await this.#topology.learn(topic).catch(() => undefined);
    }
    const waiting = this.#unrouted.get(topic)?.filter(({ settled }) => !settled) ?? [];
    this.#unrouted.delete(topic);
    if (exists) {
      for (const pending of waiting) this.#route(pending);
      return;
    }
    this.#free(waiting);
    const unknown = new TransientError(`topic ${topic} does not exist in Kafka: create it with "millrace topics"`);
    for (const pending of waiting) pending.reject(unknown);
  }

  /** Runs only while something is buffered. */
  #watchDeadlines(): NodeJS.Timeout {
    return setInterval(
      () => {
        const now = performance.now();
        for (const waiting of this.#unrouted.values()) {
          const late = waiting.filter(({ settled, deadlineAt }) => !settled && deadlineAt <= now);
          for (const pending of late) pending.reject(new TransientError('no broker told the partitions in time'));
          this.#free(late);
        }
        for (const lane of this.#lanes) lane.expire(now);
      },
      Math.min(Math.max(this.#deadlineMs / 20, EXPIRY_MIN_MS), EXPIRY_MAX_MS),
    );
  }

  #free(records: readonly Pending[]): void {
    for (const pending of records) {
      if (pending.freed) continue;
      pending.freed = true;
      this.#records--;
      this.#bytes -= pending.sizeBytes;
    }
    if (this.#records > 0) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Records still waiting for their partitions are routed or rejected first.
    await Promise.allSettled([...this.#unrouted.values()].flat().map(({ stored }) => stored));
    await Promise.all(this.#lanes.map(lane => lane.drain()));
    await this.#admin[Symbol.asyncDispose]();
    clearInterval(this.#expiry);
  }
}
