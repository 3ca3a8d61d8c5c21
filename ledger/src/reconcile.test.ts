/** The account over a real Kafka and a real QuestDB that hold what the test put there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch } from '@millrace/wire/batch.ts';
import { rejectedHeaders } from '@millrace/wire/names.ts';
import { lamp, openLab, startUs, testBatch } from '../test/lab.ts';

test('every term at once, each missing reading with the hop where it was last seen', async () => {
  await using lab = await openLab();
  await lab.append(0, 99); // stored
  await lab.append(100, 149); // in Kafka, passed by the sink, not stored: lost
  await lab.append(160, 199, { dropped: [{ firstSeq: 150, lastSeq: 159, reason: 'OUTBOX_FULL' }] });
  await lab.append(220, 229); // 200 … 209 rejected by the bridge, 210 … 219 lost on the way
  await lab.commitAll();
  await lab.append(230, 239); // the sink is not yet there
  await lab.store(0, 99);
  await lab.store(160, 199);
  const bad = testBatch(200, 209, { value: Array.from({ length: 10 }, () => Number.NaN) });
  await lab.reject(encodeBatch(bad), {
    [rejectedHeaders.stage]: 'bridge',
    [rejectedHeaders.origin]: 'millrace/v1/lamp-1/readings',
    [rejectedHeaders.reason]: 'value[3]: NaN is not a finite number',
  });
  await lab.reject(encodeBatch(testBatch(220, 229)), {
    [rejectedHeaders.stage]: 'sink-readings',
    [rejectedHeaders.origin]: lab.topics.readings,
    [rejectedHeaders.partition]: '0',
    [rejectedHeaders.offset]: '3',
  });
  await lab.status({ lastSeq: 249, unsent: [[240, 249]] });

  const { ok, gateways, total, faults } = await lab.reconcile();
  assert.equal(ok, false);
  assert.deepEqual(faults, []);
  assert.deepEqual(total, {
    taken: 250,
    stored: 140,
    dropped: { OUTBOX_FULL: 10 },
    rejected: { 'bridge: value[#]: NaN is not a finite number': 10, 'sink-readings: the test wants it so': 10 },
    late: 0,
    inFlight: { kafka: 10, gateway: 10 },
    lost: { 'kafka→questdb': 50, 'gateway→bridge': 10 },
    doubled: 0,
  });
  assert.deepEqual(gateways[0]!.boots[0]!.holes, [
    { state: 'lost', at: 'kafka→questdb', firstSeq: 100, lastSeq: 149 },
    { state: 'lost', at: 'gateway→bridge', firstSeq: 210, lastSeq: 219 },
    { state: 'in flight', at: 'kafka', firstSeq: 230, lastSeq: 239 },
    { state: 'in flight', at: 'gateway', firstSeq: 240, lastSeq: 249 },
  ]);
});

test('a reading that is stored twice is a fault', async () => {
  await using lab = await openLab();
  await lab.append(0, 9);
  await lab.commitAll();
  await lab.store(0, 9);
  assert.equal((await lab.reconcile()).ok, true);
  await lab.store(4, 5, { shiftUs: 1 });
  const { ok, total } = await lab.reconcile();
  assert.deepEqual([ok, total.doubled, total.stored, total.lost], [false, 2, 10, {}]);
});

test('a poison that the sink passed without a rejection is a fault, and none once it is rejected', async () => {
  await using lab = await openLab();
  const poison = Buffer.from('no batch at all');
  const { partition, offset } = await lab.producer.send({ topic: lab.topics.readings, key: lamp, value: poison });
  const waiting = await lab.reconcile();
  assert.deepEqual([waiting.ok, waiting.notes.length], [true, 1]);
  await lab.commitAll();
  const passed = await lab.reconcile();
  assert.equal(passed.ok, false);
  assert.match(passed.faults[0]!, new RegExp(`${partition}:${offset}`));
  const rejection = {
    [rejectedHeaders.stage]: 'sink-readings',
    [rejectedHeaders.origin]: lab.topics.readings,
    [rejectedHeaders.partition]: String(partition),
    [rejectedHeaders.offset]: String(offset),
  };
  await lab.reject(poison, rejection);
  await lab.reject(poison, rejection); // as a crash would
  const rejected = await lab.reconcile();
  assert.equal(rejected.ok, true);
  assert.deepEqual(rejected.gateways[0]!.rejectedUnknown, { 'sink-readings: the test wants it so': 1 });
});

test('a poison under a key that names no gateway is no fault once it is rejected', async () => {
  await using lab = await openLab();
  const poison = Buffer.from('not ours');
  const key = 'Not a Gateway';
  const { partition, offset } = await lab.producer.send({ topic: lab.topics.readings, key, value: poison });
  await lab.commitAll();
  assert.equal((await lab.reconcile()).ok, false);
  const rejection = {
    [rejectedHeaders.stage]: 'sink-readings',
    [rejectedHeaders.origin]: lab.topics.readings,
    [rejectedHeaders.partition]: String(partition),
    [rejectedHeaders.offset]: String(offset),
  };
  await lab.reject(poison, rejection, key);
  assert.deepEqual((await lab.reconcile()).faults, []);
});

test('another gateway’s name in a payload explains no hole', async () => {
  await using lab = await openLab();
  await lab.append(0, 9);
  await lab.append(20, 29);
  await lab.commitAll();
  await lab.store(0, 9);
  await lab.store(20, 29);
  await lab.reject(
    encodeBatch(testBatch(10, 19)),
    { [rejectedHeaders.stage]: 'bridge', [rejectedHeaders.origin]: 'millrace/v1/lamp-1/readings' },
    'lamp-2',
  );
  const { total, gateways } = await lab.reconcile();
  assert.deepEqual(total.lost, { 'gateway→bridge': 10 });
  assert.equal(
    gateways.find(({ gateway }) => gateway === 'lamp-2')?.rejectedUnknown['bridge: the test wants it so'],
    1,
  );
});

test('without a status, as devices with SenML are, taken is what was seen', async () => {
  await using lab = await openLab();
  for (let message = 0; message < 5; message++) await lab.append(0, 2, { boot: 1000 + message });
  await lab.commitAll();
  for (let message = 0; message < 5; message++) await lab.store(0, 2, { boot: 1000 + message });
  const { ok, total } = await lab.reconcile();
  assert.deepEqual([ok, total.taken, total.stored], [true, 15, 15]);
});

test('a status of a new boot makes what the old one had not sent lost with its outbox', async () => {
  await using lab = await openLab();
  await lab.append(0, 9);
  await lab.commitAll();
  await lab.store(0, 9);
  await lab.status({ lastSeq: 19, unsent: [[10, 19]] });
  assert.deepEqual((await lab.reconcile()).total.inFlight, { gateway: 10 });
  await lab.status({ boot: 8 });
  const { ok, total } = await lab.reconcile();
  assert.deepEqual([ok, total.lost, total.inFlight], [false, { gateway: 10 }, {}]);
});

test('a lost outbox stays lost when the topic of statuses has been compacted, as far as the table tells', async () => {
  await using lab = await openLab();
  await lab.append(0, 9);
  await lab.commitAll();
  await lab.store(0, 9);
  await lab.status({ boot: 8 }); // all that compaction left
  assert.equal((await lab.reconcile()).ok, true, 'nothing tells of more');
  await lab.tell(7, 14, startUs);
  await lab.tell(7, 19, startUs + 1_000_000);
  await lab.tell(8, 2, startUs + 2_000_000);
  const { ok, total } = await lab.reconcile();
  assert.deepEqual([ok, total.taken, total.lost, total.inFlight], [false, 23, { gateway: 10 }, { gateway: 3 }]);
  assert.equal((await lab.reconcile({ fromUs: startUs + 2_000_000 })).ok, true, 'not of the interval');
});

test('an interval counts from its first to its last reading, and --gateway only that gateway', async () => {
  await using lab = await openLab();
  await lab.append(0, 99);
  await lab.append(0, 99, { gateway: 'lamp-2' as typeof lamp });
  await lab.commitAll();
  await lab.store(0, 49);
  await lab.store(55, 99);
  await lab.store(0, 99, { gateway: 'lamp-2' });
  const at = (seq: number): number => startUs + seq * 1000;
  const within = async (fromUs?: number, toUs?: number) => {
    const { total, ok } = await lab.reconcile({ gateway: lamp, fromUs, toUs });
    return [ok, total.taken, total.stored, total.lost];
  };
  assert.deepEqual(await within(at(0), at(50)), [true, 50, 50, {}]);
  assert.deepEqual(await within(at(40), at(60)), [false, 20, 15, { 'kafka→questdb': 5 }]);
  assert.deepEqual(await within(at(60)), [true, 40, 40, {}]);
  assert.deepEqual(await within(undefined, at(10)), [true, 10, 10, {}]);
  assert.deepEqual(await within(at(1000)), [true, 0, 0, {}]);
  const all = await lab.reconcile();
  assert.deepEqual([all.total.taken, all.total.stored], [200, 195]);
});

test('many holes in a table are found, whatever buckets they lie in', async () => {
  await using lab = await openLab();
  for (let first = 0; first < 40_000; first += 10_000) await lab.append(first, first + 9999);
  await lab.commitAll();
  const ranges = [
    [0, 9998],
    [10_000, 15_000],
    [15_002, 29_999],
    [30_001, 39_999],
  ] as const;
  for (const [first, last] of ranges) await lab.store(first, last);
  const { gateways } = await lab.reconcile();
  assert.deepEqual(
    gateways[0]!.boots[0]!.holes.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]),
    [
      [9999, 9999],
      [15_001, 15_001],
      [30_000, 30_000],
    ],
  );
});

test('the checksum is the same for the same readings in another boot, and differs by one row', async () => {
  await using lab = await openLab();
  await using other = await openLab();
  await lab.store(0, 299);
  await other.store(150, 299, { boot: 9 });
  await other.store(0, 149, { boot: 9 });
  const checksum = async (which: typeof lab) => (await which.reconcile({ checksum: true })).checksum;
  assert.equal(await checksum(lab), await checksum(other));
  assert.match((await checksum(lab))!, /^300 [0-9a-f]{64}$/);
  await other.store(7, 7, { boot: 9, shiftUs: 1 });
  assert.notEqual(await checksum(lab), await checksum(other));
});

test('waits until nothing is in flight', async () => {
  await using lab = await openLab();
  await lab.append(0, 9);
  let looked = 0;
  const account = await lab.reconcile({
    waitMs: 60_000,
    onProgress: sentence => {
      if (!/in flight/.test(sentence)) return;
      if (++looked === 2) void lab.store(0, 9);
    },
  });
  assert.ok(looked >= 2);
  assert.deepEqual([account.ok, account.total.stored, account.total.inFlight], [true, 10, {}]);
});
