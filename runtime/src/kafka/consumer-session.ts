import type { Batch, EachBatchPayload, Consumer as KafkaJsConsumer, PartitionAssigner } from 'kafkajs';
import { InvariantError, messageOf, TransientError } from '../errors.ts';
import { protocolErrorOf } from './admin-client.ts';
import { type Client, type KafkaOptions, openClient } from './client.ts';
import { isRepaired } from './fetch-answer.ts';
import type { Outage } from './outage.ts';
import type { Position } from './types.ts';
import { within } from './waiting.ts';

export interface SessionOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly from: 'earliest' | 'latest';
  readonly isolation: 'read_committed' | 'read_uncommitted';
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  readonly partitionsConsumedConcurrently: number;
  /** The first that all members of the group know is used. */
  readonly assigners: readonly PartitionAssigner[];
}

/** What a session tells its consumer. */
export interface SessionEvents {
  /** The member has joined: these are its partitions. */
  assigned(partitions: ReadonlyMap<string, readonly number[]>): void;
  /** The assignment is over; the member will join again, or the session has ended. */
  revoked(reason: Error): void;
  /** Hands a batch over. Resolves with whether to go on behind it. */
  batch(batch: Batch): Promise<boolean>;
  /** Fetched as far as this. `nothing`: all of it was control and aborted records, no batch comes for it. */
  reached(topic: string, partition: number, lastOffset: bigint, highWatermark: bigint, nothing: boolean): void;
}

const LOST_MEMBERSHIP = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
  'FENCED_INSTANCE_ID',
]);
const CLOSE_MS = 5000;

/**
 * One life of a kafkajs consumer: connected → joined ⇄ rejoining → ended. kafkajs gives up for reasons that pass (a
 * connection lost in the wrong moment is a TypeError deep inside); then this session ends, and the consumer opens
 * another instead of letting kafkajs restart with what it has left.
 */
export class ConsumerSession {
  readonly #client: Client;
  readonly #consumer: KafkaJsConsumer;
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #outage: Outage;
  readonly #ended = Promise.withResolvers<Error>();
  readonly #payloads = new Set<EachBatchPayload>();
  #heartbeats: NodeJS.Timeout | undefined;
  #joined = false;
  #lastAnswerAt = 0;
  #lostMembership: Error | undefined;
  #committed = false;
  #isOver = false;
  #closing: Promise<void> | undefined;

  constructor(kafka: KafkaOptions, options: SessionOptions, outage: Outage, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#outage = outage;
    const { requestTimeoutMs, assigners } = options;
    const retry = { retries: 3, initialRetryTime: 100, maxRetryTime: 1000 };
    this.#client = openClient(kafka, outage, { requestTimeoutMs, retry });
    this.#consumer = this.#client.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      maxWaitTimeInMs: options.maxWaitMs,
      maxBytes: options.maxBytes,
      maxBytesPerPartition: options.maxBytesPerPartition,
      readUncommitted: options.isolation === 'read_uncommitted',
      allowAutoTopicCreation: false,
      retry: { ...retry, restartOnFailure: async () => false },
      partitionAssigners: [...assigners],
    });
    this.#listen();
  }

  /** Resolves, with the reason, when this session can do nothing more. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  /** Whether its end was asked for. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** In the group, and answered lately. */
  get healthy(): boolean {
    const { heartbeatIntervalMs, maxWaitMs } = this.#options;
    return this.#joined && Date.now() - this.#lastAnswerAt < 2 * heartbeatIntervalMs + maxWaitMs + 1000;
  }

  async start(): Promise<void> {
    const { topics, from, partitionsConsumedConcurrently } = this.#options;
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...topics], fromBeginning: from === 'earliest' });
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently,
        eachBatch: payload => this.#eachBatch(payload),
      });
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #listen(): void {
    const { events } = this.#consumer;
    const answered = () => {
      this.#lastAnswerAt = Date.now();
      if (this.#joined) this.#outage.recovered();
    };
    this.#consumer.on(events.HEARTBEAT, answered);
    this.#consumer.on(events.FETCH, answered);
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      this.#joined = true;
      this.#lostMembership = undefined;
      answered();
      this.#events.assigned(new Map(Object.entries(payload.memberAssignment)));
    });
    this.#consumer.on(events.REBALANCING, () => this.#revoke(new Error('the group is rebalancing')));
    this.#consumer.on(events.CRASH, ({ payload }) => this.#end(payload.error));
    this.#consumer.on(events.COMMIT_OFFSETS, () => {
      this.#committed = true;
    });
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      const { topic, partition, lastOffset, highWatermark, batchSize } = payload;
      this.#events.reached(topic, partition, BigInt(lastOffset), BigInt(highWatermark), batchSize === 0);
    });
    this.#consumer.on(events.REQUEST_TIMEOUT, ({ payload }) => {
      this.#outage.failed(`no answer to ${payload.apiName} from ${payload.broker} in time`);
      this.#client.sockets.cut('no answer in time');
    });
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    if (!isRepaired((batch as FetchedBatch).rawMessages)) {
      throw new InvariantError('a fetch was not answered in version 11, in which aborted records are filtered out');
    }
    this.#payloads.add(payload);
    this.#heartbeats ??= setInterval(() => void this.#heartbeat(), this.#options.heartbeatIntervalMs);
    try {
      const goOn = await this.#events.batch(batch);
      if (goOn) payload.resolveOffset(batch.messages.at(-1)?.offset ?? batch.lastOffset());
    } finally {
      this.#payloads.delete(payload);
      if (this.#payloads.size === 0) {
        clearInterval(this.#heartbeats);
        this.#heartbeats = undefined;
      }
    }
    // Makes kafkajs join again now; it would notice at its own next heartbeat, after another fetch.
    if (this.#lostMembership) throw this.#lostMembership;
  }

  /** kafkajs beats between batches only; while handlers run, this does. */
  async #heartbeat(): Promise<void> {
    const [payload] = this.#payloads;
    try {
      await payload?.heartbeat();
    } catch (error) {
      const lost = LOST_MEMBERSHIP.has(protocolErrorOf(error) ?? '');
      if (lost && error instanceof Error) {
        this.#lostMembership = error;
        this.#revoke(error);
      } else this.#outage.failed(messageOf(error));
    }
  }

  #revoke(reason: Error): void {
    // kafkajs may crash some time after its connections were ended: by then the next session may have joined.
    if (this.#isOver) return;
    this.#joined = false;
    this.#events.revoked(reason);
  }

  #end(reason: Error): void {
    this.#revoke(reason);
    this.#isOver = true;
    this.#client.sockets.close();
    this.#ended.resolve(reason);
  }

  /** @throws {TransientError} when the coordinator did not take all of it. */
  async commit(next: readonly Position[]): Promise<void> {
    const offsets = next.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset.toString() }));
    this.#committed = false;
    try {
      await this.#consumer.commitOffsets(offsets);
    } catch (error) {
      throw new TransientError(`the offsets were not committed: ${messageOf(error)}`, { cause: error });
    }
    // kafkajs resolves without having asked when it is stopping.
    if (!this.#committed) throw new TransientError('the offsets were not committed: the member has left the group');
  }

  /** Leaves the group and disconnects. Batches must have been let go before. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#joined = false;
    await within(this.#consumer.disconnect(), CLOSE_MS, 'leaving the group').catch(() => {});
    clearInterval(this.#heartbeats);
    this.#end(new Error('closed'));
  }
}

/** kafkajs's Batch has the fetched messages beside the filtered ones; its type does not say so. */
interface FetchedBatch extends Batch {
  readonly rawMessages: object;
}
