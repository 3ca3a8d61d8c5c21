import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import { openRefusingProxy } from '../../test/refusing-proxy.ts';
import { openKafka } from './connect.ts';
import { eventually, testKafka, unique } from './testing.ts';
import type { Consumer } from './types.ts';

for (const [heartbeat, isIdle] of [
  ['NOT_COORDINATOR', false],
  ['NOT_COORDINATOR', true],
  ['UNKNOWN_MEMBER_ID', false],
] as const)
  test(`a heartbeat answered ${heartbeat} and a join that fails once: the consumer gets back into its group${isIdle ? ', though nothing comes' : ''}`, async () => {
    const { brokers } = await sharedStack();
    const [host = '', port] = brokers[0]!.split(':');
    await using proxy = await openRefusingProxy({ host, port: Number(port) });
    await using direct = await testKafka();
    const topic = await direct.topic(1);
    await using producer = await direct.kafka.openProducer();
    let assigned = 0;
    let taken = 0;
    const kafka = openKafka({ brokers, connectVia: () => ({ host: '127.0.0.1', port: proxy.port }) });
    await using consumer = await kafka.openConsumer(
      { groupId: unique('group'), topics: [topic], sessionTimeoutMs: 6000, heartbeatIntervalMs: 200 },
      {
        // oxlint-disable-next-line require-await
        onAssigned: async () => void assigned++,
        // oxlint-disable-next-line require-await
        onBatch: async ({ records }) => void (taken += records.length),
      },
    );
    const send = () => producer.send({ topic, key: 'k', value: Buffer.from('v') });
    await send();
    await eventually('the first record', () => taken === 1);
    // kafkajs takes the failed join for a reason to fetch on, without having joined.
    proxy.refuse('JoinGroup', 'COORDINATOR_LOAD_IN_PROGRESS', 1);
    proxy.refuse('Heartbeat', heartbeat, 1);
    await eventually('joining was refused', () => proxy.left('JoinGroup') === 0, 30_000);
    if (!isIdle) await send();
    await eventually('a new assignment', () => assigned === 2, 60_000);
    if (isIdle) await send();
    // Nothing was committed, so the first may come again.
    await eventually('the second record', () => taken >= 2, 30_000);
    assert.ok(consumer.healthy);
  });

test('a consumer that is told to leaves its group, joins it again and reads from the committed offsets', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(2);
  {
    await using producer = await kafka.kafka.openProducer();
    const sends = Array.from({ length: 20 }, (_, i) =>
      producer.send({ topic, key: '', partition: i % 2, value: Buffer.from(`${i}`) }),
    );
    await Promise.all(sends);
  }
  const taken: string[] = [];
  const aborts: unknown[] = [];
  let assigned = 0;
  let handled = 0;
  const consumer: Consumer = await kafka.kafka.openConsumer(
    { groupId: unique('group'), topics: [topic], sessionTimeoutMs: 6000, maxWaitMs: 100 },
    {
      // oxlint-disable-next-line require-await
      onAssigned: async () => void assigned++,
      async onBatch({ partition, records }, signal) {
        taken.push(...records.map(({ offset }) => `${partition}:${offset}`));
        if (assigned > 1) return;
        if (partition === 0) await consumer.commit([{ topic, partition, offset: 4n }]);
        // Partition 1 is still at work when it has to go.
        else await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
        signal.addEventListener('abort', () => aborts.push(signal.reason), { once: true });
        if (signal.aborted) aborts.push(signal.reason);
        handled++;
      },
    },
  );
  await eventually('all were handed over', () => taken.length === 20);
  await eventually('partition 0 is handled', () => handled === 1);
  taken.length = 0;
  consumer.rejoin('because');
  consumer.rejoin('because'); // of several partitions
  await eventually('partition 0 from 5 on, partition 1 from the beginning', () => taken.length >= 15, 10_000);
  const offsets = (partition: number, from: number) =>
    Array.from({ length: 10 - from }, (_, i) => `${partition}:${from + i}`);
  assert.deepEqual(
    taken.filter(of => of.startsWith('0')),
    offsets(0, 5),
  );
  assert.deepEqual(
    taken.filter(of => of.startsWith('1')),
    offsets(1, 0),
  );
  assert.deepEqual(aborts.map(String), ['Error: because', 'Error: because']);
  assert.equal(assigned, 2);
  await eventually('healthy again', () => consumer.healthy);
  // A close that comes while it leaves ends it, once and soon.
  consumer.rejoin('again');
  const startedAt = Date.now();
  await consumer[Symbol.asyncDispose]();
  consumer.rejoin('too late');
  assert.ok(Date.now() - startedAt < 4000, `closing took ${Date.now() - startedAt} ms`);
  assert.equal(assigned, 2);
  assert.deepEqual(kafka.said, []);
});
