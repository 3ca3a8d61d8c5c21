import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import { openRefusingProxy } from '../../test/refusing-proxy.ts';
import { openKafka } from './connect.ts';
import { eventually, testKafka, unique } from './testing.ts';

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
