import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { rejectedHeaders } from '@millrace/wire/names.ts';
import type { Sink } from '../sink.ts';
import { type Lab, openLab, readingsRecord, testBatch, until } from '../testing.ts';
import { lakeSchema } from './config.ts';
import { lakeSink } from './sink.ts';
import { bothHave, duckdb, glob, sameAsQuestdb } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
after(() => rmSync(folder, { recursive: true }));
let lakes = 0;

function newLake(settings: Readonly<Record<string, number>> = {}): { root: string; sink: Sink } {
  const root = join(folder, `lake-${lakes++}`);
  return { root, sink: lakeSink(lakeSchema.parse({ folder: root, flushMs: 200, ...settings })) };
}

test('what QuestDB has is in the lake, each reading once, in the folder of its date and zone', async () => {
  await using lab = await openLab();
  const place = newLake();
  const dayUs = 86_400_000_000;
  const batches = Array.from({ length: 40 }, (_, i) =>
    testBatch({ gateway: `lamp-${i % 4}`, firstSeq: Math.floor(i / 4) * 50 }),
  );
  // Late by two days; a resend, whole and in part; one that is a day and more ahead; one from 1970.
  batches.push(testBatch({ gateway: 'late', startUs: 1_760_000_000_000_000 - 2 * dayUs }));
  batches.push(batches[7]!, testBatch({ gateway: 'lamp-1', firstSeq: 480, count: 50 }));
  batches.push(testBatch({ gateway: 'fast', startUs: 1_760_000_000_000_000 + 40 * dayUs }));
  batches.push(testBatch({ gateway: 'lost', startUs: 0 }));
  for (const batch of batches) await lab.producer.send(readingsRecord(lab.topics.readings, batch));
  await using sinks = await lab.start(['readings', place.sink]);
  await bothHave(lab, batches.length);
  await until('all rows', async () => (await lab.count('readings')) === 40 * 50 + 50 + 30 + 100);
  await sameAsQuestdb(lab, place.root);
  assert.equal(sinks.ready, true);
  const folders = readdirSync(join(place.root, 'readings'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.includes('/') && !name.endsWith('.parquet'))
    .sort();
  const zones = ['zone=__HIVE_DEFAULT_PARTITION__', 'zone=north%2C%5C1', 'zone=Ōtara'];
  const dates = ['date=2025-10-07', 'date=2025-10-09', 'date=__HIVE_DEFAULT_PARTITION__'];
  assert.deepEqual(
    folders,
    dates.flatMap(date => zones.map(zone => `${date}/${zone}`)),
  );
  const byZone = await duckdb(
    `SELECT zone, count(*)::INT FROM ${glob(place.root)} WHERE gateway = 'lost' GROUP BY zone ORDER BY zone`,
  );
  assert.deepEqual(byZone, [
    ['north,\\1', 17],
    ['Ōtara', 16],
    [null, 17],
  ]);
  const [row] = await duckdb(`SELECT * FROM ${glob(place.root)} WHERE gateway = 'lamp-1' AND seq = 9`);
  assert.deepEqual(row, [
    '2025-10-09 08:53:20.009+00',
    'Höfn harbour, east=1',
    'north,\\1',
    'lamp-1',
    'air 1',
    'temperature',
    'Cel',
    Math.sin(9) * 100,
    1,
    'SYNCED',
    '2025-10-09 08:53:21+00',
    '7',
    '9',
    null,
    null,
    '2025-10-09',
  ]);
});

test('what is no batch goes to the rejected topic, and its neighbours into the lake', async () => {
  await using lab = await openLab({ partitions: 1 });
  const { root, sink } = newLake();
  const poison = Buffer.from([1, 2, 3, 255, 0, 10]);
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch()));
  await lab.producer.send({ topic: lab.topics.readings, key: 'lamp-9', value: poison });
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch({ firstSeq: 50 })));
  await using sinks = await lab.start([sink]);
  await until('the offset', async () => (await lab.committed('lake', lab.topics.readings)) === 3);
  const [record] = await lab.rejected(1);
  assert.deepEqual(Buffer.from(record!.value!), poison);
  assert.equal(record!.headers[rejectedHeaders.stage], 'sink-lake');
  assert.deepEqual(await duckdb(`SELECT count(*)::INT FROM ${glob(root)}`), [[100]]);
  assert.equal(sinks.ready, true);
});

test('restarted, with its offsets and without: all that comes again changes nothing', async () => {
  await using lab = await openLab();
  const place = newLake({ flushRows: 300 });
  let sent = 0;
  const send = async (): Promise<void> => {
    for (let i = 0; i < 20; i++, sent++)
      await lab.producer.send(
        readingsRecord(
          lab.topics.readings,
          testBatch({ gateway: `lamp-${sent % 3}`, firstSeq: Math.floor(sent / 3) * 50 }),
        ),
      );
  };
  for (let start = 0; start < 2; start++) {
    await send();
    await using _ = await lab.start(['readings', place.sink]);
    await bothHave(lab, sent);
  }
  await rewind(lab);
  await send();
  await using _ = await lab.start(['readings', place.sink]);
  await bothHave(lab, sent);
  await until('all rows', async () => (await lab.count('readings')) === sent * 50);
  await sameAsQuestdb(lab, place.root);
});

/** As `kafka-consumer-groups.sh --reset-offsets --to-earliest` does it. */
async function rewind(lab: Lab): Promise<void> {
  let partitions: readonly number[] = [];
  await using consumer = await lab.kafka.openConsumer(
    { groupId: `${lab.prefix}sink.lake`, topics: [lab.topics.readings] },
    {
      onAssigned: async assignment => void (partitions = assignment.partitions.get(lab.topics.readings) ?? []),
      onBatch: (_, signal) => new Promise(resolve => signal.addEventListener('abort', () => resolve())),
    },
  );
  await until('the group', () => consumer.healthy && partitions.length > 0);
  await consumer.commit(partitions.map(partition => ({ topic: lab.topics.readings, partition, offset: -1n })));
}

test('files of a folder that is quiet become one for each partition; the other half of the readings is still there', async () => {
  await using lab = await openLab();
  const place = newLake({ flushRows: 100, compactAfterMs: 500 });
  for (let i = 0; i < 60; i++)
    await lab.producer.send(
      readingsRecord(lab.topics.readings, testBatch({ gateway: `lamp-${i % 4}`, firstSeq: Math.floor(i / 4) * 50 })),
    );
  await using _ = await lab.start(['readings', place.sink]);
  await bothHave(lab, 60);
  const files = (): readonly string[] =>
    readdirSync(join(place.root, 'readings'), { recursive: true, encoding: 'utf8' }).filter(name =>
      name.endsWith('.parquet'),
    );
  // Three zones, two partitions.
  await until('compaction', () => files().length === 6);
  await until('all rows', async () => (await lab.count('readings')) === 3000);
  await sameAsQuestdb(lab, place.root);
});
