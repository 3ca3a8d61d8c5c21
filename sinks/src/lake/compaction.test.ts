import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InvariantError } from '@millrace/runtime/errors.ts';
import { testBatch } from '../testing.ts';
import { carryOut, groupsOf, nextCompaction } from './compaction.ts';
import { FolderStore } from './folder.ts';
import { mergeReadings } from './merge.ts';
import { type FileName, fileName, parseFileName } from './names.ts';
import type { ObjectStore } from './objects.ts';
import { type Column, encodeParquet, type Values } from './parquet/file.ts';
import { columns, readingsEncoder } from './parquet/readings.ts';
import { type FolderRows, Rows } from './rows.ts';
import { duckdb, glob, Killed, MortalStore } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
after(() => rmSync(folder, { recursive: true }));
let lakes = 0;
const source = 'readings.v1-0';

/** A file for each plan: fifty readings of one zone; a third of them is in the file before, too, as is told of a reset. */
async function newLake(plans: readonly number[]): Promise<{ root: string; store: FolderStore; dir: string }> {
  const root = join(folder, `lake-${lakes++}`);
  const store = new FolderStore(root);
  let dir = '';
  for (const plan of plans) {
    const rows = new Rows(400);
    const base = testBatch({ firstSeq: plan * 40 });
    rows.add({ ...base, seriesIndex: base.seriesIndex.map(() => 0) }, 1_760_000_001_000_000, [
      [plan * 40, plan * 40 + 49],
    ]);
    const [[first, own]] = [...rows.folders] as [[string, FolderRows]];
    dir = first;
    const name = fileName({
      folder: first,
      source,
      offsets: [BigInt(plan), BigInt(plan)],
      plans: [plan, plan],
      rows: own.count,
    });
    await store.create(name, await readingsEncoder(rows)(own));
  }
  return { root, store, dir };
}

/** As a partition does it that is compacted until there is nothing left. */
async function compact(store: ObjectStore, dir: string): Promise<void> {
  for (let found = await nextCompaction(store, dir, source); found; found = await nextCompaction(store, dir, source))
    await carryOut(store, found.work, found.bytes);
}

const count = async (root: string): Promise<unknown> =>
  (await duckdb(`SELECT count(*)::INT, count(DISTINCT seq)::INT, sum(seq)::INT FROM ${glob(root)}`))[0];

/** What live-files.sql leaves of the lake. */
const exactly = async (root: string): Promise<unknown> => {
  const sql = readFileSync(join(import.meta.dirname, 'live-files.sql'), 'utf8');
  const rows = await duckdb(
    `SET VARIABLE lake = '${root}'`,
    sql,
    `SELECT count(*)::INT, count(DISTINCT seq)::INT, sum(seq)::INT FROM read_parquet(getvariable('files'), hive_partitioning = true, union_by_name = true)`,
  );
  return rows[0];
};

test('files become one, each reading once, though it was in two of them', async () => {
  const { root, store, dir } = await newLake([3, 4, 5, 9]);
  assert.deepEqual(await count(root), [200, 180, 46_900]);
  await compact(store, dir);
  const names = await store.list('readings');
  assert.deepEqual(
    names.map(name => parseFileName(name)?.plans),
    [[3, 9]],
  );
  assert.deepEqual(await count(root), [180, 180, 43_210]);
});

test('killed at any change: the exact list counts each row once all the time, a plain glob once it has started again', async () => {
  // No readings twice here: what one counts is what compaction does.
  const plans = [0, 2, 4, 6];
  const whole = [200, 200, 50 * (0 + 80 + 160 + 240) + 4 * 1225];
  for (let changes = 0, died = true; died; changes++) {
    const { root, store, dir } = await newLake(plans);
    const work = (await nextCompaction(store, dir, source))!;
    const mortal = new MortalStore(store, changes, changes % 2 === 0);
    await carryOut(mortal, work.work, work.bytes).catch(error => assert.ok(error instanceof Killed));
    died = mortal.isDead;
    assert.deepEqual(await exactly(root), whole, `after ${changes} changes`);
    await carryOut(store, work.work);
    assert.deepEqual(await count(root), whole);
    assert.equal((await store.list('readings')).length, 1);
  }
});

test('a file that a sleeper brings back after a compaction is taken for what it is', async () => {
  const { root, store, dir } = await newLake([0, 2, 4]);
  const [name] = (await store.list(dir)).toSorted();
  const bytes = (await store.read(name!))!;
  await compact(store, dir);
  await store.create(name!, bytes);
  assert.equal(((await count(root)) as number[])[0], 200);
  assert.equal(((await exactly(root)) as number[])[0], 150);
  await compact(store, dir);
  assert.equal(((await count(root)) as number[])[0], 150);
});

test('groups are of neighbours, up to a size; what is large already stays and parts them', () => {
  const file = (plan: number, rows: number): FileName => ({
    folder: 'f',
    source,
    offsets: [0n, 0n],
    plans: [plan, plan],
    rows,
  });
  const groups = (...rows: number[]) =>
    groupsOf(
      rows.map((count, plan) => file(plan, count)),
      100,
    ).map(group => group.map(({ plans }) => plans[0]));
  assert.deepEqual(groups(10, 10, 10), [[0, 1, 2]]);
  assert.deepEqual(groups(10, 10, 50, 10, 10), [
    [0, 1],
    [3, 4],
  ]);
  assert.deepEqual(groups(10, 50, 10), []);
  assert.deepEqual(groups(40, 40, 40, 40), [
    [0, 1],
    [2, 3],
  ]);
  assert.deepEqual(groups(10), []);
});

test('sources that are gone without what was to be made of them: it stops and says so', async () => {
  const { store, dir } = await newLake([0, 2]);
  const work = (await nextCompaction(store, dir, source))!;
  await store.remove(work.work.sources.slice(1));
  await assert.rejects(carryOut(store, work.work), InvariantError);
});

/** Two rows in the columns of another release. */
async function fileOf(others: readonly Column[], seq: number): Promise<Buffer> {
  const values = others.map((column): Values => {
    const numbers: Readonly<Record<string, number>> = { ts: 1_760_000_000_000_001, value: 21.5, seq };
    const number = numbers[column.name];
    if (number !== undefined) return { numbers: Float64Array.of(number, number + 1) };
    const one = { text: column.name, double: 48.2, timestamp: 1_760_000_000_000_000, int32: 1, int64: 7 }[column.type];
    return { table: [one], places: Uint32Array.of(0, 0) };
  });
  return encodeParquet(others, 2, values);
}

test('files of several releases are read together; older ones are merged, of newer ones nothing is lost', async () => {
  const older = await fileOf(
    columns.filter(({ name }) => name !== 'lat' && name !== 'lon'),
    0,
  );
  const ours = await fileOf(columns, 2);
  const newer = await fileOf([...columns, { name: 'note', type: 'text', nullable: true }], 4);
  const root = join(folder, `lake-${lakes++}`);
  const store = new FolderStore(root);
  for (const [name, bytes] of Object.entries({ older, ours, newer }))
    await store.create(`readings/date=2025-10-09/zone=n/${name}.parquet`, bytes);
  const found = await duckdb(`SELECT seq::INT, lat, note FROM ${glob(root)} ORDER BY seq`);
  assert.deepEqual(found, [
    [0, null, null],
    [1, null, null],
    [2, 48.2, null],
    [3, 48.2, null],
    [4, 48.2, 'note'],
    [5, 48.2, 'note'],
  ]);
  const merged = (await mergeReadings([older, ours]))!;
  await store.create('merged/a.parquet', merged.bytes);
  assert.deepEqual(
    await duckdb(
      `SELECT seq::INT, lat, epoch_us(ts), gateway, clock, boot::INT FROM '${root}/merged/a.parquet' ORDER BY seq LIMIT 3`,
    ),
    [
      [0, null, '1760000000000001', 'gateway', 'clock', 7],
      [1, null, '1760000000000002', 'gateway', 'clock', 7],
      [2, 48.2, '1760000000000001', 'gateway', 'clock', 7],
    ],
  );
  assert.equal(await mergeReadings([ours, newer]), undefined);
});
