import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import kafkajs from 'kafkajs';
import { openRefusingProxy } from '../../test/refusing-proxy.ts';
import { FencedError } from '../errors.ts';
import { type Kafka, openKafka } from './connect.ts';
import { readTopicToEnd } from './read-to-end.ts';
import { eventually, proxiedKafka, testKafka, unique } from './testing.ts';
import type { OutgoingRecord } from './types.ts';

/** kafkajs without the port, its connections through a proxy. Ends with the stack. */
async function openProducer(
  stack: AsyncDisposableStack,
  brokers: readonly string[],
  transactionalId: string,
  port: number,
) {
  const producer = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 5 },
    socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port }, onConnect),
  }).producer({ transactionalId, idempotent: true, createPartitioner: () => () => 0 });
  stack.defer(() => producer.disconnect());
  await producer.connect();
  return producer;
}

/** kafkajs by itself does not survive a broker that is overworked for a moment: that is not what is looked for here. */
async function untilItWorks<T>(attempt: (stack: AsyncDisposableStack) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    await using stack = new AsyncDisposableStack();
    try {
      return await attempt(stack);
    } catch (error) {
      if (tries === 3 || !(error instanceof kafkajs.KafkaJSError)) throw error;
    }
  }
}

function portOf(brokers: readonly string[]): number {
  return Number(brokers[0]?.split(':')[1]);
}

async function copiesOf(kafka: Kafka, topic: string): Promise<number[]> {
  const copies: number[] = [];
  await readTopicToEnd(kafka, topic, {}, ({ value }) => void copies.push(Number(Buffer.from(value ?? []).toString())));
  return copies;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const messages = (count: number) => upTo(count).map(i => ({ key: '', value: `${i}` }));
const records = (topic: string, count: number): OutgoingRecord[] =>
  upTo(count).map(i => ({ topic, key: '', partition: 0, value: Buffer.from(`${i}`) }));
const position = (topic: string, next: number) => [{ topic, partitions: [{ partition: 0, offset: `${next}` }] }];

test('GUARD: with an id a member instead of an id a partition, one that was thrown out commits again and moves the group back', async () => {
  await using kafka = await testKafka();
  const { brokers } = kafka.options;
  const { topic, groupId } = await untilItWorks(async stack => {
    const names = { topic: await kafka.topic(1), groupId: unique('group') };
    const { topic, groupId } = names;
    const frozen = await openProducer(stack, brokers, unique('member'), portOf(brokers));
    const successor = await openProducer(stack, brokers, unique('member'), portOf(brokers));
    const transaction = await frozen.transaction();
    await transaction.send({ topic, messages: messages(5) });
    const other = await successor.transaction();
    await other.send({ topic, messages: messages(10) });
    await other.sendOffsets({ consumerGroupId: groupId, topics: position(topic, 10) });
    await other.commit();
    await transaction.sendOffsets({ consumerGroupId: groupId, topics: position(topic, 5) });
    await transaction.commit();
    return names;
  });
  await using admin = await kafka.kafka.openAdmin();
  // The end of a transaction is written a moment after its answer.
  await eventually('the group was moved back', async () => {
    return (await admin.committedOffsets(groupId, topic))[0] === 5n;
  });
  await eventually('both wrote', async () => (await copiesOf(kafka.kafka, topic)).length === 15);
});

test('GUARD: a commit without an answer that is simply sent again is doubled; the port asks what has become of it', async () => {
  await using kafka = await proxiedKafka();
  const { brokers } = kafka.options;
  const [topic, groupId, transactionalId] = [await kafka.topic(1), unique('group'), unique('tx')];
  const commitOnce = (next: number, answeredBytes: number) =>
    untilItWorks(async stack => {
      const producer = await openProducer(stack, brokers, transactionalId, kafka.proxy.port);
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: messages(1) });
      await transaction.sendOffsets({ consumerGroupId: groupId, topics: position(topic, next) });
      kafka.proxy.cutAfterResponseBytes(answeredBytes);
      const isCommitted = await transaction.commit().then(
        () => true,
        () => false,
      );
      kafka.proxy.cutAfterResponseBytes(Number.POSITIVE_INFINITY);
      return isCommitted;
    });
  const counts: number[] = [];
  // kafkajs asks for the coordinator before it commits: one of these falls on the second answer.
  for (const answeredBytes of [36, 40, 44, 48, 52]) {
    if (!(await commitOnce(counts.length + 1, answeredBytes))) await commitOnce(counts.length + 1, 1e9);
    counts.push((await copiesOf(kafka.direct, topic)).length);
    if ((counts.at(-1) ?? 0) > counts.length) return;
  }
  assert.fail(`kafkajs finds out by itself, the guard may go: ${counts.join(', ')}`);
});

test('GUARD: a coordinator that is not ready fails a transaction of kafkajs; the port goes on, whatever request it refuses', async () => {
  const { brokers } = await sharedStack();
  await using direct = await testKafka();
  await using proxy = await openRefusingProxy({ host: '127.0.0.1', port: portOf(brokers) });
  const [topic, groupId] = [await direct.topic(1), unique('group')];

  await untilItWorks(async stack => {
    const producer = await openProducer(stack, brokers, unique('raw'), proxy.port);
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: messages(1) });
    proxy.refuse('TxnOffsetCommit', 'COORDINATOR_NOT_AVAILABLE', 1);
    await assert.rejects(transaction.sendOffsets({ consumerGroupId: groupId, topics: position(topic, 1) }));
    assert.equal(proxy.left('TxnOffsetCommit'), 0);
    await transaction.abort();
  });

  const kafka = openKafka({ brokers, connectVia: () => ({ host: '127.0.0.1', port: proxy.port }) });
  await using transactions = await kafka.openTransactions({ transactionalId: unique('tx') });
  const group = { groupId, topic, partition: 0 };
  let next = 0;
  for (const [request, errors] of [
    ['FindCoordinator', ['COORDINATOR_NOT_AVAILABLE']],
    [
      'InitProducerId',
      ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS'],
    ],
    ['AddPartitionsToTxn', ['COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS']],
    ['AddOffsetsToTxn', ['COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS']],
    ['TxnOffsetCommit', ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR']],
    ['EndTxn', ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR']],
  ] as const) {
    for (const error of errors) {
      proxy.refuse(request, error, 2);
      if (next === 0 || request === 'InitProducerId') await transactions.fence(group);
      await transactions.commit(records(topic, 1), { ...group, next: BigInt(++next) });
      assert.equal(proxy.left(request), 0, `${request} ${error}`);
    }
  }
  assert.equal((await copiesOf(direct.kafka, topic)).length, next);

  for (const [request, error] of [
    ['AddPartitionsToTxn', 'INVALID_PRODUCER_EPOCH'],
    ['TxnOffsetCommit', 'INVALID_PRODUCER_EPOCH'],
    ['EndTxn', 'PRODUCER_FENCED'],
  ] as const) {
    proxy.refuse(request, error, 1);
    await assert.rejects(transactions.commit(records(topic, 1), { ...group, next: 99n }), FencedError);
    assert.deepEqual(await transactions.fence(group), { next: BigInt(next), ours: true });
  }
  assert.equal((await copiesOf(direct.kafka, topic)).length, next);
});
