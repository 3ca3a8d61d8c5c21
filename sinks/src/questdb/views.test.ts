import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Batch, Clock, encodeBatch, Quality } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import { type Lab, openLab, testBatch, until } from '../testing.ts';
import { readMigrations } from './migrations.ts';
import { mendViews } from './views.ts';

const steps = { '1m': 60, '15m': 900, '1h': 3600, '1d': 86_400 };
const startUs = Date.parse('2026-03-14T22:40:00Z') * 1000;

type RawRow = [
  ts: number,
  gateway: string,
  sensor: string,
  metric: string,
  value: number,
  quality: number,
  clock: string,
  received: number,
];

/** What a view must hold, worked out from the raw rows without any of its SQL. */
async function expected(lab: Lab, stepSeconds: number): Promise<unknown[][]> {
  const { rows } = await lab.http.query(
    `SELECT cast(ts AS LONG), gateway, sensor, metric, value, quality, clock, cast(received AS LONG) FROM ${lab.tablePrefix}readings ORDER BY ts`,
  );
  const buckets = new Map<string, { good: number[]; all: number; newest: unknown[]; oldest: number }>();
  for (const [ts, gateway, sensor, metric, value, quality, clock, received] of rows as RawRow[]) {
    const at = Math.floor(ts / 1e6 / stepSeconds) * stepSeconds;
    const key = JSON.stringify([at, gateway, sensor, metric]);
    const bucket = buckets.get(key) ?? { good: [], all: 0, newest: [], oldest: ts };
    buckets.set(key, bucket);
    bucket.all++;
    bucket.newest = [value, quality, ts];
    if (quality !== Quality.BAD && clock !== 'UNSYNCED' && ts - received <= 600e6) bucket.good.push(value);
  }
  return [...buckets]
    .map(([key, { good, all, newest, oldest }]) => [
      ...(JSON.parse(key) as unknown[]),
      good.length,
      all - good.length,
      good.length === 0 ? null : Math.min(...good),
      good.length === 0 ? null : Math.max(...good),
      good.length === 0 ? null : rounded(good.reduce((sum, value) => sum + value, 0)),
      good.at(-1) ?? null,
      ...newest,
      oldest,
    ])
    .sort(byText);
}

async function found(lab: Lab, name: string): Promise<unknown[][]> {
  const { rows } = await lab.http.query(
    `SELECT cast(ts AS LONG) / 1000000, gateway, sensor, metric, count, excluded, min, max, sum, last, newest, newest_quality, cast(newest_ts AS LONG), cast(oldest_ts AS LONG) FROM ${lab.tablePrefix}readings_${name}`,
  );
  return rows
    .map(row => row.map((cell, i) => (i === 8 && cell !== null ? rounded(cell as number) : cell)))
    .sort(byText);
}

/** Sums differ in their last digits by the order in which they are made. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6 + 0;

const byText = (a: unknown[], b: unknown[]): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

async function agree(lab: Lab, when: string): Promise<void> {
  for (const [name, seconds] of Object.entries(steps)) {
    const want = JSON.stringify(await expected(lab, seconds));
    let seen = '';
    const look = async () => (seen = JSON.stringify(await found(lab, name))) === want;
    await until(`readings_${name} is as the raw table, ${when}`, look).catch(() => {
      assert.deepEqual(JSON.parse(seen), JSON.parse(want), `readings_${name}, ${when}`);
    });
  }
}

async function send(lab: Lab, batches: readonly Batch[]): Promise<void> {
  for (const one of batches)
    await lab.producer.send({
      topic: lab.topics.readings,
      key: one.gateway,
      value: encodeBatch(one),
      headers: { [readingHeaders.receivedAt]: String(startUs + 3 * 3_600_000_000) },
    });
}

test('each view is as the raw table: after live, late, repeated, bad, undated and far-future readings', async () => {
  await using lab = await openLab({ partitions: 1, migrations: readMigrations() });
  await using sinks = await lab.start(['readings'], { batchRows: 500 });
  // testBatch has a reading a millisecond: 3,000 are three seconds, so minutes are made by several batches.
  const live = Array.from({ length: 12 }, (_, i) =>
    testBatch({ count: 300, firstSeq: i * 300, startUs: startUs + i * 600_000_000 }),
  );
  await send(lab, live);
  await until('all rows', async () => (await lab.count('readings')) === 3600);
  await agree(lab, 'live');

  const late = testBatch({ count: 50, firstSeq: 3600, startUs: startUs + 5_000_000 });
  const undated = testBatch(
    { count: 20, firstSeq: 3650, startUs: startUs - 86_400_000_000 },
    { clock: Clock.UNSYNCED },
  );
  const future = testBatch({ count: 10, firstSeq: 3670, startUs: startUs + 40 * 86_400_000_000 });
  const bad = testBatch(
    { count: 9, firstSeq: 3680, startUs: startUs + 1_000_000 },
    { quality: Array.from({ length: 9 }, () => Quality.BAD) },
  );
  await send(lab, [late, undated, future, bad, ...live, late]);
  await until('the offsets', async () => (await lab.committed('readings', lab.topics.readings)) === 12 + 4 + 13);
  await until('all rows', async () => (await lab.count('readings')) === 3689);
  await agree(lab, 'after late and repeated ones');
  assert.equal(sinks.ready, true);
});

test('a view that QuestDB has given up is made anew', async () => {
  await using lab = await openLab({ partitions: 1, migrations: readMigrations() });
  await using _sinks = await lab.start(['readings']);
  await send(lab, [testBatch({ count: 100, startUs })]);
  await until('all rows', async () => (await lab.count('readings')) === 100);
  const states = async (): Promise<string[]> => {
    const { rows } = await lab.http.query(
      `SELECT view_status FROM materialized_views() WHERE view_name LIKE '${lab.tablePrefix}%'`,
    );
    return rows.map(([state]) => state as string);
  };
  await lab.http.query(`UPDATE ${lab.tablePrefix}readings SET value = 4`);
  await until('QuestDB gives the view up', async () => (await states()).includes('invalid'));
  await until('all are valid', async () => {
    await mendViews(lab.http, lab.log, lab.tablePrefix);
    await wait(200);
    return (await states()).every(state => state === 'valid');
  });
  await agree(lab, 'after the repair');
});

test('retention goes by the clock: a reading dated far ahead deletes nothing', async () => {
  await using lab = await openLab({ partitions: 1, migrations: readMigrations() });
  await using _sinks = await lab.start(['readings']);
  const { rows } = await lab.http.query(
    `SELECT table_name, ttlValue, ttlUnit FROM tables() WHERE table_name IN ('${lab.tablePrefix}readings', '${lab.tablePrefix}readings_1m') ORDER BY table_name`,
  );
  assert.deepEqual(
    rows.map(([, ...ttl]) => ttl),
    [
      [5, 'YEAR'],
      [5, 'YEAR'],
    ],
  );
  const aheadUs = Date.parse('2150-01-01T00:00:00Z') * 1000;
  await send(lab, [
    testBatch({ count: 3, startUs }),
    testBatch({ count: 3, firstSeq: 3, startUs: aheadUs }),
    testBatch({ count: 3, firstSeq: 6, startUs }),
  ]);
  await until('the offsets', async () => (await lab.committed('readings', lab.topics.readings)) === 3);
  await until('all nine', async () => (await lab.count('readings')) === 9);
});
