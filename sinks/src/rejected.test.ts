/** What a sink cannot store and the rejected topic, with topics of limits of their own. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { rejectedHeaders } from '@millrace/wire/names.ts';
import { type Lab, openLab, readingsRecord, testBatch, until } from './testing.ts';

const committed = (lab: Lab): Promise<number> => lab.committed('readings', lab.topics.readings);

async function topicWith(lab: Lab, maxMessageBytes: number): Promise<string> {
  const name = `${lab.prefix}small-rejected`;
  const config = { 'max.message.bytes': String(maxMessageBytes) };
  await lab.admin.ensureTopics([{ name, partitions: 1, replicationFactor: 0, config }]);
  return name;
}

async function read(lab: Lab, topic: string, count: number): Promise<readonly IncomingRecord[]> {
  const records: IncomingRecord[] = [];
  await using consumer = await lab.kafka.openConsumer(
    { groupId: `${lab.prefix}small-reader`, topics: [topic] },
    { onBatch: async batch => void records.push(...batch.records) },
  );
  await Promise.race([until(`${count} records in ${topic}`, () => records.length >= count), consumer.failed]);
  return records;
}

test('a record larger than the rejected topic takes is cut, says so, and holds nothing up', async () => {
  await using lab = await openLab({ partitions: 1 });
  // Compressed it is small, and so passes a limit that counts compressed bytes; our producer refuses it whole.
  const huge = Buffer.alloc(20_000_000);
  await using producer = await lab.kafka.openProducer({ maxRecordBytes: 32_000_000 });
  await producer.send({ topic: lab.topics.readings, key: 'lamp-9', value: huge });
  await producer.send(readingsRecord(lab.topics.readings, testBatch()));
  await using sinks = await lab.start(['readings']);
  await until('both offsets', async () => (await committed(lab)) === 2);
  const [record, ...more] = await lab.rejected(1);
  assert.equal(more.length, 0);
  assert.deepEqual(Buffer.from(record!.value!), huge.subarray(0, 4_000_000));
  assert.equal(record!.headers[rejectedHeaders.originalBytes], '20000000');
  assert.equal(record!.headers[rejectedHeaders.offset], '0');
  await until('50 rows', async () => (await lab.count('readings')) === 50);
  assert.equal(await sinks.metric('millrace_sink_restarts_total{sink="readings"'), 0);
});

test('a rejected topic with a smaller limit than ours gets as much as it takes', async () => {
  await using lab = await openLab({ partitions: 1 });
  const rejectedTopic = await topicWith(lab, 100_000);
  const poison = Buffer.concat([Buffer.from([7]), randomBytes(700_000)]);
  await lab.producer.send({ topic: lab.topics.readings, key: 'lamp-9', value: poison });
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch()));
  await using sinks = await lab.start(['readings'], { rejectedTopic });
  await until('both offsets', async () => (await committed(lab)) === 2);
  const [record] = await read(lab, rejectedTopic, 1);
  assert.equal(record!.headers[rejectedHeaders.originalBytes], '700001');
  assert.ok(record!.value!.length > 25_000);
  assert.deepEqual(Buffer.from(record!.value!), poison.subarray(0, record!.value!.length));
  assert.equal(await sinks.metric('millrace_sink_restarts_total{sink="readings"'), 0);
});

test('an offset is not committed before the rejected topic has the record; its neighbours are stored meanwhile', async () => {
  await using lab = await openLab({ partitions: 1 });
  const rejectedTopic = `${lab.prefix}small-rejected`;
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch()));
  await lab.producer.send({ topic: lab.topics.readings, key: 'lamp-9', value: Buffer.from([7]) });
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch({ firstSeq: 50 })));
  await using sinks = await lab.start(['readings'], { rejectedTopic });
  await until('100 rows', async () => (await lab.count('readings')) === 100);
  await until('the offset before it', async () => (await committed(lab)) === 1);
  assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="readings"'), 0);
  await topicWith(lab, 4_194_304);
  await until('all offsets', async () => (await committed(lab)) === 3, 60_000);
  assert.equal((await read(lab, rejectedTopic, 1)).length, 1);
});

test('what an earlier rejection said of a record that was sent again is not said again', async () => {
  await using lab = await openLab({ partitions: 1 });
  const headers = {
    [rejectedHeaders.attempts]: '2',
    [rejectedHeaders.row]: '17',
    [rejectedHeaders.originalBytes]: '5000000',
    [rejectedHeaders.offset]: '99',
    bridge: 'b1',
    note: 'x'.repeat(20_000),
  };
  await lab.producer.send({ topic: lab.topics.readings, key: 'lamp-9', value: Buffer.from([7]), headers });
  await using sinks = await lab.start(['readings']);
  await until('the offset', async () => (await committed(lab)) === 1);
  const [record] = await lab.rejected(1);
  const { reason, [rejectedHeaders.receivedAt]: receivedAt, ...others } = record!.headers;
  assert.match(reason!, /not a protobuf ReadingBatch/);
  assert.ok(Number(receivedAt) > 0);
  // Its own headers are larger than all that is kept of them.
  assert.deepEqual(others, {
    [rejectedHeaders.attempts]: '2',
    [rejectedHeaders.field]: 'payload',
    [rejectedHeaders.origin]: lab.topics.readings,
    [rejectedHeaders.partition]: '0',
    [rejectedHeaders.offset]: '0',
    [rejectedHeaders.stage]: 'sink-readings',
  });
  assert.equal(sinks.ready, true);
});
