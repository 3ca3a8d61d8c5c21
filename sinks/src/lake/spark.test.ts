/** The lake as Apache Spark, DuckDB and QuestDB have it: the same rows. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openLab, readingsRecord, testBatch, until } from '../testing.ts';
import { lakeSchema } from './config.ts';
import { FolderStore } from './folder.ts';
import { type Column, encodeParquet, type Values } from './parquet/file.ts';
import { columns } from './parquet/readings.ts';
import { lakeSink } from './sink.ts';
import { bothHave, closeTo, duckdb, glob, sameAsQuestdb } from './testing.ts';
import { noSpark, readBySpark } from './testing-tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
after(() => rmSync(folder, { recursive: true }));

test('Spark reads what DuckDB and QuestDB read: a lake with resends, late readings, odd zones', {
  skip: noSpark,
}, async () => {
  await using lab = await openLab();
  const root = join(folder, 'whole');
  const sink = lakeSink(lakeSchema.parse({ folder: root, flushMs: 100, flushRows: 2000, compactAfterMs: 60_000 }));
  const batches = Array.from({ length: 60 }, (_, i) =>
    testBatch({ gateway: `lamp-${i % 5}`, boot: 2 ** 40 + (i % 5), firstSeq: Math.floor(i / 5) * 50 }),
  );
  batches.push(...batches.slice(10, 20), testBatch({ gateway: 'lost', startUs: 0 }));
  batches.push(testBatch({ gateway: 'late', startUs: 1_759_000_000_000_001 }));
  for (const batch of batches) await lab.producer.send(readingsRecord(lab.topics.readings, batch));
  await using _ = await lab.start(['readings', sink]);
  await bothHave(lab, batches.length);
  await until('all rows', async () => (await lab.count('readings')) === 62 * 50);
  await sameAsQuestdb(lab, root);
  const [found] = await readBySpark(root);
  const { rows } = await lab.http.query(
    `SELECT sum(quality), count(), sum(seq), sum(boot), min(ts), max(received), sum(value) FROM ${lab.tablePrefix}readings`,
  );
  const [quality, count, seq, boot, earliest, received, value] = rows[0]!;
  const [sparkCount, sparkValue, sparkSeq, sparkBoot, sparkQuality, distinct, first, last] = found!.total;
  closeTo(
    [sparkCount, sparkSeq, sparkBoot, sparkQuality, distinct, sparkValue].map(Number),
    [count, seq, boot, quality, count, value].map(Number),
  );
  const plain = (text: unknown): string => String(text).replace('T', ' ').replace('Z', '');
  assert.deepEqual([first, last], [plain(earliest), plain(received)]);
  const inDuckdb = await duckdb(
    `SELECT date::VARCHAR, zone, count(*)::INT FROM ${glob(root)} GROUP BY date, zone ORDER BY date NULLS FIRST, zone NULLS FIRST`,
  );
  assert.deepEqual(found!.folders, inDuckdb);
  assert.equal(inDuckdb.length, 9);
});

/** The columns of another release, and a row of them. */
async function fileOf(root: string, name: string, others: readonly Column[]): Promise<void> {
  const values = others.map((column): Values => {
    if (column.name === 'ts') return { numbers: Float64Array.of(1_760_000_000_000_000) };
    if (column.name === 'value') return { numbers: Float64Array.of(21.5) };
    if (column.name === 'seq') return { numbers: Float64Array.of(3) };
    const one = { text: column.name, double: 48.2, timestamp: 1_760_000_000_000_000, int32: 1, int64: 7 }[column.type];
    return { table: [one], places: Uint32Array.of(0) };
  });
  const bytes = await encodeParquet(others, 1, values);
  await new FolderStore(root).create(`readings/date=2025-10-09/zone=north/${name}.parquet`, bytes);
}

test('files of older and newer releases are read together', { skip: noSpark, timeout: 600_000 }, async () => {
  const root = join(folder, 'releases');
  await fileOf(
    root,
    'older',
    columns.filter(({ name }) => name !== 'lat' && name !== 'lon'),
  );
  await fileOf(root, 'this', columns);
  await fileOf(root, 'newer', [...columns, { name: 'note', type: 'text', nullable: true }]);
  const [found] = await readBySpark(root);
  assert.deepEqual(found!.nulls, { lat: 1, note: 2 });
  assert.equal(found!.total[0], 3);
  assert.equal(found!.total[1], 64.5);
});
