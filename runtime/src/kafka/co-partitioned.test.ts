import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually, testKafka, unique } from './testing.ts';
import type { Consumer } from './types.ts';

test('co-partitioned topics: each member has the same partitions of both, and all are given out', async () => {
  await using kafka = await testKafka();
  const topics = [await kafka.topic(7), await kafka.topic(7)];
  const options = { groupId: unique('group'), topics, coPartitioned: true, sessionTimeoutMs: 6000 };
  await using members = new AsyncDisposableStack();
  const assigned: (readonly (readonly number[])[])[] = [];
  for (let member = 0; member < 3; member++) {
    const consumer: Consumer = await kafka.kafka.openConsumer(options, {
      onBatch: async () => {},
      onAssigned: async ({ partitions }) =>
        void (assigned[member] = topics.map(topic => [...(partitions.get(topic) ?? [])])),
    });
    members.use(consumer);
  }
  await eventually(
    'three members with two or three partitions each',
    () => {
      const counts = [0, 1, 2].map(member => assigned[member]?.[0]?.length ?? 0);
      return Math.min(...counts) >= 2 && counts.reduce((sum, count) => sum + count, 0) === 7;
    },
    60_000,
  );
  for (const [first, second] of assigned) assert.deepEqual(first, second);
  assert.deepEqual(
    assigned.flatMap(([first]) => first!).sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6],
  );
});
