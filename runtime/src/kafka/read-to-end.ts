import { InvariantError, messageOf, TransientError } from '../errors.ts';
import type { FetchedMessage } from './aborted.ts';
import { type Client, openClient } from './client.ts';
import { type Cluster, clusterOf } from './cluster.ts';
import type { Kafka } from './connect.ts';
import { isRepaired } from './fetch-answer.ts';
import { toRecord } from './incoming.ts';
import { Outage } from './outage.ts';
import type { IncomingRecord } from './types.ts';
import { backoff, pauseFor, within } from './waiting.ts';

interface ReadToEndOptions {
  /** Default: all. */
  readonly partitions?: readonly number[];
  /** Ends the reading early, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds. Default 120,000. */
  readonly deadlineMs?: number;
}

/** What is left to be read of a partition. */
interface Stretch {
  next: bigint;
  readonly end: bigint;
}

const READ_COMMITTED = 1;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_WAIT_MS = 250;
/** Of one answer: the memory that is held of a topic at a time, twice. Brokers give at most 55 MB (`fetch.max.bytes`). */
const MAX_FETCH_BYTES = 16 * 1024 * 1024;
const MAX_PARTITION_BYTES = 4 * 1024 * 1024;

/**
 * Reads partitions of a topic from their beginning to their ends as they are at the call, committed records only, each
 * partition in order; records appended meanwhile may come too. `onRecord` is awaited if it returns a promise.
 *
 * Asks the brokers themselves, without a consumer group: joining one takes longer than most topics it is used for.
 *
 * An open transaction at the end must end first: fence its producer before (processors do, at assignment).
 *
 * @throws {TransientError} when the end was not reached by the deadline.
 */
export async function readTopicToEnd(
  kafka: Kafka,
  topic: string,
  { partitions, signal, deadlineMs = 120_000 }: ReadToEndOptions,
  onRecord: (record: IncomingRecord, partition: number) => void | Promise<void>,
): Promise<void> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
  stop.throwIfAborted();
  const outage = new Outage(`reading ${topic}`, kafka.options.log ?? (() => {}));
  let left: Map<number, Stretch> | undefined;
  let handler: { readonly error: unknown } | undefined;
  const handle = async (record: IncomingRecord, partition: number) => {
    try {
      const handled = onRecord(record, partition);
      if (handled) await handled;
    } catch (error) {
      handler = { error };
      throw error;
    }
  };
  for (const delay of backoff(50, 1000)) {
    const session = new Session(kafka, topic, outage);
    const cancel = () => session.close();
    stop.addEventListener('abort', cancel, { once: true });
    try {
      const stretches = await session.stretches(partitions);
      left ??= stretches;
      // What has been deleted since cannot be waited for.
      for (const [partition, stretch] of left) {
        const first = stretches.get(partition)?.next ?? stretch.end;
        if (stretch.next < first) stretch.next = first;
        if (stretch.next >= stretch.end) left.delete(partition);
      }
      await session.read(left, handle, stop);
      outage.recovered();
      return;
    } catch (error) {
      if (handler) throw handler.error;
      if (signal?.aborted) throw signal.reason;
      if (stop.aborted)
        throw new TransientError(`${topic} was not read to its end within ${deadlineMs} ms`, { cause: error });
      if (error instanceof InvariantError) throw error;
      outage.failed(messageOf(error));
    } finally {
      stop.removeEventListener('abort', cancel);
      session.close();
    }
    await pauseFor(delay, stop);
  }
}

/** Connections of their own, good until the first trouble. */
class Session {
  readonly #topic: string;
  readonly #client: Client;
  readonly #cluster: Cluster;

  constructor({ options }: Kafka, topic: string, outage: Outage) {
    this.#topic = topic;
    this.#client = openClient(options, outage, {
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      retry: { retries: 1, initialRetryTime: 50 },
    });
    this.#cluster = clusterOf(this.#client);
  }

  /** Of the partitions that hold anything. */
  async stretches(partitions: readonly number[] | undefined): Promise<Map<number, Stretch>> {
    const topic = this.#topic;
    await this.#cluster.connect();
    await this.#cluster.addMultipleTargetTopics([topic]);
    const all = this.#cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
    const wanted = all.filter(partition => partitions?.includes(partition) ?? true).map(partition => ({ partition }));
    if (wanted.length === 0) return new Map();
    const [ends, firsts] = await Promise.all(
      [false, true].map(fromBeginning =>
        this.#cluster.fetchTopicsOffset([{ topic, fromBeginning, partitions: wanted }]),
      ),
    );
    const firstOf = new Map(firsts?.[0]?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    const stretches = new Map<number, Stretch>();
    for (const { partition, offset } of ends?.[0]?.partitions ?? []) {
      const stretch = { next: firstOf.get(partition) ?? 0n, end: BigInt(offset) };
      if (stretch.next < stretch.end) stretches.set(partition, stretch);
    }
    return stretches;
  }

  /** Each leader by itself. Moves `next` with what was handled, and removes what is done. */
  async read(
    left: Map<number, Stretch>,
    onRecord: (record: IncomingRecord, partition: number) => Promise<void>,
    stop: AbortSignal,
  ): Promise<void> {
    const leaders = this.#cluster.findLeaderForPartitions(this.#topic, [...left.keys()]);
    const readFrom = async (nodeId: string, partitions: readonly number[]) => {
      const mine = () => partitions.filter(partition => left.has(partition));
      while (mine().length > 0) {
        const fetched = await this.#fetch(Number(nodeId), mine(), left);
        for (const { partition, messages } of fetched) {
          const stretch = left.get(partition);
          if (stretch) await handOver(messages, partition, stretch, onRecord, stop);
          if (stretch && stretch.next >= stretch.end) left.delete(partition);
        }
      }
    };
    const reading = Object.entries(leaders).map(async ([nodeId, partitions]) => {
      try {
        await readFrom(nodeId, partitions);
      } catch (error) {
        this.close();
        throw error;
      }
    });
    // All must have ended before another session goes on where they are.
    const failed = (await Promise.allSettled(reading)).find(({ status }) => status === 'rejected');
    if (failed) await Promise.all(reading);
  }

  async #fetch(nodeId: number, partitions: readonly number[], left: ReadonlyMap<number, Stretch>) {
    const broker = await this.#cluster.findBroker({ nodeId });
    const asked = partitions.map(partition => ({
      partition,
      fetchOffset: `${left.get(partition)?.next ?? 0n}`,
      maxBytes: MAX_PARTITION_BYTES,
    }));
    const request = broker.fetch({
      replicaId: -1,
      isolationLevel: READ_COMMITTED,
      maxWaitTime: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: MAX_FETCH_BYTES,
      topics: [{ topic: this.#topic, partitions: asked }],
    });
    const { responses } = await within(request, 2 * REQUEST_TIMEOUT_MS, 'Kafka');
    return responses.flatMap(({ partitions: answered }) => answered);
  }

  close(): void {
    this.#client.sockets.close();
  }
}

async function handOver(
  messages: readonly FetchedMessage[],
  partition: number,
  stretch: Stretch,
  onRecord: (record: IncomingRecord, partition: number) => Promise<void>,
  stop: AbortSignal,
): Promise<void> {
  if (!isRepaired(messages)) {
    throw new InvariantError('a fetch was not answered in version 11, in which aborted records are filtered out');
  }
  for (const message of messages) {
    const offset = BigInt(message.offset);
    // An answer begins with the batch that holds the offset, not with the offset.
    if (offset < stretch.next) continue;
    stop.throwIfAborted();
    if (!message.isControlRecord) await onRecord(toRecord(message), partition);
    stretch.next = offset + 1n;
  }
}
