/** One sink at work: a consumer that fetches while its store writes, and commits what is stored. */
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, RejectedError, TransientError } from '@millrace/runtime/errors.ts';
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import type { Assignment, Consumer, RecordBatch } from '@millrace/runtime/kafka/types.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import type { SinkMetrics } from './metrics.ts';
import { Positions } from './positions.ts';
import { type RejectedTopic, sendRejected } from './rejected.ts';
import type { Gate, Sink, Store, Taken } from './sink.ts';

export interface IntakeOptions {
  readonly kafka: Kafka;
  /** Begins the names of topics and groups. */
  readonly prefix: string;
  readonly drainTimeoutMs: number;
  readonly rejected: RejectedTopic;
  readonly metrics: SinkMetrics;
  readonly log: Logger;
}

/** Commits are gathered for this long: one costs Kafka about as much as a fetch, and redelivered rows change nothing. */
const commitEveryMs = 250;

/**
 * The lowest that Kafka takes by default: the partitions of a killed process wait this long for their next owner. Being
 * taken for dead while alive costs little here, since rows that come again change nothing.
 */
const sessionTimeoutMs = 6000;

/**
 * Record: fetched → taken by the store (rows in memory) → settled (stored, or in the rejected topic) → committed.
 *
 * The handler waits for room in the store alone, so that fetching goes on while requests are on the way. On close the
 * store drains and the last positions are committed before the member leaves its group; what is not stored in
 * time is not committed, and comes again.
 */
export class Intake implements AsyncDisposable {
  readonly #sink: Sink;
  readonly #options: IntakeOptions;
  readonly #stop = new AbortController();
  readonly #store: Store;
  #unfollow = (): void => {};
  #consumer: Consumer | undefined;
  #positions = new Positions();
  #commitTimer: NodeJS.Timeout | undefined;
  #committing: Promise<void> = Promise.resolve();

  static async open(sink: Sink, options: IntakeOptions): Promise<Intake> {
    const intake = new Intake(sink, options);
    await intake.#join();
    return intake;
  }

  private constructor(sink: Sink, options: IntakeOptions) {
    const { kafka, prefix, metrics, log, rejected } = options;
    this.#sink = sink;
    this.#options = options;
    this.#store = sink.openStore({
      kafka,
      groupId: this.#groupId,
      topics: kafkaTopics(prefix),
      metrics,
      log,
      stop: this.#stop.signal,
      reject: async (taken, rejection) => {
        await sendRejected(rejected, `sink-${sink.name}`, taken, rejection, this.#stop.signal);
        metrics.rejected.inc();
      },
    });
  }

  /** Never resolves; rejects when this sink cannot go on. */
  get failed(): Promise<never> {
    return Promise.race([this.#consumer!.failed, this.#store.failed]);
  }

  /** True, or what is missing for storing a record now. */
  get ready(): true | string {
    if (this.#store.trouble !== undefined) return this.#store.trouble;
    return this.#consumer?.healthy === true ? true : 'the consumer is not in its group';
  }

  /** Records behind the end of the topic, and those taken that are not yet settled. */
  get lag(): number {
    return (this.#consumer?.lag ?? 0) + this.#positions.outstanding;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unfollow();
    // The consumer is paused while its store's gate is shut; closing must not wait for that.
    await this.#consumer?.[Symbol.asyncDispose]();
    this.#stop.abort(new Error('the sink has stopped'));
    clearTimeout(this.#commitTimer);
    await this.#store[Symbol.asyncDispose]();
  }

  get #groupId(): string {
    return `${this.#options.prefix}sink.${this.#sink.name}`;
  }

  async #join(): Promise<void> {
    const { kafka, prefix } = this.#options;
    const { topics, begin = 'start' } = this.#sink;
    const consumer = await kafka.openConsumer(
      {
        groupId: this.#groupId,
        topics: topics.map(topic => kafkaTopics(prefix)[topic]),
        from: begin === 'end' ? 'latest' : 'earliest',
        coPartitioned: topics.length > 1,
        sessionTimeoutMs,
      },
      {
        onAssigned: async assignment => {
          // What was taken before comes again, from the committed positions.
          this.#positions = new Positions();
          this.#options.metrics.rebalances.inc();
          if (begin === 'end') await this.#holdBeginning(assignment);
          await this.#store.assigned?.(assignment);
        },
        onBatch: (batch, signal) => this.#take(batch, signal),
        onDrain: () => this.#drain(),
      },
    );
    this.#consumer = consumer;
    if (this.#store.gate !== undefined) this.#follow(this.#store.gate, consumer);
  }

  /**
   * The end at which a new group begins is committed before its first record is settled: a store may take hours for that,
   * and a start in between must not begin at another end.
   */
  async #holdBeginning({ partitions, signal }: Assignment): Promise<void> {
    const { kafka, log } = this.#options;
    await using admin = await kafka.openAdmin();
    const hold = async (topic: string, own: readonly number[]): Promise<void> => {
      const committed = await admin.committedOffsets(this.#groupId, topic);
      const fresh = own.filter(partition => (committed[partition] ?? null) === null);
      if (fresh.length === 0) return;
      const ends = await admin.endOffsets(topic);
      // A position is the record before the next one to read.
      await this.#consumer!.commit(
        fresh.map(partition => ({ topic, partition, offset: (ends[partition] ?? 0n) - 1n })),
      );
    };
    for (const [topic, own] of partitions)
      await keepTrying(`the position of ${this.#groupId} in ${topic}`, () => hold(topic, own), { log, signal });
  }

  #follow(gate: Gate, consumer: Consumer): void {
    const { metrics } = this.#options;
    const follow = (): void => {
      const { isOpen, shut } = gate;
      for (const reason of ['suspended', 'wal-lag'] as const) metrics.paused(reason, shut?.reason === reason);
      if (isOpen) consumer.resume();
      else consumer.pause();
    };
    follow();
    this.#unfollow = gate.onChange(follow);
  }

  async #take({ topic, partition, records }: RecordBatch, signal: AbortSignal): Promise<void> {
    const { metrics, rejected, log } = this.#options;
    let firstReason = '';
    const positions = this.#positions;
    const rejections: Promise<void>[] = [];
    for (const record of records) {
      await this.#store.room(signal);
      const done = positions.take(topic, partition, record.offset);
      const taken: Taken = {
        topic,
        partition,
        record,
        settled: () => {
          done();
          this.#commitSoon();
        },
      };
      try {
        metrics.taken(this.#store.take(taken));
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error;
        const { field } = error;
        firstReason ||= messageOf(error);
        const reason = messageOf(error).replace(`${field}: `, '');
        const sent = sendRejected(rejected, `sink-${this.#sink.name}`, taken, { reason, field }, signal).then(() => {
          metrics.rejected.inc();
          taken.settled();
        });
        sent.catch(() => {}); // Seen below; here it only must not count as unhandled while others are taken.
        rejections.push(sent);
      }
    }
    await Promise.all(rejections);
    if (rejections.length > 0)
      log.warn({ topic, partition, records: rejections.length }, `rejected, the first one for: ${firstReason}`);
  }

  #commitSoon(): void {
    this.#commitTimer ??= setTimeout(() => {
      this.#commitTimer = undefined;
      this.#committing = this.#committing.then(() => this.#commit());
    }, commitEveryMs);
  }

  async #commit(): Promise<void> {
    const positions = this.#positions;
    const reached = positions.reached();
    if (reached.length === 0) return;
    try {
      await this.#consumer!.commit(reached);
    } catch (error) {
      positions.restore(reached);
      if (!(error instanceof TransientError))
        return this.#options.log.error({ err: error }, 'positions could not be committed');
      // The consumer says by itself that Kafka is away; the records come again at worst, and change nothing.
      this.#options.log.debug(`positions not committed: ${messageOf(error)}`);
      if (!this.#stop.signal.aborted) this.#commitSoon();
    }
  }

  async #drain(): Promise<void> {
    const { drainTimeoutMs, log } = this.#options;
    const deadline = new AbortController();
    const outcome = await Promise.race([
      this.#store.drained().then(() => 'drained'),
      this.#store.failed.catch(() => 'failed'), // The reason is said by whoever runs this sink.
      wait(drainTimeoutMs, 'late', { signal: deadline.signal }),
    ]).finally(() => deadline.abort());
    if (outcome === 'late')
      log.warn(
        `${this.#positions.outstanding} records were not stored within ${drainTimeoutMs} ms; they come again after the next start`,
      );
    clearTimeout(this.#commitTimer);
    await this.#committing;
    await this.#commit();
  }
}
