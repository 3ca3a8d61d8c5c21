/**
 * Runs a task for each partition of a topic that the group gives us, exactly once: output, state and position of a
 * partition are one Kafka transaction, of the partition's own `transactional.id`. Who is assigned a partition fences its
 * earlier owners first, and only then reads the state: so whatever happens, what is committed stands on what was
 * committed before. KIP-98, KIP-129; why not KIP-447: docs/decisions/0014.
 */
import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import { FencedError } from '@millrace/runtime/errors.ts';
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import type { Assignment, Consumer, Transactions } from '@millrace/runtime/kafka/types.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { OwnedPartition } from './owned.ts';
import type { Extent, Oddity } from './position.ts';
import { readState } from './state-topic.ts';
import type { Task } from './task.ts';

export interface RunnerOptions<T extends Task> {
  readonly kafka: Kafka;
  readonly log: Logger;
  /** Also the consumer group and, with the partition's number, the `transactional.id`: with Kafka's topic prefix. */
  readonly name: string;
  readonly inputTopic: string;
  /** Compacted; as many partitions as the input. */
  readonly stateTopic: string;
  readonly commitIntervalMs: number;
  readonly createTask: (partition: number) => T;
  readonly onRows: (rows: number) => void;
  readonly onItems: (items: number) => void;
  /** A task that is no longer ours, for whoever sums up its counters. */
  readonly onGivenUp: (task: T) => void;
}

/** How long the last commit may take while we end; what it does not manage comes again. */
const drainMs = 4000;
/** A commit under way when an assignment ends may still end well, and saves its successor the work. */
const lateCommitMs = 3000;
/** A partition whose commit takes longer reads on only when it has ended. */
const stallMs = 2000;
/** Fenced by one who does not own the partition: he is told so within a heartbeat. */
const rejoinAfterMs = 1000;

export class Runner<T extends Task> implements AsyncDisposable {
  readonly #options: RunnerOptions<T>;
  #consumer: Consumer | undefined;
  readonly #owned = new Map<number, OwnedPartition<T>>();
  readonly #transactions = new Map<number, Transactions>();
  /** Of the current assignment, and of the commits begun in it. */
  #signal: AbortSignal = AbortSignal.abort();
  #patience: AbortSignal = AbortSignal.abort();
  readonly #closed = new AbortController();
  readonly #committing: Promise<never>;
  #failCommitting!: (error: unknown) => void;

  private constructor(options: RunnerOptions<T>) {
    this.#options = options;
    this.#committing = new Promise((_, reject) => {
      this.#failCommitting = reject;
    });
    this.#committing.catch(() => {}); // Seen by whoever awaits `failed`.
  }

  static async open<T extends Task>(options: RunnerOptions<T>): Promise<Runner<T>> {
    const runner = new Runner(options);
    runner.#consumer = await options.kafka.openConsumer(
      // A processor that was killed holds its partitions until its session ends: six seconds, Kafka's least.
      { groupId: options.name, topics: [options.inputTopic], sessionTimeoutMs: 6000 },
      {
        onAssigned: assignment => runner.#assign(assignment),
        onBatch: async (batch, signal) => {
          const owned = runner.#owned.get(batch.partition);
          // Lost and not yet taken away: the group's next assignment tells who reads it.
          if (owned === undefined || owned.lost) return;
          // Or the next transaction would be of everything since, and the one after it larger still.
          while (owned.committingMs > stallMs && !signal.aborted) await wait(stallMs / 10);
          options.onItems(owned.process(batch));
        },
        onDrain: () => runner.#drain(),
      },
    );
    void runner.#commitEveryInterval();
    return runner;
  }

  get consumer(): Pick<Consumer, 'lag' | 'healthy'> {
    return this.#consumer!;
  }

  /** How long the oldest commit under way has been, ms; 0: there is none. */
  get committingMs(): number {
    return Math.max(0, ...[...this.#owned.values()].map(({ committingMs }) => committingMs));
  }

  /** Of the partitions owned. */
  *tasks(): Generator<T> {
    for (const { task } of this.#owned.values()) yield task;
  }

  /** Never resolves; rejects when it cannot go on. */
  get failed(): Promise<never> {
    return Promise.race([this.#consumer!.failed, this.#committing]);
  }

  /** Fences, then restores. A task whose last commit is still the newest goes on as it is. */
  async #assign({ partitions, signal }: Assignment): Promise<void> {
    const { inputTopic, log } = this.#options;
    const numbers = partitions.get(inputTopic) ?? [];
    await Promise.all([...this.#owned.values()].map(owned => owned.settled()));
    signal.throwIfAborted();
    await this.#giveUp([...this.#transactions.keys()].filter(partition => !numbers.includes(partition)));
    const standings = await Promise.all(
      numbers.map(async partition => ({ partition, ...(await this.#fence(partition, signal)) })),
    );
    const restored = new Map<number, OwnedPartition<T>>();
    for (const { partition, ours } of standings) {
      if (ours && this.#owned.get(partition)?.certain) continue;
      this.#forget(partition);
      restored.set(partition, this.#create(partition));
    }
    const entries = await this.#restore(restored, signal);
    const extents = numbers.length > 0 ? await this.#extents(signal) : [];
    for (const { partition, next } of standings) {
      const extent = extents[partition] ?? { first: 0n, end: 0n };
      const owned = restored.get(partition);
      if (owned === undefined) this.#owned.get(partition)?.goOn(extent);
      else this.#sayOddity(partition, owned.begin(next, extent));
    }
    signal.throwIfAborted();
    for (const [partition, owned] of restored) this.#owned.set(partition, owned);
    this.#signal = signal;
    this.#patience = later(signal, lateCommitMs);
    log.info({ partitions: numbers.length, restored: restored.size, entries }, 'partitions assigned');
  }

  async #fence(partition: number, signal: AbortSignal) {
    const { name, kafka, inputTopic, log } = this.#options;
    let transactions = this.#transactions.get(partition);
    if (transactions === undefined) {
      transactions = await kafka.openTransactions({ transactionalId: `${name}-${partition}` });
      this.#transactions.set(partition, transactions);
    }
    const fencing = transactions;
    return await keepTrying(
      'fencing earlier owners',
      () => fencing.fence({ groupId: name, topic: inputTopic, partition }, signal),
      { log, signal },
    );
  }

  #create(partition: number): OwnedPartition<T> {
    const { name, inputTopic, stateTopic, createTask, log } = this.#options;
    return new OwnedPartition(createTask(partition), {
      partition,
      groupId: name,
      inputTopic,
      stateTopic,
      transactions: this.#transactions.get(partition)!,
      wallClockUs: () => Date.now() * 1000,
      // The readings sink sends it to the rejected topic; here it has nothing to count.
      onUnusable: (offset, error) =>
        log.warn({ topic: inputTopic, partition, offset: String(offset) }, `not usable: ${error.message}`),
    });
  }

  /** @returns how many entries there were. */
  async #restore(into: ReadonlyMap<number, OwnedPartition<T>>, signal: AbortSignal): Promise<number> {
    if (into.size === 0) return 0;
    const { kafka, stateTopic, log } = this.#options;
    const read = () => readState(kafka, stateTopic, [...into.keys()], signal);
    let count = 0;
    for (const [partition, entries] of await keepTrying('restoring the state', read, { log, signal })) {
      await into.get(partition)?.restore(entries, signal);
      count += entries.size;
    }
    return count;
  }

  #extents(signal: AbortSignal): Promise<readonly Extent[]> {
    const { kafka, inputTopic, log } = this.#options;
    const ask = async () => {
      await using admin = await kafka.openAdmin();
      return await admin.offsets(inputTopic);
    };
    return keepTrying('offsets', ask, { log, signal });
  }

  #sayOddity(partition: number, oddity: Oddity): void {
    if (oddity === undefined) return;
    const { inputTopic, log } = this.#options;
    if ('anew' in oddity)
      log.error(
        { partition },
        `${inputTopic} ends before what has been read of it: was it made anew? Going on from its start, by the readings' own identities`,
      );
    else
      log.error(
        { partition, records: String(oddity.deletedUnread) },
        `records of ${inputTopic} were deleted before they were read: the processors were away for longer than the topic keeps them`,
      );
  }

  /** Never throws: a failure is told by `failed`. */
  async #commitEveryInterval(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const startedAt = performance.now();
      const assignment = this.#signal;
      void this.#commitAll(this.#patience, () => !assignment.aborted);
      const leftMs = this.#options.commitIntervalMs - (performance.now() - startedAt);
      await wait(Math.max(1, leftMs), undefined, { signal }).catch(() => {});
    }
  }

  /** Each partition by itself: one that waits for Kafka holds no other up. */
  async #commitAll(signal: AbortSignal, mayBegin: () => boolean): Promise<void> {
    const commits: Promise<void>[] = [];
    for (const [partition, owned] of this.#owned) {
      // While partitions are fenced and restored no commit may begin: it would be of the past.
      if (!mayBegin()) break;
      commits.push(this.#commitOne(partition, owned, signal));
      // A flush takes a while when there is much: heartbeats are to get through between two of them.
      await setImmediate();
    }
    await Promise.all(commits);
  }

  async #commitOne(partition: number, owned: OwnedPartition<T>, signal: AbortSignal): Promise<void> {
    try {
      const { onRows, inputTopic } = this.#options;
      const lag = this.#consumer?.healthy ? this.#consumer.lagOf(inputTopic, partition) : Number.POSITIVE_INFINITY;
      onRows(await owned.commit(lag, signal));
    } catch (error) {
      if (error instanceof FencedError) await this.#fenced(partition, error);
      // Given up: whether it is committed is not known, and whoever is assigned the partition next finds out.
      else if (!signal.aborted) this.#failCommitting(error);
    }
  }

  /** Somebody else has the partition, or had it for a moment: the group tells who reads on. */
  async #fenced(partition: number, { message }: FencedError): Promise<void> {
    const assignment = this.#signal;
    if (assignment.aborted) return;
    this.#options.log.warn({ partition }, `another processor has taken over: ${message}`);
    await wait(rejoinAfterMs, undefined, { signal: AbortSignal.any([assignment, this.#closed.signal]) }).catch(
      () => {},
    );
    if (!assignment.aborted && !this.#closed.signal.aborted)
      this.#consumer?.rejoin(`partition ${partition} was fenced although it is ours`);
  }

  async #drain(): Promise<void> {
    this.#closed.abort();
    const signal = AbortSignal.timeout(drainMs);
    await Promise.all([...this.#owned.values()].map(owned => owned.settled()));
    await this.#commitAll(signal, () => true);
  }

  #forget(partition: number): void {
    const owned = this.#owned.get(partition);
    if (owned === undefined) return;
    this.#owned.delete(partition);
    owned.lose();
    this.#options.onGivenUp(owned.task);
  }

  async #giveUp(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) this.#forget(partition);
    await Promise.all(
      partitions.map(async partition => {
        const transactions = this.#transactions.get(partition);
        this.#transactions.delete(partition);
        await transactions?.[Symbol.asyncDispose]();
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#consumer?.[Symbol.asyncDispose]();
    await this.#giveUp([...this.#transactions.keys()]);
  }
}

/** Aborted a while after the other. */
function later(signal: AbortSignal, ms: number): AbortSignal {
  const late = new AbortController();
  signal.addEventListener('abort', () => setTimeout(() => late.abort(signal.reason), ms).unref(), { once: true });
  return late.signal;
}
