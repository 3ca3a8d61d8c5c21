/**
 * Copies a topic exactly once, as a processor does: a transaction for some records of a partition and the group's
 * position. As a program it can be killed and frozen: node runtime/test/copier.ts '<CopierOptions and brokers as JSON>'
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FencedError } from '../src/errors.ts';
import { type Kafka, openKafka } from '../src/kafka/connect.ts';
import type { Consumer, GroupPosition, RecordBatch, Transactions } from '../src/kafka/types.ts';

export interface CopierOptions {
  readonly groupId: string;
  readonly input: string;
  /** Copies of all partitions go to partition 0, so that transactions overlap there. */
  readonly output: string;
  readonly partitions: number;
  /** Of each partition of the input. A copy is `<partition>:<offset>:<output>`. */
  readonly records: number;
  /** Default 5. */
  readonly recordsPerCommit?: number;
}

type Group = Omit<GroupPosition, 'next'>;

export async function fillInput(kafka: Kafka, { input, partitions, records }: CopierOptions): Promise<void> {
  await using producer = await kafka.openProducer();
  await Promise.all(
    Array.from({ length: partitions * records }, (_, i) =>
      producer.send({ topic: input, key: '', partition: i % partitions, value: Buffer.from('') }),
    ),
  );
}

async function openPartition(kafka: Kafka, { groupId, input }: CopierOptions, partition: number) {
  const transactions = await kafka.openTransactions({
    transactionalId: `${groupId}-${partition}`,
    requestTimeoutMs: 1500,
  });
  return { transactions, group: { groupId, topic: input, partition } };
}

/** Copies offsets `from` to `end` of a partition. */
async function copy(
  transactions: Transactions,
  group: Group,
  { output, recordsPerCommit = 5 }: CopierOptions,
  from: number,
  end: number,
): Promise<void> {
  for (let at = from; at < end; ) {
    const next = Math.min(at + recordsPerCommit, end);
    const records = Array.from({ length: next - at }, (_, i) => {
      return { topic: output, key: '', partition: 0, value: Buffer.from(`${group.partition}:${at + i}:${output}`) };
    });
    await transactions.commit(records, { ...group, next: BigInt(next) });
    at = next;
  }
}

/** Copies everything that is left, all partitions at the same time, without a group that would say whose they are. */
export async function copyAll(kafka: Kafka, options: CopierOptions, onFenced: () => void = () => {}): Promise<void> {
  const { partitions, records } = options;
  const all = await Promise.all(Array.from({ length: partitions }, (_, i) => openPartition(kafka, options, i)));
  const standings = await Promise.all(all.map(({ transactions, group }) => transactions.fence(group)));
  onFenced();
  await Promise.all(
    all.map(async ({ transactions, group }, i) => {
      await using _ = transactions;
      for (let next = standings[i]?.next ?? null; ; { next } = await transactions.fence(group)) {
        try {
          return await copy(transactions, group, options, Number(next ?? 0n), records);
        } catch (error) {
          if (!(error instanceof FencedError)) throw error;
        }
      }
    }),
  );
}

/** A member of the group: copies what it is assigned, and goes on with it until a transaction is refused. */
export async function openCopier(
  kafka: Kafka,
  options: CopierOptions,
  said: (what: string) => void,
): Promise<AsyncDisposable> {
  const owned = new Map<number, Awaited<ReturnType<typeof openPartition>> & { next: number }>();
  const { groupId, input } = options;
  const consumer: Consumer = await kafka.openConsumer(
    { groupId, topics: [input], sessionTimeoutMs: 6000, heartbeatIntervalMs: 300 },
    {
      async onAssigned({ partitions }) {
        const numbers = partitions.get(input) ?? [];
        for (const { transactions } of owned.values()) await transactions[Symbol.asyncDispose]();
        owned.clear();
        await Promise.all(
          numbers.map(async partition => {
            const opened = await openPartition(kafka, options, partition);
            const { next } = await opened.transactions.fence(opened.group);
            owned.set(partition, { ...opened, next: Number(next ?? 0n) });
          }),
        );
        said(`assigned ${numbers.length}`);
      },
      async onBatch({ partition, records }: RecordBatch, signal) {
        const here = owned.get(partition);
        const end = Number(records.at(-1)?.offset ?? 0n) + 1;
        if (!here || end <= here.next) return;
        try {
          await copy(here.transactions, here.group, options, here.next, end);
          here.next = end;
        } catch (error) {
          if (!(error instanceof FencedError)) throw error;
          said('fenced');
          owned.delete(partition);
          await here.transactions[Symbol.asyncDispose]();
          // A zombie may have fenced the owner: the group tells whose it is.
          await sleep(500, undefined, { signal }).then(
            () => consumer.rejoin('fenced'),
            () => {},
          );
        }
      },
    },
  );
  return {
    async [Symbol.asyncDispose]() {
      await consumer[Symbol.asyncDispose]();
      for (const { transactions } of owned.values()) await transactions[Symbol.asyncDispose]();
    },
  };
}

if (import.meta.main) {
  const { brokers, isMember, ...options } = JSON.parse(process.argv[2] ?? '{}') as CopierOptions & {
    brokers: string[];
    isMember: boolean;
  };
  const kafka = openKafka({ brokers });
  const say = (what: string) => console.log(what);
  if (isMember) await openCopier(kafka, options, say);
  else await copyAll(kafka, options, () => say('fenced earlier owners'));
}
