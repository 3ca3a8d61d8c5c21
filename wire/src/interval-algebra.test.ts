import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { difference, intersection, sizeOf } from './interval-algebra.ts';
import { type Interval, IntervalSet } from './intervals.ts';

const set = fc
  .array(fc.tuple(fc.nat(60), fc.nat(12)), { maxLength: 15 })
  .map(ranges => new IntervalSet(ranges.map(([first, more]) => [first, first + more])));

const numbers = (intervals: readonly Interval[]): number[] =>
  intervals.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

test('property: intersection and difference are those of sets, sorted and disjoint', () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      const inA = numbers(a.intervals);
      assert.deepEqual(
        numbers(intersection(a.intervals, b.intervals)),
        inA.filter(n => b.has(n)),
      );
      assert.deepEqual(
        numbers(difference(a.intervals, b.intervals)),
        inA.filter(n => !b.has(n)),
      );
      assert.equal(sizeOf(a.intervals), inA.length);
    }),
    { numRuns: 2000 },
  );
});

test('both take one pass: a hundred thousand intervals on each side are no matter of seconds', () => {
  const even = Array.from({ length: 100_000 }, (_, i): Interval => [4 * i, 4 * i + 1]);
  const odd = Array.from({ length: 100_000 }, (_, i): Interval => [4 * i + 1, 4 * i + 2]);
  assert.equal(sizeOf(intersection(even, odd)), 100_000);
  assert.equal(sizeOf(difference(even, odd)), 100_000);
});
