import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ExactSum } from './exact-sum.ts';
import { ZoneSum } from './sum.ts';
import { paneOf } from './testing.ts';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 960), max: 2 ** 960 });

/** As a whole number of the smallest doubles: exact. */
function wholeOf(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const fraction = word & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return word >> 63n === 1n ? -magnitude : magnitude;
}

test('an exact sum is the double nearest to the sum, in any order and through its state', () => {
  fc.assert(
    fc.property(fc.array(finite, { maxLength: 20 }), fc.nat(20), (values, cut) => {
      const [sum, other] = [new ExactSum(), new ExactSum()];
      for (const value of values.slice(0, cut)) sum.add(value);
      for (const value of values.slice(cut).reverse()) other.add(value);
      const restored = new ExactSum(JSON.parse(JSON.stringify(other.parts)) as number[]);
      restored.merge(sum);
      const exact = values.reduce((total, value) => total + wholeOf(value), 0n);
      const difference = (value: number) => {
        const off = exact - wholeOf(value);
        return off < 0n ? -off : off;
      };
      const { value } = restored;
      const [above, below] = [value + Math.abs(value) * 2 ** -52, value - Math.abs(value) * 2 ** -52];
      assert.ok(difference(value) <= difference(above) && difference(value) <= difference(below));
      const again = new ExactSum();
      for (const one of values.toSorted((a, b) => a - b)) again.add(one);
      assert.equal(again.value + 0, value + 0);
    }),
    { numRuns: 500 },
  );
});

test('halfway between two doubles, what is far below decides', () => {
  const [one, half] = [1, 2 ** -53];
  for (const [values, expected] of [
    [[one, half], 1],
    [[one, half, 2 ** -200], 1 + 2 ** -52],
    [[one, half, -(2 ** -200)], 1],
    [[-one, -half, -(2 ** -200)], -1 - 2 ** -52],
    [[1e16, 1, -1e16], 1],
  ] as const) {
    const sum = new ExactSum();
    for (const value of values) sum.add(value);
    assert.equal(sum.value, expected);
  }
  assert.equal(new ExactSum().value, 0);
});

test('means of a zone lie between its extremes, also near the largest and the smallest doubles', () => {
  for (const values of [
    [Number.MAX_VALUE, Number.MAX_VALUE],
    [-Number.MAX_VALUE, Number.MAX_VALUE],
    [5e-324, 5e-324],
    [0.1, 0.1, 0.1],
  ]) {
    const sum = new ZoneSum();
    for (let i = 0; i < 3; i++)
      sum.addSensor({
        ...paneOf([1]),
        count: values.length,
        mean: values[0]!,
        min: Math.min(...values),
        max: Math.max(...values),
      });
    for (const mean of [sum.mean, sum.meanOfMeans]) assert.ok(mean >= sum.min && mean <= sum.max, String(mean));
  }
});
