/** `readings.v1` as Parquet files: a {@link PartitionWriter} for each Kafka partition that is ours. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { FencedError, InvariantError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Assignment } from '@millrace/runtime/kafka/types.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { orAborted } from '../abortable.ts';
import { bytesOf, receivedUs } from '../readings/sink.ts';
import type { Store, StoreContext, Taken } from '../sink.ts';
import { fileName, parseFileName, readingsFolder, superseded } from './names.ts';
import { checkStore, type ObjectStore } from './objects.ts';
import { type PartitionOptions, PartitionWriter } from './partition.ts';

export interface LakeOptions {
  readonly store: ObjectStore;
  readonly flushRows: number;
  readonly flushMs: number;
  readonly maxAgeDays: number;
  readonly compactAfterMs: number;
}

/** Rows of all partitions in memory, in units of `flushRows`: fifty bytes a row. */
const maxFlushes = 4;
/** Looks for folders that are due, at most so often. */
const compactEveryMs = 60_000;
/** Looks through the whole lake for files that a process left behind which slept through a compaction. */
const sweepEveryMs = 6 * 3_600_000;

export class Lake implements Store {
  readonly #options: LakeOptions;
  readonly #context: StoreContext;
  readonly #failure = Promise.withResolvers<never>();
  #writers = new Map<number, PartitionWriter>();
  /** Aborted when the partitions go to others. */
  #generation = new AbortController();
  #isChecked = false;
  #trouble: string | undefined;
  #onProgress = Promise.withResolvers<void>();
  readonly #compactTimer: NodeJS.Timeout;
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #tending: Promise<void> | undefined;

  constructor(options: LakeOptions, context: StoreContext) {
    this.#options = options;
    this.#context = context;
    this.#failure.promise.catch(() => {}); // Whoever runs the sink listens; nobody may yet.
    this.#compactTimer = setInterval(() => this.#tend(), Math.min(compactEveryMs, options.compactAfterMs));
  }

  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  take(taken: Taken): number {
    const batch = decodeBatch(bytesOf(taken.record.value));
    const received = receivedUs(taken.record);
    const writer = this.#writers.get(taken.partition);
    if (writer === undefined) throw new InvariantError(`a record of partition ${taken.partition}, which is not ours`);
    const rows = writer.take(taken, batch, received);
    const { flushRows } = this.#options;
    if (writer.fillingRows >= flushRows || writer.hasManyFolders) writer.seal();
    if (this.#rows >= maxFlushes * flushRows) this.#sealLargest();
    return rows;
  }

  async assigned({ partitions, signal }: Assignment): Promise<void> {
    const { kafka, groupId, topics, stop, log } = this.#context;
    await this.#letGo();
    this.#generation = new AbortController();
    // An orderly end still drains: what was begun outlives the assignment, until the next one or the sink's end.
    const lasting = AbortSignal.any([stop, this.#generation.signal]);
    const until = AbortSignal.any([signal, lasting]);
    if (!this.#isChecked) {
      await this.#persist(() => checkStore(this.#options.store, 'sinks.lake', randomUUID()), until);
      this.#isChecked = true;
    }
    const topic = topics.readings;
    await using admin = await kafka.openAdmin();
    const [ends, committed] = await this.#persist(
      () => Promise.all([admin.endOffsets(topic), admin.committedOffsets(groupId, topic)]),
      until,
    );
    const open = async (partition: number): Promise<[number, PartitionWriter]> => {
      const standing = { end: ends[partition] ?? 0n, committed: committed[partition] ?? null };
      const { writer, isReset } = await this.#persist(
        () => PartitionWriter.open(this.#optionsOf(`${topic}-${partition}`, lasting), standing),
        until,
      );
      if (isReset)
        log.warn(
          { topic, partition, end: String(standing.end) },
          'the topic ends before what the lake has of it: it was made anew or has lost records, and is read from its beginning',
        );
      return [partition, writer];
    };
    this.#writers = new Map(await Promise.all((partitions.get(topic) ?? []).map(open)));
  }

  async room(signal: AbortSignal): Promise<void> {
    while (this.#rows >= maxFlushes * this.#options.flushRows && this.#all.some(({ sealedRows }) => sealedRows > 0))
      await orAborted(this.#onProgress.promise, signal);
  }

  /** A partition that cannot go on has said so by `failed`. */
  async drained(): Promise<void> {
    for (const writer of this.#all) writer.seal();
    await Promise.allSettled(this.#all.map(writer => writer.drained()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#compactTimer);
    await this.#letGo();
  }

  get #all(): readonly PartitionWriter[] {
    return [...this.#writers.values()];
  }

  get #rows(): number {
    let rows = 0;
    for (const { fillingRows, sealedRows } of this.#writers.values()) rows += fillingRows + sealedRows;
    return rows;
  }

  #sealLargest(): void {
    const [largest] = this.#all.toSorted((a, b) => b.fillingRows - a.fillingRows);
    largest?.seal();
  }

  #optionsOf(source: string, signal: AbortSignal): PartitionOptions {
    const { store, maxAgeDays, flushMs } = this.#options;
    const { metrics } = this.#context;
    return {
      store,
      source,
      maxAgeDays,
      flushMs,
      persist: attempt => this.#persist(attempt, signal),
      stored: (taken, rows) => {
        metrics.stored(taken, rows);
        taken.settled();
        this.#progress();
      },
      failed: error => {
        if (!signal.aborted) this.#failure.reject(error);
        this.#progress();
      },
    };
  }

  /** What was begun ends first, or is given up between two requests: the next owner does it again, with the same outcome. */
  async #letGo(): Promise<void> {
    this.#generation.abort(new Error('the partitions were given away'));
    for (const writer of this.#all) writer.close();
    await Promise.allSettled([...this.#all.map(writer => writer.drained()), this.#tending]);
    this.#writers.clear();
  }

  /** Says once that the lake does not answer, and once that it does again. @throws {FencedError} @throws the signal's reason */
  async #persist<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { metrics, log } = this.#context;
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      metrics.requests.inc();
      try {
        const result = await attempt();
        if (this.#trouble !== undefined) log.info('the lake takes files again');
        this.#trouble = undefined;
        metrics.paused('unavailable', false);
        return result;
      } catch (error) {
        if (!(error instanceof TransientError) || error instanceof FencedError) throw error;
        metrics.retries.inc();
        if (this.#trouble === undefined) log.warn(`${messageOf(error)}; readings are kept, and stored when it works`);
        this.#trouble = messageOf(error);
        metrics.paused('unavailable', true);
      }
      await wait(backoffMs(tries, 100, 10_000), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  #progress(): void {
    const { resolve } = this.#onProgress;
    this.#onProgress = Promise.withResolvers<void>();
    resolve();
  }

  /** One partition after the other, and none while the last time is not over: it is memory for a million rows. */
  #tend(): void {
    const { signal } = this.#generation;
    this.#tending ??= (async () => {
      if (performance.now() - this.#sweptAtMs > sweepEveryMs) {
        this.#sweptAtMs = performance.now();
        await this.#sweep(signal);
      }
      for (const writer of this.#all) {
        if (signal.aborted) return;
        await writer.compact(Date.now(), this.#options.compactAfterMs);
      }
    })()
      .catch(() => {}) // A writer that failed has said so.
      .finally(() => {
        this.#tending = undefined;
      });
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    await this.#persist(async () => store.tidy?.(Date.now()), signal);
    const own = new Set(this.#all.map(({ source }) => source));
    const names = await this.#persist(() => store.list(readingsFolder), signal);
    const files = names.map(parseFileName).filter(file => file !== undefined && own.has(file.source));
    const groups = Map.groupBy(files, file => `${file!.folder}/${file!.source}`);
    for (const group of groups.values()) {
      const leftovers = superseded(group as NonNullable<(typeof group)[number]>[]);
      if (leftovers.length > 0) await this.#persist(() => store.remove(leftovers.map(fileName)), signal);
    }
  }
}
