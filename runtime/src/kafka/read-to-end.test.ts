import assert from 'node:assert/strict';
import test from 'node:test';
import { readTopicToEnd } from './read-to-end.ts';
import { proxiedKafka, testKafka } from './testing.ts';

test('reads the partitions asked for, each in order, as far as they are at the call', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(4, { 'cleanup.policy': 'compact' });
  await using producer = await kafka.kafka.openProducer();
  const sends = Array.from({ length: 400 }, (_, i) =>
    producer.send({ topic, key: `k${i}`, partition: i % 4, value: i % 40 === 0 ? null : Buffer.from(String(i)) }),
  );
  await Promise.all(sends);
  const seen = new Map<number, (string | null)[]>();
  await readTopicToEnd(kafka.kafka, topic, { partitions: [1, 3] }, ({ key, offset }, partition) => {
    const keys = seen.get(partition) ?? [];
    assert.equal(offset, BigInt(keys.length));
    seen.set(partition, [...keys, key]);
  });
  const expected = (partition: number) => Array.from({ length: 100 }, (_, i) => `k${4 * i + partition}`);
  assert.deepEqual(
    [...seen].sort(([a], [b]) => a - b),
    [
      [1, expected(1)],
      [3, expected(3)],
    ],
  );
});

test('returns at once for an empty topic, and for empty partitions', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(2);
  const never = () => assert.fail('there is nothing');
  await readTopicToEnd(kafka.kafka, topic, {}, never);
  await using producer = await kafka.kafka.openProducer();
  await producer.send({ topic, key: 'k', partition: 0, value: null });
  await readTopicToEnd(kafka.kafka, topic, { partitions: [1] }, never);
});

test('a failing reader and an abort end it; a cut in the middle doubles nothing', async () => {
  await using kafka = await proxiedKafka();
  const topic = await kafka.topic(1);
  {
    await using producer = await kafka.direct.openProducer({ maxPartRecords: 50 });
    const value = Buffer.alloc(200, 'x');
    await Promise.all(Array.from({ length: 3000 }, (_, i) => producer.send({ topic, key: `${i}`, value })));
  }
  const broken = () => {
    throw new Error('broken on purpose');
  };
  await assert.rejects(readTopicToEnd(kafka.direct, topic, {}, broken), /broken on purpose/);
  const abort = new AbortController();
  const reading = readTopicToEnd(kafka.direct, topic, { signal: abort.signal }, () => abort.abort(new Error('enough')));
  await assert.rejects(reading, /enough/);

  const keys: (string | null)[] = [];
  let cuts = 0;
  await readTopicToEnd(kafka.kafka, topic, { deadlineMs: 30_000 }, ({ key }) => {
    keys.push(key);
    if (keys.length % 700 === 0 && ++cuts) kafka.proxy.cut();
  });
  assert.deepEqual(
    keys,
    Array.from({ length: 3000 }, (_, i) => `${i}`),
  );
  assert.ok(cuts > 0);
});
