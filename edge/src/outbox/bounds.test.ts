import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Batch, decodeBatch } from '@millrace/wire/batch.ts';
import { folder, openAt, readings, until } from '../../test/outbox.ts';
import type { Outbox } from './outbox.ts';
import { prioritiesBy } from './priorities.ts';
import type { SealedBatch } from './seal.ts';

const batches = (outbox: Outbox): Batch[] => outbox.page(-1, 10_000).map(({ bytes }) => decodeBatch(bytes));
const dropsIn = (outbox: Outbox) => batches(outbox).flatMap(({ dropped }) => dropped);
const seqsIn = (outbox: Outbox): number[] =>
  batches(outbox).flatMap(({ firstSeq, value }) => value.map((_, i) => firstSeq + i));

const isRecord = ({ firstSeq, lastSeq }: SealedBatch): boolean => lastSeq < firstSeq;

/** Every sequence number lies in the outbox or in exactly one dropped range. */
function assertAccounted(outbox: Outbox): void {
  const drops = dropsIn(outbox).flatMap(({ firstSeq, lastSeq }) =>
    Array.from({ length: lastSeq - firstSeq + 1 }, (_, i) => firstSeq + i),
  );
  const all = [...seqsIn(outbox), ...drops].sort((a, b) => a - b);
  assert.deepEqual(all, [...Array(outbox.level.lastSeq + 1).keys()]);
  const counted = Object.values(outbox.dropped).reduce((sum, count) => sum + count, 0);
  assert.equal(counted, drops.length);
}

test('oldest: a full outbox gives up its oldest batches, and one range says which, also after a restart', async () => {
  const path = join(folder(), 'o.db');
  const options = { maxBytes: 12_000, dropPolicy: 'oldest', groupCommitMs: 0 } as const;
  let given: number;
  {
    await using outbox = openAt(path, options);
    for (let i = 0; i < 60; i++) await outbox.append('s', readings(100, i * 100));
    assert.ok(outbox.level.bytes <= 12_000);
    assertAccounted(outbox);
    const drops = dropsIn(outbox);
    given = drops[0]!.lastSeq + 1;
    assert.deepEqual(drops, [{ firstSeq: 0, lastSeq: given - 1, reason: 'OUTBOX_FULL' }]);
    // Those given up, too: nobody was told yet.
    assert.deepEqual(outbox.unsent, [[0, 5999]]);
  }
  await using outbox = openAt(path, options);
  assert.deepEqual(outbox.dropped, { OUTBOX_FULL: given });
  assert.deepEqual(outbox.unsent, [[0, 5999]]);
  for (let i = 60; i < 70; i++) await outbox.append('s', readings(100, i * 100));
  assert.equal(dropsIn(outbox).length, 1);
  assertAccounted(outbox);
});

test('lowest-priority: whole batches of what matters least go first, and never for something that matters less', async () => {
  const rules = [
    { metric: 'alarm*', priority: 9 },
    { sensor: 'a', metric: 'count', priority: 2 },
  ];
  await using outbox = openAt(join(folder(), 'o.db'), {
    maxBytes: 22_000,
    dropPolicy: 'lowest-priority',
    priorityOf: prioritiesBy(rules, ''),
    groupCommitMs: 0,
  });
  for (let i = 0; i < 60; i++) {
    const mixed = readings(60, i * 60).map((reading, j) => ({
      ...reading,
      metric: ['alarm-fire', 'noise', 'count'][j % 3]!,
    }));
    await outbox.append('s', mixed);
  }
  assertAccounted(outbox);
  const left = batches(outbox).filter(({ value }) => value.length > 0);
  const metrics = left.map(({ series }) => series.map(({ metric }) => metric));
  assert.ok(metrics.every(names => names.length === 1));
  const count = (name: string): number => metrics.filter(([metric]) => metric === name).length;
  assert.equal(count('alarm-fire'), 60);
  assert.ok(count('noise') > count('count'));
  // Of the priority that had to give, the newest are left.
  const noises = left.filter(({ series }) => series[0]!.metric === 'noise').map(({ firstSeq }) => firstSeq);
  assert.equal(noises.at(-1), 59 * 60 + 20);
  assert.equal(noises[0], 59 * 60 + 20 - (noises.length - 1) * 60);
  // A heap of readings that matter least: numbered, given up and said, and nothing that matters more goes for them.
  const before = seqsIn(outbox);
  await outbox.append('s', readings(5000));
  assert.equal(outbox.level.lastSeq, 8599);
  // But for the one batch whose room the record of it takes.
  const after = new Set(seqsIn(outbox));
  assert.ok(before.filter(seq => !after.has(seq)).length <= 40);
  assertAccounted(outbox);
});

test('what was published is never given up: when only that is left, appends wait', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { maxBytes: 3000, dropPolicy: 'oldest', groupCommitMs: 0 });
  for (let i = 0; i < 5; i++) await outbox.append('s', readings(100, i * 100));
  outbox.openLanes();
  const published = [];
  for (let batch = outbox.lanes.next(true); batch !== undefined; batch = outbox.lanes.next(true)) published.push(batch);
  assert.equal(published.length, 5);
  outbox.closeLanes();
  let taken = 0;
  const source = (async () => {
    for (; taken < 20; taken++) await outbox.append('s', readings(300, 500 + taken * 300));
  })();
  await until('taken or full', () => taken === 20 || outbox.writable !== true);
  for (const { firstSeq } of published) assert.ok(seqsIn(outbox).includes(firstSeq));
  assertAccounted(outbox);
  for (const batch of published) outbox.acknowledge(batch);
  await source;
});

test('published marks outlive a crash: after a restart nothing that may be stored is given up', async () => {
  const path = join(folder(), 'o.db');
  const options = { maxBytes: 12_000, dropPolicy: 'oldest', groupCommitMs: 0 } as const;
  {
    await using outbox = openAt(path, options);
    for (let i = 0; i < 4; i++) await outbox.append('s', readings(100, i * 100));
    outbox.openLanes();
    outbox.lanes.next(true);
    outbox.lanes.wait(1);
    await outbox.append('s', readings(100, 400)); // Sealed to be published at once.
  }
  await using outbox = openAt(path, options);
  const marked = outbox.page(-1, 100).filter(({ published }) => published === 1);
  assert.deepEqual(
    marked.map(({ firstSeq }) => firstSeq),
    [0, 100, 200, 300, 400], // Those that were read ahead, too.
  );
  for (let i = 0; i < 20; i++) await outbox.append('s', readings(100, 500 + i * 100));
  assert.deepEqual(seqsIn(outbox).slice(0, 500), [...Array(500).keys()]);
  assertAccounted(outbox);
});

test('what is too old is given up by the outbox’s own clock, also when no reading comes, and is said in a batch without readings', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { maxAgeMs: 100, groupCommitMs: 0 });
  let changes = 0;
  outbox.onChange(() => (changes += 1));
  await outbox.append('s', readings(10));
  await outbox.append('s', readings(10, 10));
  await until('given up', () => outbox.level.readings === 0);
  assert.ok(changes > 2);
  assert.deepEqual(outbox.dropped, { TOO_OLD: 20 });
  assert.deepEqual(dropsIn(outbox), [{ firstSeq: 0, lastSeq: 19, reason: 'TOO_OLD' }]);
  const [record] = outbox.page(-1, 10);
  assert.deepEqual([record!.firstSeq, record!.lastSeq], [20, 19]);
  assert.deepEqual(outbox.unsent, [[0, 19]]);
  outbox.acknowledge(record!);
  assert.deepEqual(outbox.unsent, []);
  await outbox.append('s', readings(1, 20));
  assert.deepEqual(outbox.unsent, [[20, 20]]);
});

test('a record of drops that was published stays as it is, and a new one says the rest', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { maxBytes: 2000, dropPolicy: 'oldest', groupCommitMs: 0 });
  let next = 0;
  const fill = async (): Promise<void> => {
    for (const end = next + 1000; next < end; next += 50) await outbox.append('s', readings(50, next));
  };
  await fill();
  const [before] = batches(outbox).filter(({ dropped }) => dropped.length > 0);
  outbox.openLanes();
  while (outbox.lanes.next(true) !== undefined);
  outbox.closeLanes();
  for (const batch of outbox.page(-1, 1000)) if (batch.lastSeq >= batch.firstSeq) outbox.acknowledge(batch);
  await fill();
  const records = batches(outbox).filter(({ dropped }) => dropped.length > 0);
  assert.equal(records.length, 2);
  assert.deepEqual(records[0]!.dropped, before!.dropped);
  assert.ok(records[1]!.dropped[0]!.firstSeq >= 1000);
});

test('what is given up while connected leaves no trace in the level once everything has its PUBACK', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { maxBytes: 6000, dropPolicy: 'oldest', groupCommitMs: 0 });
  let next = 0;
  const append = (): Promise<void> => outbox.append('s', readings(10, (next += 10) - 10));
  for (let i = 0; i < 100; i++) await append();
  outbox.openLanes();
  const sent: SealedBatch[] = [];
  const pump = (mayTakeBacklog: boolean): void => {
    for (let batch; (batch = outbox.lanes.next(mayTakeBacklog)) !== undefined; ) sent.push(batch);
    outbox.lanes.wait(12);
  };
  // A part of the backlog is in flight, and each append displaces more of the rest: records that go out at once follow an open one.
  for (let i = 0; i < 4; i++) sent.push(outbox.lanes.next(true)!);
  outbox.lanes.wait(0);
  await append();
  for (let i = 0; i < 12; i++) {
    pump(false);
    await append();
  }
  const held = outbox.page(-1, 10_000);
  assert.equal(outbox.level.batches, held.length);
  assert.equal(
    outbox.level.bytes,
    held.reduce((sum, { bytes }) => sum + bytes.length, 0),
  );
  for (pump(true); sent.length > 0; pump(true)) for (const batch of sent.splice(0)) outbox.acknowledge(batch);
  await until('all of it is forgotten', () => outbox.page(-1, 1).length === 0);
  const { batches: count, readings: left, bytes } = outbox.level;
  assert.deepEqual({ count, left, bytes }, { count: 0, left: 0, bytes: 0 });
  assert.deepEqual(outbox.unsent, []);
});

test('the records of many outages go first, each once, and the batches that are left follow in order', async () => {
  const path = join(folder(), 'o.db');
  const options = {
    maxBytes: 12_000,
    dropPolicy: 'lowest-priority',
    priorityOf: prioritiesBy([{ metric: 'count', priority: 2 }], ''),
    groupCommitMs: 0,
  } as const;
  {
    await using outbox = openAt(path, options);
    for (let i = 0, records = 0; records < 40; i++) {
      await outbox.append('s', readings(1, 2 * i));
      await outbox.append('s', [{ ...readings(1, 2 * i + 1)[0]!, metric: 'matters' }]);
      records = outbox.page(-1, 10_000).filter(isRecord).length;
      // A connection that publishes the records and is lost: the next drop needs a record of its own.
      outbox.openLanes();
      for (let j = 0; j < records; j++) assert.ok(isRecord(outbox.lanes.next(true)!));
      outbox.closeLanes();
    }
  }
  await using outbox = openAt(path, options);
  const records = outbox.page(-1, 10_000).filter(isRecord);
  const rest = outbox.page(-1, 10_000).filter(batch => !isRecord(batch));
  assert.ok(records[0]!.id < rest.at(-1)!.id);
  assert.deepEqual(outbox.unsent, [[0, outbox.level.lastSeq]]);
  outbox.openLanes();
  const sent: number[] = [];
  for (let batch; (batch = outbox.lanes.next(true)) !== undefined; ) sent.push(batch.id);
  assert.deepEqual(
    sent,
    [...records, ...rest].map(({ id }) => id),
  );
  for (const record of records) outbox.acknowledge(record);
  assert.ok(outbox.unsent.length > 1);
  for (const batch of rest) outbox.acknowledge(batch);
  assert.deepEqual(outbox.unsent, []);
});
