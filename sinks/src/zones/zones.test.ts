import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeZoneStats, type ZoneStatsBatch, type ZoneStatsRow, zoneKey } from '@millrace/wire/zones.ts';
import { openLab, until } from '../testing.ts';

const startUs = 1_760_000_040_000_000;

function row(changes: Partial<ZoneStatsRow>): ZoneStatsRow {
  return {
    startUs,
    sensors: 11,
    sensorsExpected: 12,
    count: 640,
    expected: 720,
    mean: 20.25,
    meanOfMeans: 20.5,
    min: 17,
    max: 24.125,
    p50: 20,
    p95: 23,
    p99: null,
    revision: 0,
    final: false,
    ...changes,
  };
}

function batch(rows: readonly ZoneStatsRow[], of: Partial<ZoneStatsBatch> = {}): ZoneStatsBatch {
  return { site: '', zone: 'north, quay', metric: 'temperature', unit: 'Cel', window: '1m', rows, ...of };
}

test('the newest revision of a window stands, also after a replay and without a site; units are apart', async () => {
  await using lab = await openLab({ partitions: 1 });
  const batches = [
    batch([row({}), row({ startUs: startUs + 60_000_000, expected: 0 })]),
    batch([row({ sensors: 0, count: 0, mean: Number.NaN, meanOfMeans: 0, p50: null, p95: null })], { unit: '[degF]' }),
    batch(Array.from({ length: 20 }, (_, i) => row({ revision: i + 1, count: 641 + i, final: i === 19 }))),
  ];
  for (let replay = 1; replay <= 2; replay++) {
    for (const one of batches)
      await lab.producer.send({ topic: lab.topics.zones, key: zoneKey(one), value: encodeZoneStats(one) });
    await using sinks = await lab.start(['zones'], { batchRows: 7 });
    await until('the offsets', async () => (await lab.committed('zones', lab.topics.zones)) === 3 * replay);
    const table = `${lab.tablePrefix}zones`;
    await until('the last revision', async () => {
      const { rows } = await lab.http.query(`SELECT count() FROM ${table} WHERE revision = 20 AND final`);
      return rows[0]![0] === 1 && (await lab.count('zones')) === 3;
    });
    const { rows } = await lab.http.query(`SELECT * FROM ${table} ORDER BY ts, unit`);
    const [first, second] = ['2025-10-09T08:54:00.000000Z', '2025-10-09T08:55:00.000000Z'];
    const zone = ['1m', null, 'north, quay', 'temperature'];
    const computed = [20.25, 20.5, 17, 24.125, 20, 23, null];
    const nothing = computed.map(() => null);
    assert.deepEqual(rows, [
      [first, ...zone, 'Cel', 11, 12, 660, 720, 660 / 720, ...computed, 20, true],
      [first, ...zone, '[degF]', 0, 12, 0, 720, 0, ...nothing, 0, false],
      [second, ...zone, 'Cel', 11, 12, 640, 0, null, ...computed, 0, false],
    ]);
    assert.equal(sinks.ready, true);
  }
});

test('what is no batch of zones, or holds a mean that is no number, is rejected whole; its neighbours are stored', async () => {
  await using lab = await openLab({ partitions: 1 });
  const bad = encodeZoneStats(batch([row({}), row({ startUs: startUs + 60_000_000, mean: Number.NaN })]));
  const values = [bad, Buffer.from([7, 7, 7]), encodeZoneStats(batch([row({})], { window: '' }))];
  for (const value of [...values, encodeZoneStats(batch([row({})]))])
    await lab.producer.send({ topic: lab.topics.zones, key: 'k', value });
  await using _sinks = await lab.start(['zones']);
  await until('the offsets', async () => (await lab.committed('zones', lab.topics.zones)) === 4);
  await until('the good row', async () => (await lab.count('zones')) === 1);
  const records = await lab.rejected(3);
  assert.deepEqual(
    records.map(({ headers }) => headers.field),
    ['mean[1]', 'payload', 'window'],
  );
  assert.deepEqual(Buffer.from(records[0]!.value!), Buffer.from(bad));
});
