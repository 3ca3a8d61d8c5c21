import { randomUUID } from 'node:crypto';
import kafkajs, { type PartitionAssigner } from 'kafkajs';
import { TransientError } from '../errors.ts';
import { KafkaAdmin } from './admin.ts';
import type { Kafka } from './connect.ts';
import { KafkaConsumer } from './consumer.ts';
import type { IncomingRecord } from './types.ts';

interface ReadToEndOptions {
  /** Default: all. */
  readonly partitions?: readonly number[];
  /** Ends the reading early, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds. Default 120,000. */
  readonly deadlineMs?: number;
}

const SESSION_MS = 10_000;
const DELETE_GROUP_MS = 2000;

/**
 * Reads partitions of a topic from their beginning to their ends as they are at the call, committed records only, each
 * partition in order; records appended meanwhile may come too. `onRecord` is awaited if it returns a promise.
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
  await using admin = new KafkaAdmin(kafka.options, { deadlineMs });
  const offsets = await admin.offsets(topic);
  const left = new Map<number, bigint>();
  offsets.forEach(({ first, end }, partition) => {
    if (first < end && (partitions?.includes(partition) ?? true)) left.set(partition, end);
  });
  if (left.size === 0) return;

  const wanted = [...left.keys()];
  /** Next offset of each partition: a session that begins anew reads from the beginning again. */
  const next = new Map<number, bigint>();
  const done = Promise.withResolvers<void>();
  const reached = (partition: number, offset: bigint) => {
    const end = left.get(partition);
    if (end !== undefined && offset >= end) left.delete(partition);
    if (left.size === 0) done.resolve();
  };
  const groupId = `${kafka.options.clientId ?? 'millrace'}.read-to-end.${randomUUID()}`;
  try {
    await using consumer = KafkaConsumer.open(
      kafka.options,
      { groupId, topics: [topic], sessionTimeoutMs: SESSION_MS },
      {
        async onBatch({ partition, records }, ended) {
          for (const record of records) {
            if (ended.aborted) return;
            if (record.offset < (next.get(partition) ?? 0n)) continue;
            await onRecord(record, partition);
            next.set(partition, record.offset + 1n);
          }
        },
      },
      { assigner: only(topic, wanted), onReached: reached },
    );
    await Promise.race([done.promise, consumer.failed, aborted(stop)]);
  } catch (error) {
    if (!deadline.aborted) throw error;
    throw new TransientError(`${topic} was not read to its end within ${deadlineMs} ms`, { cause: error });
  } finally {
    // Kafka keeps an empty group for a week (offsets.retention.minutes): not forgotten, it is only in the way.
    await admin.deleteGroup(groupId, DELETE_GROUP_MS).catch(() => {});
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

/** Gives the only member just these partitions: the others are not fetched. */
function only(topic: string, partitions: readonly number[]): PartitionAssigner {
  const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
  const userData = Buffer.alloc(0);
  return () => ({
    name: 'millrace-only',
    version: 0,
    assign: async ({ members }) =>
      members.map(({ memberId }, i) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: 0,
          assignment: { [topic]: i === 0 ? [...partitions] : [] },
          userData,
        }),
      })),
    protocol: ({ topics }) => ({
      name: 'millrace-only',
      metadata: MemberMetadata.encode({ version: 0, topics, userData }),
    }),
  });
}
