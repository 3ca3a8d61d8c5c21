import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IntervalSet } from './intervals.ts';

const range = fc.tuple(fc.nat(60), fc.nat(12)).map(([first, more]) => [first, first + more] as const);

test('a limit joins the oldest intervals', () => {
  const set = new IntervalSet([
    [0, 1],
    [4, 5],
    [8, 9],
    [12, 13],
  ]);
  set.limit(2);
  assert.deepEqual(set.intervals, [
    [0, 9],
    [12, 13],
  ]);
});

test('property: the set holds what was added, answers what was new, and stays sorted, disjoint and joined', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), ranges => {
      const set = new IntervalSet();
      const model = new Set<number>();
      for (const [first, last] of ranges) {
        const expected: number[] = [];
        for (let n = first; n <= last; n++) if (!model.has(n)) expected.push(n);
        const fresh = set.add(first, last).flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
        assert.deepEqual(fresh, expected);
        for (const n of expected) model.add(n);
      }
      assert.equal(set.size, model.size);
      for (let n = 0; n <= 75; n++) assert.equal(set.has(n), model.has(n));
      for (const [i, [first, last]] of set.intervals.entries()) {
        assert.ok(first <= last);
        if (i > 0) assert.ok(first > set.intervals[i - 1]![1] + 1);
      }
      assert.deepEqual(new IntervalSet(set.intervals).intervals, set.intervals);
    }),
    { numRuns: 1000 },
  );
});

test('property: what is removed is gone, and gaps are what a range lacks', () => {
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 20 }),
      fc.array(range, { maxLength: 10 }),
      range,
      (added, removed, asked) => {
        const set = new IntervalSet(added);
        const model = new Set<number>();
        for (const [first, last] of added) for (let n = first; n <= last; n++) model.add(n);
        for (const [first, last] of removed) {
          set.remove(first, last);
          for (let n = first; n <= last; n++) model.delete(n);
        }
        for (let n = 0; n <= 75; n++) assert.equal(set.has(n), model.has(n));
        const gaps = new IntervalSet(set.gaps(...asked));
        for (let n = 0; n <= 75; n++) assert.equal(gaps.has(n), n >= asked[0] && n <= asked[1] && !model.has(n));
      },
    ),
    { numRuns: 1000 },
  );
});
