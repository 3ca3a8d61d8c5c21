import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testBatch } from '../testing.ts';
import { Rows } from './rows.ts';
import { Seen } from './seen.ts';

const dayUs = 86_400_000_000;
const receivedUs = 1_760_000_000_000_000;

test('a gateway that is out of its mind opens 64 folders a record, and one more', () => {
  const rows = new Rows(400);
  const count = 5000;
  const base = testBatch({ count });
  const mad = {
    ...base,
    series: Array.from({ length: count }, (_, i) => ({ ...base.series[0]!, zone: `zone-${i}` })),
    seriesIndex: base.timeUs.map((_, i) => i),
  };
  rows.add(mad, receivedUs, [[0, count - 1]]);
  assert.equal(rows.folders.size, 65);
  assert.equal(rows.count, count);
  const rest = rows.folders.get('readings/date=__HIVE_DEFAULT_PARTITION__/zone=__HIVE_DEFAULT_PARTITION__');
  assert.equal(rest?.count, count - 64);
  // Their zones are in the file.
  assert.equal(rows.series[rest.series[7]!]!.zone, 'zone-71');
});

test('a time that is too far from when it was received has no date; a day ahead is a fast clock', () => {
  const days = [-400, -399, 0, 1, 2, 60_000].map(days => {
    const rows = new Rows(399);
    rows.add(testBatch({ count: 1, startUs: receivedUs + days * dayUs }), receivedUs, [[0, 0]]);
    return [...rows.folders.keys()][0]!.split('/')[1];
  });
  const none = 'date=__HIVE_DEFAULT_PARTITION__';
  assert.deepEqual(days, [none, 'date=2024-09-05', 'date=2025-10-09', 'date=2025-10-10', none, none]);
});

test('what was seen is forgotten oldest first, and never more than was seen is left out', () => {
  const seen = new Seen([], 2);
  assert.deepEqual(seen.take('a', 1, 0, 10), [[0, 9]]);
  assert.deepEqual(seen.take('b', 1, 0, 10), [[0, 9]]);
  assert.deepEqual(seen.take('a', 1, 5, 10), [[10, 14]]);
  assert.deepEqual(seen.take('c', 1, 0, 1), [[0, 0]]);
  assert.deepEqual(new Seen(seen.stored(), 2).take('a', 1, 0, 16), [[15, 15]]);
  assert.deepEqual(seen.take('b', 1, 0, 10), [[0, 9]], 'b was used longest ago');
  const holes = new Seen();
  for (let seq = 0; seq < 2400; seq += 2) holes.take('a', 1, seq, 1);
  assert.deepEqual(holes.take('a', 1, 2399, 1), [[2399, 2399]]);
  assert.deepEqual(holes.take('a', 1, 2001, 1), [[2001, 2001]], 'a hole is never taken for seen');
});
