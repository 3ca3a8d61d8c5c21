import assert from 'node:assert/strict';
import test from 'node:test';
import kafkajs from 'kafkajs';
import { hideAborted } from './aborted.ts';
import { readTopicToEnd } from './read-to-end.ts';
import { eventually, testKafka, unique } from './testing.ts';

/** Three producers with overlapping transactions on one partition: two are aborted while others are open. */
async function overlappingTransactions(brokers: readonly string[], topic: string): Promise<string[]> {
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 20 },
  });
  const createPartitioner = () => () => 0;
  const producers = ['a', 'b', 'c'].map(name =>
    client.producer({ transactionalId: unique(name), idempotent: true, maxInFlightRequests: 1, createPartitioner }),
  );
  const committed: string[] = [];
  for (const producer of producers) await producer.connect();
  const [a, b, c] = producers;
  assert.ok(a && b && c);
  for (let round = 0; round < 3; round++) {
    const [ta, tb, tc] = [await a.transaction(), await b.transaction(), await c.transaction()];
    const say = async (transaction: kafkajs.Transaction, value: string) => {
      await transaction.send({ topic, messages: [{ key: 'k', value }] });
    };
    await say(ta, `${round}-a1 aborted`);
    await say(tb, `${round}-b1 aborted`);
    await say(tc, `${round}-c1`);
    // Begun second, aborted first: the broker lists aborted transactions by their end.
    await tb.abort();
    // A key kafkajs takes for an abort marker, wherever it stands.
    await tc.send({ topic, messages: [{ key: Buffer.from([0, 0, 0, 0]), value: `${round}-c2` }] });
    await say(ta, `${round}-a2 aborted`);
    await ta.abort();
    await say(tc, `${round}-c3`);
    await tc.commit();
    committed.push(`${round}-c1`, `${round}-c2`, `${round}-c3`);
  }
  for (const producer of producers) await producer.disconnect();
  return committed;
}

async function createTopicWithKafkajs(brokers: readonly string[]): Promise<string> {
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  const topic = unique('transactions');
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] });
  await admin.disconnect();
  return topic;
}

/** As kafkajs reads it, without the port. */
async function readWithKafkajs(brokers: readonly string[], topic: string, until: string): Promise<string[]> {
  const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = client.consumer({ groupId: unique('raw'), maxWaitTimeInMs: 100 });
  const values: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void values.push(message.value?.toString() ?? '') });
  await eventually('kafkajs has read the topic', () => values.includes(until), 30_000);
  await consumer.disconnect();
  return values;
}

test('GUARD: read_committed hands over no aborted record when transactions overlap; kafkajs alone does', async t => {
  await using kafka = await testKafka();
  const { brokers } = kafka.options;
  // The guard holds for the whole process once the port has opened a client: until then everything is kafkajs's own.
  const topic = await createTopicWithKafkajs(brokers);
  const committed = await overlappingTransactions(brokers, topic);
  const unguarded = await readWithKafkajs(brokers, topic, committed.at(-1) ?? '');
  const leaked = unguarded.filter(value => value.endsWith('aborted'));
  t.diagnostic(`kafkajs alone leaks ${leaked.length} of 9: ${leaked.join(', ')}`);
  assert.ok(leaked.length > 0, 'kafkajs leaks no more: the guard may go');

  const values: string[] = [];
  await readTopicToEnd(kafka.kafka, topic, {}, ({ value }) => void values.push(Buffer.from(value ?? []).toString()));
  assert.deepEqual(values, committed);
});

test("ends an aborted transaction only at its own producer's abort marker, and takes several of one producer", () => {
  const message = (
    offset: number,
    producerId: string,
    kind: 'data' | 'plain' | 'abort' | 'commit',
    key: Buffer | null = null,
  ) => ({
    offset: String(offset),
    key: kind === 'abort' ? Buffer.from([0, 0, 0, 0]) : kind === 'commit' ? Buffer.from([0, 0, 0, 1]) : key,
    isControlRecord: kind === 'abort' || kind === 'commit',
    batchContext: {
      producerId,
      inTransaction: kind !== 'plain',
      isControlBatch: kind === 'abort' || kind === 'commit',
    },
  });
  const messages = [
    message(0, 'x', 'data'),
    message(1, 'y', 'data'),
    message(2, 'z', 'data', Buffer.from([0, 0, 0, 0])),
    message(3, 'x', 'abort'),
    message(4, 'x', 'data'),
    message(5, 'y', 'data'),
    message(6, 'x', 'commit'),
    message(7, 'y', 'abort'),
    message(8, 'x', 'data'),
    message(9, 'y', 'data'),
    message(10, 'x', 'plain'),
    message(11, 'x', 'abort'),
  ];
  const abortedTransactions = [
    { producerId: 'x', firstOffset: '8' },
    { producerId: 'y', firstOffset: '1' },
    { producerId: 'x', firstOffset: '0' },
  ];
  hideAborted({ abortedTransactions, messages });
  const visible = messages.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset));
  assert.deepEqual(visible, [2, 4, 9, 10]);
});
