import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejectedHeaders } from '@millrace/wire/names.ts';
import { openLab, readingsRecord, testBatch, until } from '../testing.ts';

test('a batch becomes rows, and its offset is committed', async () => {
  await using lab = await openLab();
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch()));
  await using sinks = await lab.start(['readings']);
  await until('50 rows', async () => (await lab.count('readings')) === 50);
  await until('the offset', async () => (await lab.committed('readings', lab.topics.readings)) === 1);
  assert.equal(sinks.ready, true);
  const { rows } = await lab.http.query(`SELECT * FROM ${lab.tablePrefix}readings WHERE seq = 9`);
  assert.deepEqual(rows, [
    [
      '2025-10-09T08:53:20.009000Z',
      'Höfn harbour, east=1',
      'north,\\1',
      'lamp-1',
      'air 1',
      'temperature',
      'Cel',
      Math.sin(9) * 100,
      1,
      'SYNCED',
      '2025-10-09T08:53:21.000000Z',
      7,
      9,
    ],
  ]);
});

test('the topic replayed three times gives the same table', async () => {
  await using lab = await openLab();
  const sent = [];
  for (let i = 0; i < 40; i++)
    sent.push(
      lab.producer.send(
        readingsRecord(lab.topics.readings, testBatch({ gateway: `lamp-${i % 4}`, firstSeq: Math.floor(i / 4) * 50 })),
      ),
    );
  await Promise.all(sent);
  const checksums = new Set<string>();
  for (let replay = 1; replay <= 3; replay++) {
    {
      await using sinks = await lab.start(['readings']);
      await until(
        `${40 * replay} records committed`,
        async () => (await lab.committed('readings', lab.topics.readings)) === 40 * replay,
      );
      await until('2,000 rows', async () => (await lab.count('readings')) === 2000);
      assert.equal(sinks.ready, true);
    }
    checksums.add(await lab.checksum('readings'));
    for (let i = 0; i < 40; i++)
      await lab.producer.send(
        readingsRecord(lab.topics.readings, testBatch({ gateway: `lamp-${i % 4}`, firstSeq: Math.floor(i / 4) * 50 })),
      );
  }
  assert.equal(checksums.size, 1);
});

test('what is no batch goes to the rejected topic byte for byte, and its neighbours go on', async () => {
  await using lab = await openLab({ partitions: 1 });
  const poison = Buffer.from([1, 2, 3, 255, 0, 10]);
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch()));
  await lab.producer.send({
    topic: lab.topics.readings,
    key: 'lamp-9',
    value: poison,
    headers: { 'received-at': '5', attempts: '2' },
  });
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch({ firstSeq: 50 })));
  await using sinks = await lab.start(['readings']);
  await until('100 rows', async () => (await lab.count('readings')) === 100);
  await until('the offset', async () => (await lab.committed('readings', lab.topics.readings)) === 3);
  const [record, ...more] = await lab.rejected(1);
  assert.equal(more.length, 0);
  assert.deepEqual(Buffer.from(record!.value!), poison);
  assert.equal(record!.key, 'lamp-9');
  const { reason, ...headers } = record!.headers;
  assert.match(reason!, /not a protobuf ReadingBatch/);
  assert.deepEqual(headers, {
    attempts: '2',
    [rejectedHeaders.field]: 'payload',
    [rejectedHeaders.origin]: lab.topics.readings,
    [rejectedHeaders.partition]: '0',
    [rejectedHeaders.offset]: '1',
    [rejectedHeaders.stage]: 'sink-readings',
    [rejectedHeaders.receivedAt]: '5',
  });
  assert.equal(sinks.ready, true);
});
