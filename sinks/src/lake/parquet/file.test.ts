import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { duckdb } from '../testing.ts';
import { Bytes } from './bytes.ts';
import { type Column, encodeParquet, type Values } from './file.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-parquet-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file.parquet');

const columns: readonly Column[] = [
  { name: 'n', type: 'int64', nullable: false },
  { name: 'd', type: 'double', nullable: false },
  { name: 't', type: 'text', nullable: true },
  { name: 'i', type: 'int32', nullable: false },
  { name: 'at', type: 'timestamp', nullable: false },
  { name: 'x', type: 'double', nullable: true },
];

/** Runs of one value, steps, and jumps: what the encodings tell apart. */
const wholes = (most: number): fc.Arbitrary<number[]> =>
  fc
    .array(
      fc.record({
        from: fc.oneof(fc.nat(300), fc.integer({ min: 0, max: most })),
        step: fc.constantFrom(0, 0, 1, 3),
        times: fc.integer({ min: 1, max: 70 }),
      }),
      { minLength: 1, maxLength: 12 },
    )
    .map(parts =>
      parts.flatMap(({ from, step, times }) =>
        Array.from({ length: times }, (_, i) => Math.min(most, from + i * step)),
      ),
    );

interface File {
  readonly numbers: readonly number[];
  readonly texts: readonly (string | null)[];
  readonly doubles: readonly number[];
  readonly places: readonly number[];
}

const file: fc.Arbitrary<File> = fc.record({
  numbers: wholes(Number.MAX_SAFE_INTEGER),
  texts: fc.array(fc.option(fc.string({ unit: 'grapheme', maxLength: 12 })), { minLength: 1, maxLength: 30 }),
  doubles: fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 30 }),
  places: wholes(29),
});

test('DuckDB reads what was written, whatever it is, and finds it by least and greatest values', async () => {
  await fc.assert(
    fc.asyncProperty(file, async ({ numbers, texts, doubles, places }) => {
      const rows = numbers.length;
      const place = (row: number, length: number): number => places[row % places.length]! % length;
      const textPlaces = Uint32Array.from({ length: rows }, (_, row) => place(row, texts.length));
      const doublePlaces = Uint32Array.from({ length: rows }, (_, row) => place(row, doubles.length));
      const small = Uint8Array.from({ length: rows }, (_, row) => place(row, 4));
      const values: Values[] = [
        { numbers: Float64Array.from(numbers) },
        { numbers: Float64Array.from({ length: rows }, (_, row) => doubles[doublePlaces[row]!]!) },
        { table: texts, places: textPlaces },
        { table: [0, 1, 2, 3], places: small },
        {
          table: numbers.slice(0, 30),
          places: Uint32Array.from({ length: rows }, (_, row) => place(row, Math.min(30, rows))),
        },
        { table: doubles.map((one, i) => (i % 3 === 0 ? null : one)), places: doublePlaces },
      ];
      writeFileSync(path, await encodeParquet(columns, rows, values));
      const read = await duckdb(`SELECT n, d, t, i, epoch_us("at"), x FROM '${path}'`);
      const expected = numbers.map((n, row) => [
        String(n),
        doubles[doublePlaces[row]!]!,
        texts[textPlaces[row]!]!,
        small[row]!,
        String(numbers[place(row, Math.min(30, rows))]!),
        doublePlaces[row]! % 3 === 0 ? null : doubles[doublePlaces[row]!]!,
      ]);
      const plain = (row: readonly unknown[]): unknown[] =>
        row.map(one =>
          typeof one === 'number' && one === 0
            ? 0
            : one === Number.POSITIVE_INFINITY
              ? 'Infinity'
              : one === Number.NEGATIVE_INFINITY
                ? '-Infinity'
                : one,
        );
      assert.deepEqual(read.map(plain), expected.map(plain));
      const [first] = numbers;
      const [found] = await duckdb(`SELECT count(*)::INT FROM '${path}' WHERE n = ${first}`);
      assert.deepEqual(found, [numbers.filter(n => n === first).length]);
      const [text] = texts.filter(one => one !== null);
      if (text === undefined || text.includes('\0')) return;
      const [named] = await duckdb(`SELECT count(*)::INT FROM '${path}' WHERE t = '${text.replaceAll("'", "''")}'`);
      assert.deepEqual(named, [Array.from(textPlaces).filter(at => texts[at] === text).length]);
    }),
    { numRuns: 150 },
  );
});

test('a file of several row groups; the same rows give the same bytes', async () => {
  const rows = 300_000;
  const values: Values[] = [
    { numbers: Float64Array.from({ length: rows }, (_, row) => row) },
    { table: ['a', null, 'b'], places: Uint32Array.from({ length: rows }, (_, row) => Math.floor(row / 1000) % 3) },
  ];
  const [n, , t] = columns;
  const bytes = await encodeParquet([n!, t!], rows, values);
  assert.ok(bytes.equals(await encodeParquet([n!, t!], rows, values)));
  writeFileSync(path, bytes);
  assert.deepEqual(await duckdb(`SELECT sum(n)::BIGINT, count(t)::INT FROM '${path}'`), [
    [String((rows * (rows - 1)) / 2), 200_000],
  ]);
  const groups = await duckdb(
    `SELECT DISTINCT row_group_id::INT, row_group_num_rows::INT FROM parquet_metadata('${path}') ORDER BY 1`,
  );
  assert.deepEqual(groups, [
    [0, 122_880],
    [1, 122_880],
    [2, 54_240],
  ]);
});

test('numbers are packed by their bits, up to 53 of them', () => {
  for (const width of [1, 7, 8, 24, 25, 31, 32, 33, 48, 53]) {
    const values = Float64Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 2 ** width - 1 : i) % 2 ** width);
    const bytes = new Bytes(1);
    bytes.packed(values, 0, 16, width);
    const whole = bytes.view().reduceRight((all, byte) => (all << 8n) | BigInt(byte), 0n);
    for (const [i, value] of values.entries())
      assert.equal((whole >> BigInt(i * width)) & ((1n << BigInt(width)) - 1n), BigInt(value), `${width} bits`);
    assert.equal(bytes.length, width * 2);
  }
});
