import assert from 'node:assert/strict';
import test from 'node:test';
import { RejectedError, TransientError } from '../errors.ts';
import { readTopicToEnd } from './read-to-end.ts';
import { eventually, proxiedKafka, testKafka } from './testing.ts';

async function valuesOf(kafka: Parameters<typeof readTopicToEnd>[0], topic: string): Promise<string[]> {
  const values: string[] = [];
  await readTopicToEnd(
    kafka,
    topic,
    {},
    ({ value }) =>
      void values.push(
        Buffer.from(value ?? [])
          .toString()
          .slice(0, 20),
      ),
  );
  return values;
}

test('rejects at the deadline while the network is gone, bounds its memory, and goes on in order afterwards', async () => {
  await using kafka = await proxiedKafka();
  const topic = await kafka.topic(1);
  await using producer = await kafka.kafka.openProducer({
    deadlineMs: 1200,
    requestTimeoutMs: 600,
    maxBufferedRecords: 50,
    maxBufferedBytes: 10_000,
  });
  const send = (value: string) => producer.send({ topic, key: 'k', value: Buffer.from(value) });
  await send('before');
  assert.equal(producer.healthy, true);

  kafka.proxy.blackhole(true);
  const startedAt = Date.now();
  const stuck = Array.from({ length: 50 }, (_, i) =>
    send(`stuck-${i}`).then(
      () => 'stored',
      (error: unknown) => error,
    ),
  );
  await assert.rejects(
    send('one too many'),
    (error: Error) => error instanceof TransientError && /full/.test(error.message),
  );
  await assert.rejects(producer.send({ topic, key: 'k', value: Buffer.alloc(10_001) }), RejectedError);
  assert.equal(producer.buffered.records, 50);
  for (const outcome of await Promise.all(stuck)) assert.ok(outcome instanceof TransientError, String(outcome));
  const tookMs = Date.now() - startedAt;
  assert.ok(tookMs >= 1150 && tookMs < 2000, `deadline of 1200 ms came after ${tookMs} ms`);
  assert.equal(producer.healthy, false);

  kafka.proxy.blackhole(false);
  const recovered = await eventually('sends work again', () => send('after-0').catch(() => undefined));
  const later = await Promise.all([1, 2, 3].map(i => send(`after-${i}`)));
  assert.deepEqual(
    later.map(({ offset }) => offset - (recovered?.offset ?? 0n)),
    [1n, 2n, 3n],
  );
  assert.equal(producer.healthy, true);
  assert.deepEqual(producer.buffered, { records: 0, bytes: 0 });
  const values = await valuesOf(kafka.direct, topic);
  assert.deepEqual(values.slice(-4), ['after-0', 'after-1', 'after-2', 'after-3']);
  assert.equal(new Set(values.filter(value => value !== 'after-0')).size, values.filter(v => v !== 'after-0').length);
  assert.equal(kafka.said.filter(line => line.startsWith('warn')).length, 1, kafka.said.join('\n'));
});

test('a watchdog gives up a request that never ends, and the next records go through', async () => {
  await using kafka = await proxiedKafka();
  const topic = await kafka.topic(2);
  // The request timeout would end the wait before the watchdog.
  await using producer = await kafka.kafka.openProducer({ deadlineMs: 500, requestTimeoutMs: 60_000 });
  await producer.send({ topic, key: 'k', value: Buffer.from('before') });
  kafka.proxy.dropResponses(true);
  await assert.rejects(producer.send({ topic, key: 'k', value: Buffer.from('stuck') }), TransientError);
  // The network is well again, but the answer kafkajs waits for will never come.
  kafka.proxy.dropResponses(false);
  await eventually('sends work again', () =>
    producer.send({ topic, key: 'k', value: Buffer.from('after') }).catch(() => undefined),
  );
  assert.equal((await valuesOf(kafka.direct, topic)).at(-1), 'after');
});

test('rejects a record the topic does not take, and stores its neighbours in order', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(3, { 'max.message.bytes': '20000' });
  await using producer = await kafka.kafka.openProducer({ maxRecordBytes: 200_000 });
  const noise = Buffer.from(Array.from({ length: 60_000 }, () => Math.random() * 256));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 90 }, (_, i) => {
      const value = i === 40 || i === 71 ? noise : Buffer.from(`small-${i}`);
      return producer.send({ topic, key: `key-${i % 3}`, partition: i % 3, value });
    }),
  );
  outcomes.forEach((outcome, i) => {
    if (i === 40 || i === 71) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof RejectedError, `record ${i}`);
    } else assert.equal(outcome.status, 'fulfilled', `record ${i}`);
  });
  const stored = new Map<number, number[]>();
  await readTopicToEnd(kafka.kafka, topic, {}, ({ value }, partition) => {
    stored.set(partition, [
      ...(stored.get(partition) ?? []),
      Number(
        Buffer.from(value ?? [])
          .toString()
          .slice(6),
      ),
    ]);
  });
  for (const partition of [0, 1, 2]) {
    const expected = Array.from({ length: 30 }, (_, i) => 3 * i + partition).filter(i => i !== 40 && i !== 71);
    assert.deepEqual(stored.get(partition), expected);
  }
  assert.equal(producer.healthy, true);
});

test('splits what is more than a batch may hold, and sends a record larger than a batch alone', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(1);
  await using producer = await kafka.kafka.openProducer({ maxPartBytes: 10_000 });
  const sizes = [4000, 4000, 4000, 50_000, 100, 9000, 4000];
  const positions = await Promise.all(
    sizes.map(size => producer.send({ topic, key: 'k', value: Buffer.alloc(size, 'x') })),
  );
  assert.deepEqual(
    positions.map(({ offset }) => offset),
    [0n, 1n, 2n, 3n, 4n, 5n, 6n],
  );
});

test("chooses partitions as Java's default partitioner", async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(12);
  await using producer = await kafka.kafka.openProducer();
  // murmur2 of Kafka's own UtilsTest: "21" → −973932308, "foobar" → −790332482, "a-little-bit-long-string" → −985981536.
  const expected = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
  ] as const;
  for (const [key, hash] of expected) {
    const { partition } = await producer.send({ topic, key, value: null });
    assert.equal(partition, (hash & 0x7fffffff) % 12, key);
  }
});

test('says that a topic does not exist, and which partitions it has', async () => {
  await using kafka = await testKafka();
  await using producer = await kafka.kafka.openProducer();
  await assert.rejects(producer.send({ topic: 'test-nowhere', key: 'k', value: null }), /test-nowhere does not exist/);
  const topic = await kafka.topic(2);
  await assert.rejects(producer.send({ topic, key: 'k', partition: 2, value: null }), /has 0 to 1, not 2/);
  assert.deepEqual(producer.buffered, { records: 0, bytes: 0 });
});

test('dispose sends what is buffered; with Kafka away it ends at the deadline', async () => {
  await using kafka = await proxiedKafka();
  const topic = await kafka.topic(2);
  const producer = await kafka.kafka.openProducer({ deadlineMs: 700 });
  const stored = Array.from({ length: 100 }, (_, i) => producer.send({ topic, key: `${i}`, value: Buffer.from('v') }));
  await producer[Symbol.asyncDispose]();
  assert.equal((await Promise.all(stored)).length, 100);
  await assert.rejects(producer.send({ topic, key: 'late', value: null }), /closed/);

  const cutOff = await kafka.kafka.openProducer({ deadlineMs: 700 });
  await cutOff.send({ topic, key: 'k', value: null });
  kafka.proxy.blackhole(true);
  const lost = assert.rejects(cutOff.send({ topic, key: 'k', value: null }), TransientError);
  const startedAt = Date.now();
  await cutOff[Symbol.asyncDispose]();
  await lost;
  assert.ok(Date.now() - startedAt < 6000, `took ${Date.now() - startedAt} ms`);
});
