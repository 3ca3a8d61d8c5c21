import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../errors.ts';
import type { Kafka } from './connect.ts';
import { eventually, proxiedKafka, testKafka, unique } from './testing.ts';
import type { Consumer, RecordBatch } from './types.ts';

/** The shortest the broker allows by default (group.min.session.timeout.ms). */
const SESSION_MS = 6000;

async function fill(kafka: Kafka, topic: string, values: readonly string[], partitions: number): Promise<void> {
  await using producer = await kafka.openProducer();
  await Promise.all(
    values.map((value, i) =>
      producer.send({ topic, key: value, partition: i % partitions, value: Buffer.from(value) }),
    ),
  );
}

function numbered(what: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${what}-${i}`);
}

function valuesOf({ records }: RecordBatch): string[] {
  return records.map(({ value }) => Buffer.from(value ?? []).toString());
}

function endOf({ topic, partition, records }: RecordBatch) {
  return [{ topic, partition, offset: records.at(-1)?.offset ?? -1n }];
}

test('hands over each partition in order, commits, and goes on behind the commit after a close', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(3);
  const options = { groupId: unique('group'), topics: [topic] };
  await fill(kafka.kafka, topic, numbered('first', 300), 3);
  const order: string[] = [];
  const offsets = new Map<number, bigint>();
  let seen = 0;
  {
    await using consumer: Consumer = await kafka.kafka.openConsumer(options, {
      async onAssigned({ partitions }) {
        await sleep(50);
        order.push(`assigned ${partitions.get(topic)?.join()}`);
      },
      async onBatch(batch, signal) {
        order.push('batch');
        for (const { offset } of batch.records) {
          assert.equal(offset, (offsets.get(batch.partition) ?? -1n) + 1n);
          offsets.set(batch.partition, offset);
        }
        assert.equal(batch.highWatermark, 100n);
        // A listener for each batch that stayed would make each later one slower.
        assert.ok(getEventListeners(signal, 'abort').length <= 3);
        seen += batch.records.length;
        await consumer.commit(endOf(batch));
      },
    });
    await eventually('300 records', () => seen === 300);
    assert.equal(consumer.healthy, true);
    await eventually('no lag', () => consumer.lag === 0);
  }
  assert.equal(order[0], 'assigned 0,1,2');
  await using admin = await kafka.kafka.openAdmin();
  assert.deepEqual(await admin.committedOffsets(options.groupId, topic), [100n, 100n, 100n]);

  await fill(kafka.kafka, topic, numbered('second', 30), 3);
  const again: string[] = [];
  await using _ = await kafka.kafka.openConsumer(options, {
    onBatch: async batch => void again.push(...valuesOf(batch)),
  });
  await eventually('30 records', () => again.length === 30);
  assert.deepEqual(new Set(again), new Set(numbered('second', 30)));
});

test('close lets the handler end, drains, commits and leaves', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(1);
  const groupId = unique('group');
  await fill(kafka.kafka, topic, numbered('v', 10), 1);
  const order: string[] = [];
  let last: RecordBatch | undefined;
  const consumer: Consumer = await kafka.kafka.openConsumer(
    { groupId, topics: [topic] },
    {
      async onBatch(batch, signal) {
        order.push('batch');
        await new Promise(resolve => signal.addEventListener('abort', resolve));
        await sleep(100);
        last = batch;
        order.push('batch ended');
      },
      async onDrain() {
        order.push('drain');
        assert.ok(last);
        await consumer.commit(endOf(last));
        order.push('committed');
      },
    },
  );
  await eventually('the first batch', () => order.length === 1);
  await consumer[Symbol.asyncDispose]();
  assert.deepEqual(order, ['batch', 'batch ended', 'drain', 'committed']);
  await using admin = await kafka.kafka.openAdmin();
  assert.deepEqual(await admin.committedOffsets(groupId, topic), [10n]);

  // The member has left: the next one gets the partitions without waiting for a session to end.
  const startedAt = Date.now();
  let assigned = false;
  await using _ = await kafka.kafka.openConsumer(
    { groupId, topics: [topic] },
    { onBatch: async () => {}, onAssigned: async () => void (assigned = true) },
  );
  await eventually('the next member has joined', () => assigned);
  assert.ok(Date.now() - startedAt < SESSION_MS);
});

test('keeps its partitions while a handler runs for longer than the session timeout', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(2);
  await fill(kafka.kafka, topic, numbered('v', 10), 2);
  let generations = 0;
  const seen: string[] = [];
  await using consumer: Consumer = await kafka.kafka.openConsumer(
    { groupId: unique('group'), topics: [topic], sessionTimeoutMs: SESSION_MS, heartbeatIntervalMs: 500 },
    {
      onAssigned: async () => void generations++,
      async onBatch(batch, signal) {
        if (seen.length === 0) await sleep(SESSION_MS + 2000, undefined, { signal });
        seen.push(...valuesOf(batch));
        await consumer.commit(endOf(batch));
      },
    },
  );
  await eventually('all records', () => seen.length === 10, SESSION_MS + 10_000);
  assert.equal(consumer.healthy, true);
  assert.equal(generations, 1);
  assert.equal(new Set(seen).size, 10);
});

test('a second member takes its share: the signal of a running handler is aborted, and nothing is lost', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(4);
  const options = { groupId: unique('group'), topics: [topic], heartbeatIntervalMs: 200 };
  const done = new Set<string>();
  let aborted = 0;
  let working = false;
  const member = async (name: string): Promise<{ consumer: Consumer; partitions: () => number }> => {
    let partitions = 0;
    const consumer: Consumer = await kafka.kafka.openConsumer(options, {
      onAssigned: async assignment => void (partitions = assignment.partitions.get(topic)?.length ?? 0),
      async onBatch(batch, signal) {
        const work = valuesOf(batch);
        if (name === 'first' && work.includes('long-0')) {
          // Works until it is told to stop, like a sink whose database is away.
          if (aborted === 0) {
            working = true;
            await new Promise(resolve => signal.addEventListener('abort', resolve));
            aborted++;
            throw signal.reason;
          }
        }
        for (const value of work) done.add(value);
        await consumer.commit(endOf(batch));
      },
    });
    return { consumer, partitions: () => partitions };
  };
  const first = await member('first');
  await using _first = first.consumer;
  await eventually('the first member has all', () => first.partitions() === 4);
  await fill(kafka.kafka, topic, numbered('long', 8), 4);
  await eventually('the handler is at work', () => working);
  const second = await member('second');
  await using _second = second.consumer;
  await eventually('both have two', () => first.partitions() === 2 && second.partitions() === 2, 30_000);
  assert.equal(aborted, 1);
  await fill(kafka.kafka, topic, numbered('more', 40), 4);
  await eventually('all 48 are done', () => done.size === 48);
  assert.equal(first.consumer.healthy && second.consumer.healthy, true);
});

test('goes on after cuts in the middle of fetches, each record at least once and in order', async () => {
  await using kafka = await proxiedKafka();
  const topic = await kafka.topic(2);
  const values = numbered('v', 4000);
  const last = new Map<number, number>();
  const seen = new Set<string>();
  let regressions = 0;
  await using consumer: Consumer = await kafka.kafka.openConsumer(
    { groupId: unique('group'), topics: [topic], requestTimeoutMs: 1000, maxBytesPerPartition: 4000 },
    {
      onAssigned: async () => last.clear(),
      async onBatch(batch) {
        for (const value of valuesOf(batch)) {
          const i = Number(value.slice(2));
          if (i <= (last.get(batch.partition) ?? -1)) regressions++;
          last.set(batch.partition, i);
          seen.add(value);
        }
        await consumer.commit(endOf(batch)).catch((error: unknown) => assert.ok(error instanceof TransientError));
      },
    },
  );
  const over = new AbortController();
  const weather = (async () => {
    for (let i = 0; !over.signal.aborted; i++) {
      await sleep(400, undefined, { signal: over.signal }).catch(() => {});
      kafka.proxy.cutAfterResponseBytes(1000 + (i % 5) * 700);
    }
  })();
  for (let from = 0; from < 4000; from += 500) {
    await fill(kafka.direct, topic, values.slice(from, from + 500), 2);
    await sleep(250);
  }
  over.abort();
  await weather;
  kafka.proxy.cutAfterResponseBytes(Number.POSITIVE_INFINITY);
  await eventually('all records', () => seen.size === 4000, 30_000);
  assert.equal(regressions, 0);
  await eventually('healthy again', () => consumer.healthy);
});

test('survives an outage longer than its session, saying so once, and is unhealthy meanwhile', async () => {
  await using kafka = await proxiedKafka();
  const topic = await kafka.topic(1);
  const seen: string[] = [];
  await using consumer: Consumer = await kafka.kafka.openConsumer(
    {
      groupId: unique('group'),
      topics: [topic],
      sessionTimeoutMs: SESSION_MS,
      requestTimeoutMs: 1000,
      heartbeatIntervalMs: 500,
    },
    {
      async onBatch(batch) {
        seen.push(...valuesOf(batch));
        await consumer.commit(endOf(batch));
      },
    },
  );
  await eventually('joined', () => consumer.healthy);
  kafka.proxy.blackhole(true);
  await eventually('unhealthy', () => !consumer.healthy);
  await fill(kafka.direct, topic, numbered('v', 5), 1);
  await sleep(SESSION_MS + 1500); // the session must really end
  assert.equal(consumer.healthy, false);
  kafka.proxy.cut();
  kafka.proxy.blackhole(false);
  await eventually('the records of the outage', () => seen.length >= 5, 30_000);
  assert.deepEqual([...new Set(seen)], numbered('v', 5));
  await eventually('healthy again', () => consumer.healthy);
  const said = kafka.said.filter(line => line.includes('consumer'));
  assert.deepEqual(
    said.map(line => line.split(' ')[0]),
    ['warn', 'info'],
    said.join('\n'),
  );
});

test('pause stops handing over and keeps the membership; resume goes on', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(1);
  let generations = 0;
  let seen = 0;
  await using consumer: Consumer = await kafka.kafka.openConsumer(
    { groupId: unique('group'), topics: [topic], sessionTimeoutMs: SESSION_MS, heartbeatIntervalMs: 300 },
    { onAssigned: async () => void generations++, onBatch: async ({ records }) => void (seen += records.length) },
  );
  await eventually('joined', () => generations === 1);
  consumer.pause();
  await fill(kafka.kafka, topic, numbered('v', 20), 1);
  await eventually('the lag shows', () => consumer.lag >= 0);
  await sleep(700);
  assert.equal(seen, 0);
  assert.equal(consumer.healthy, true);
  consumer.resume();
  await eventually('all records', () => seen === 20);
  assert.equal(generations, 1);
});

test('a handler that fails ends the consumer, and close still drains and commits the others', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(2);
  const groupId = unique('group');
  let drained = false;
  let good: RecordBatch | undefined;
  const consumer: Consumer = await kafka.kafka.openConsumer(
    { groupId, topics: [topic] },
    {
      async onBatch(batch) {
        if (batch.partition === 1) throw new Error('broken on purpose');
        good = batch;
      },
      async onDrain() {
        drained = true;
        if (good) await consumer.commit(endOf(good));
      },
    },
  );
  await fill(kafka.kafka, topic, numbered('v', 10), 2);
  await assert.rejects(consumer.failed, /broken on purpose/);
  assert.equal(consumer.healthy, false);
  await consumer[Symbol.asyncDispose]();
  assert.equal(drained, true);
  await using admin = await kafka.kafka.openAdmin();
  assert.equal((await admin.committedOffsets(groupId, topic))[1], null);
});
