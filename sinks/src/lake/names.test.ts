import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FileName, fileName, folderOf, parseFileName, superseded } from './names.ts';

test('folders are named as Hive does it, and stay names whatever a zone is called', () => {
  assert.equal(folderOf('2026-11-28', 'cbd'), 'readings/date=2026-11-28/zone=cbd');
  assert.equal(folderOf('2026-11-28', ''), 'readings/date=2026-11-28/zone=__HIVE_DEFAULT_PARTITION__');
  assert.equal(folderOf(undefined, 'Ōtara 2'), 'readings/date=__HIVE_DEFAULT_PARTITION__/zone=Ōtara 2');
  assert.equal(folderOf('2026-11-28', '../a=b%*?\\'), 'readings/date=2026-11-28/zone=..%2Fa%3Db%25%2A%3F%5C');
  assert.equal(folderOf('2026-11-28', 'Ō'.repeat(101)), 'readings/date=2026-11-28/zone=__HIVE_DEFAULT_PARTITION__');
});

test('a file name says what it is of, and is read back', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      fc.nat(),
      fc.nat(50),
      fc.nat(),
      (first, plan, more, rows) => {
        const file: FileName = {
          folder: folderOf('2026-11-28', 'a-p1-n2.parquet'),
          source: 'millrace.readings.v1-11',
          offsets: [first, first + 3n],
          plans: [plan, plan + more],
          rows,
        };
        assert.deepEqual(parseFileName(fileName(file)), file);
      },
    ),
  );
  assert.equal(parseFileName('readings/date=2026-11-28/zone=cbd/part-0.parquet'), undefined);
});

test('a file is superseded by one whose plans hold its own, and by no other', () => {
  const of = (first: number, last: number): FileName => ({
    folder: 'f',
    source: 's-1',
    offsets: [0n, 1n],
    plans: [first, last],
    rows: 1,
  });
  const [a, b, c, ab, bc] = [of(1, 1), of(4, 4), of(9, 9), of(1, 4), of(4, 9)];
  assert.deepEqual(superseded([a, b, c]), []);
  assert.deepEqual(superseded([a, b, c, ab]), [a, b]);
  assert.deepEqual(superseded([ab, c]), []);
  assert.deepEqual(superseded([ab, c, bc]), [c]);
  assert.deepEqual(superseded([ab, of(1, 9), c]), [ab, c]);
});
