import kafkajs, { type Batch } from 'kafkajs';
import { TransientError } from '../errors.ts';
import { isExpected, type KafkaOptions } from './client.ts';
import { coPartitioned } from './co-partitioned.ts';
import { Commits } from './commits.ts';
import { ConsumerSession, type SessionOptions } from './consumer-session.ts';
import { Generation } from './generation.ts';
import { toRecordBatch } from './incoming.ts';
import { Outage } from './outage.ts';
import type { Consumer, ConsumerHandlers, Position } from './types.ts';
import { backoff, pauseFor, within } from './waiting.ts';

export interface ConsumerOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Each member gets the same partitions of every topic, which must have as many each. Default false: all in turns. */
  readonly coPartitioned?: boolean;
  /** Where a group without a committed offset begins. Default `earliest`: nothing is left out. */
  readonly from?: 'earliest' | 'latest';
  /** Default `read_committed`. */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** Without a heartbeat for this long the group gives our partitions away, milliseconds. Default 30,000. */
  readonly sessionTimeoutMs?: number;
  /** Default a tenth of the session timeout. */
  readonly heartbeatIntervalMs?: number;
  /** How long handlers may take to end when the group rebalances. Default 60,000. */
  readonly rebalanceTimeoutMs?: number;
  /** How long Kafka may take to answer before the connection counts as dead. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** How long a fetch waits for the first record, and the longest a close waits for it. Default 250. */
  readonly maxWaitMs?: number;
  /** Of one fetch. Default 10 MiB. */
  readonly maxBytes?: number;
  /** Of one partition in a fetch. Default 1 MiB. */
  readonly maxBytesPerPartition?: number;
  /** Handlers running at a time. Default 64. The next fetch waits for all of them. */
  readonly partitionsConsumedConcurrently?: number;
}

const COMMIT_DEADLINE_MS = 15_000;

/**
 * {@link Consumer} over kafkajs.
 *
 * joining → active ⇄ paused → closing (handlers end, `onDrain`) → closed; active → failed (a handler rejected: nothing
 * more is handed over, membership is kept until the close).
 */
export class KafkaConsumer implements Consumer {
  readonly failed: Promise<never>;
  readonly #handlers: ConsumerHandlers;
  readonly #outage: Outage;
  readonly #commits = new Commits(next => this.#commitNow(next));
  readonly #running = new Set<Promise<unknown>>();
  readonly #closed = new AbortController();
  readonly #released = Promise.withResolvers<void>();
  readonly #fail: (error: unknown) => void;
  readonly #supervision: Promise<void>;
  #hasFailed = false;
  #session: ConsumerSession | undefined;
  #generation: Generation | undefined;
  #resumed: PromiseWithResolvers<void> | undefined;
  #closing: Promise<void> | undefined;

  static open(kafka: KafkaOptions, options: ConsumerOptions, handlers: ConsumerHandlers): KafkaConsumer {
    return new KafkaConsumer(kafka, options, handlers);
  }

  private constructor(kafka: KafkaOptions, options: ConsumerOptions, handlers: ConsumerHandlers) {
    this.#handlers = handlers;
    this.#outage = new Outage(`consumer ${options.groupId}`, kafka.log ?? (() => {}));
    const failed = Promise.withResolvers<never>();
    this.failed = failed.promise;
    this.failed.catch(() => {}); // whoever wants to know awaits it
    this.#fail = error => {
      this.#hasFailed = true;
      failed.reject(error);
    };
    this.#supervision = this.#supervise(kafka, withDefaults(options));
  }

  /** Opens sessions, one after the other, until the close. */
  async #supervise(kafka: KafkaOptions, options: SessionOptions): Promise<void> {
    const { signal } = this.#closed;
    let delays = backoff(200, 1000);
    while (!signal.aborted) {
      const openedAt = Date.now();
      const session = new ConsumerSession(kafka, options, this.#outage, {
        assigned: partitions => this.#assigned(partitions),
        revoked: reason => this.#generation?.end(reason),
        batch: batch => this.#handOver(batch),
        reached: (...where) => this.#reached(...where),
      });
      this.#session = session;
      void session.start();
      const reason = await session.ended;
      if (signal.aborted) return;
      if (!session.closed && !isExpected(reason.message)) this.#outage.failed(reason.message);
      if (Date.now() - openedAt > 60_000) delays = backoff(200, 1000);
      await pauseFor(delays.next().value, signal);
    }
  }

  #assigned(partitions: ReadonlyMap<string, readonly number[]>): void {
    this.#generation?.end(new Error('the group has rebalanced'));
    if (this.#closing) return;
    this.#generation = new Generation(partitions, generation => this.#prepare(generation));
  }

  async #prepare(generation: Generation): Promise<void> {
    // Handlers of the last generation were told to end; state must not be restored under their feet.
    await Promise.allSettled(this.#running);
    if (generation.signal.aborted) return;
    try {
      await this.#handlers.onAssigned?.(generation);
    } catch (error) {
      if (!generation.signal.aborted) this.#fail(error);
      throw error;
    }
  }

  /** @returns whether the batch was handled; otherwise it comes again. */
  async #handOver(fetched: Batch): Promise<boolean> {
    const generation = this.#generation;
    if (!generation || !(await this.#mayHandOver(generation))) return false;
    const batch = toRecordBatch(fetched);
    const { topic, partition, records } = batch;
    generation.handedOver(topic, partition, records[0]?.offset ?? 0n);
    const handling = Promise.resolve(batch).then(handed => this.#handlers.onBatch(handed, generation.signal));
    this.#running.add(handling);
    try {
      await handling;
      generation.done(topic, partition, BigInt(fetched.lastOffset()) + 1n);
      return !generation.signal.aborted && this.#generation === generation;
    } catch (error) {
      if (!generation.signal.aborted) this.#fail(error);
      return false;
    } finally {
      this.#running.delete(handling);
      // Held until the close has committed: kafkajs would fetch the same again and again.
      if (this.#closing || this.#hasFailed) await this.#held(generation);
    }
  }

  async #mayHandOver(generation: Generation): Promise<boolean> {
    const { signal } = generation;
    if (!generation.isReady) await unlessAborted(signal, generation.ready);
    while (this.#resumed && !signal.aborted) await unlessAborted(signal, this.#resumed.promise);
    if (this.#closing || this.#hasFailed) await this.#held(generation);
    return !signal.aborted;
  }

  async #held({ signal }: Generation): Promise<void> {
    if (!this.#closing) await unlessAborted(signal, this.#released.promise);
    if (this.#closing) await this.#released.promise;
  }

  #reached(topic: string, partition: number, lastOffset: bigint, highWatermark: bigint, nothing: boolean): void {
    const generation = this.#generation;
    generation?.fetched(topic, partition, highWatermark);
    if (nothing) generation?.done(topic, partition, lastOffset + 1n);
  }

  commit(positions: readonly Position[]): Promise<void> {
    return this.#commits.commit(positions);
  }

  async #commitNow(next: readonly Position[]): Promise<void> {
    const session = this.#session;
    const generation = this.#generation;
    if (!session || !generation) throw new TransientError('the offsets were not committed: not in the group yet');
    const ours = generation.ours(next);
    if (ours.length > 0) await within(session.commit(ours), COMMIT_DEADLINE_MS, 'committing offsets');
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers();
  }

  resume(): void {
    this.#resumed?.resolve();
    this.#resumed = undefined;
  }

  rejoin(reason: string): void {
    if (this.#closing) return;
    this.#generation?.end(new Error(reason));
    // Leaves the group once the handlers have ended; the end of this session opens the next one.
    void this.#session?.close();
  }

  get lag(): number {
    return this.#generation?.lag ?? 0;
  }

  lagOf(topic: string, partition: number): number | undefined {
    return this.#generation?.lagOf(topic, partition);
  }

  get healthy(): boolean {
    return !this.#hasFailed && !this.#closing && (this.#session?.healthy ?? false);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#generation?.end(new Error('the consumer is closing'));
    this.resume();
    try {
      await Promise.allSettled(this.#running);
      await this.#handlers.onDrain?.();
      await this.#commits.settled();
    } finally {
      this.#closed.abort();
      this.#released.resolve();
      await this.#session?.close();
      await this.#supervision;
    }
  }
}

/** Waits for either. A listener for each batch that stayed would cost each later batch more. */
async function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  if (signal.aborted) return;
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work.catch(() => {}), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const { roundRobin } = kafkajs.PartitionAssigners;

function withDefaults(options: ConsumerOptions): SessionOptions {
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 30_000;
  return {
    groupId: options.groupId,
    topics: options.topics,
    from: options.from ?? 'earliest',
    isolation: options.isolation ?? 'read_committed',
    sessionTimeoutMs,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? Math.ceil(sessionTimeoutMs / 10),
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    maxWaitMs: options.maxWaitMs ?? 250,
    maxBytes: options.maxBytes ?? 10 * 1024 * 1024,
    maxBytesPerPartition: options.maxBytesPerPartition ?? 1024 * 1024,
    partitionsConsumedConcurrently: options.partitionsConsumedConcurrently ?? 64,
    // Round robin beside it: members of a version that knows no other are still in the group while a new one is rolled out.
    assigners: options.coPartitioned ? [coPartitioned, roundRobin] : [roundRobin],
  };
}
