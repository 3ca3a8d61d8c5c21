import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeStats, type StatsBatch, type StatsRow } from '@millrace/wire/stats.ts';
import { migrate, readMigrations } from '../questdb/migrations.ts';
import { openLab, until } from '../testing.ts';

const series = { sensor: 'air 1', metric: 'temperature', unit: 'Cel', intervalMs: 1000, zone: 'north' };

function row(changes: Partial<StatsRow>): StatsRow {
  return {
    series,
    startUs: 1_760_000_040_000_000,
    count: 30,
    expected: 60,
    mean: 20.25,
    min: 19,
    max: 21,
    stddev: 0.5,
    p50: 20,
    p95: 20.9,
    p99: null,
    rate: null,
    first: 19,
    last: 21,
    revision: 0,
    final: false,
    ...changes,
  };
}

function batch(rows: readonly StatsRow[]): StatsBatch {
  return { gateway: 'lamp-1' as StatsBatch['gateway'], site: 'Höfn', window: '5m/1m', rows };
}

test('the newest revision of a window stands, also after a replay', async () => {
  await using lab = await openLab({ partitions: 1 });
  const bytes = [
    batch([row({}), row({ startUs: 1_760_000_100_000_000, expected: 0, count: 1, stddev: null })]),
    batch(Array.from({ length: 40 }, (_, i) => row({ revision: i + 1, count: 31 + (i % 30), final: i === 39 }))),
  ].map(encodeStats);
  for (let replay = 1; replay <= 2; replay++) {
    for (const value of bytes) await lab.producer.send({ topic: lab.topics.stats, key: 'lamp-1', value });
    await using sinks = await lab.start(['stats'], { batchRows: 7 });
    await until('the offsets', async () => (await lab.committed('stats', lab.topics.stats)) === 2 * replay);
    const table = `${lab.tablePrefix}stats`;
    await until('the last revision', async () => {
      const { rows } = await lab.http.query(`SELECT count() FROM ${table} WHERE revision = 40 AND final`);
      return rows[0]![0] === 1 && (await lab.count('stats')) === 2;
    });
    const { rows } = await lab.http.query(`SELECT * FROM ${table} ORDER BY ts`);
    assert.deepEqual(rows[0], [
      '2025-10-09T08:54:00.000000Z',
      '5m/1m',
      'Höfn',
      'north',
      'lamp-1',
      'air 1',
      'temperature',
      'Cel',
      40,
      60,
      40 / 60,
      20.25,
      19,
      21,
      0.5,
      20,
      20.9,
      null,
      19,
      21,
      40,
      true,
      null,
    ]);
    assert.deepEqual(rows[1]!.slice(8, 11), [1, 0, null]);
    assert.equal(rows[1]![14], null);
    assert.equal(sinks.ready, true);
  }
});

test('a batch with a mean that is no number is rejected whole, and nothing is left to wait for at the end', async () => {
  await using lab = await openLab({ partitions: 1 });
  const value = encodeStats(batch([row({}), row({ mean: Number.POSITIVE_INFINITY })]));
  await lab.producer.send({ topic: lab.topics.stats, key: 'lamp-1', value });
  const sinks = await lab.start(['stats']);
  await until('the offset', async () => (await lab.committed('stats', lab.topics.stats)) === 1);
  const [record] = await lab.rejected(1);
  assert.deepEqual(Buffer.from(record!.value!), Buffer.from(value));
  assert.equal(record!.headers.field, 'mean[1]');
  assert.equal(await lab.count('stats'), 0);
  assert.equal(sinks.ready, true);
  const from = performance.now();
  await sinks[Symbol.asyncDispose]();
  assert.ok(performance.now() - from < 8_000, 'waited for rows that are not there');
});

test('a table of an earlier version gets the rate beside what it holds, and rows with one at once', async () => {
  const migrations = readMigrations().filter(({ number }) => number <= 6);
  await using lab = await openLab({ partitions: 1, migrations });
  const send = (one: StatsRow) =>
    lab.producer.send({ topic: lab.topics.stats, key: 'lamp-1', value: encodeStats(batch([one])) });
  const table = `${lab.tablePrefix}stats`;
  await lab.http.write(Buffer.from(`${table},window=5m/1m,gateway=lamp-1 count=1i,mean=20.5 1760000100000000t\n`));
  // Waiting in Kafka, so that it is written right after the column was added.
  await send(row({ rate: 2.5 }));
  assert.equal((await migrate(lab.http, { tablePrefix: lab.tablePrefix }))[0], '0007-stats-rate');
  await using sinks = await lab.start(['stats']);
  await until('the row', async () => (await lab.count('stats')) === 2);
  const { rows } = await lab.http.query(`SELECT count, mean, rate FROM ${table} ORDER BY ts`);
  assert.deepEqual(rows, [
    [30, 20.25, 2.5],
    [1, 20.5, null],
  ]);
  assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="stats"'), 0);
});
