import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '@millrace/runtime/errors.ts';
import fc from 'fast-check';
import { Sketch } from './sketch.ts';

const quantiles = [0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1];

function sketchOf(values: readonly number[]): Sketch {
  const sketch = new Sketch();
  for (const value of values) sketch.add(value);
  return sketch;
}

/** The numbers of a city, of machines, and of nobody. */
const value = fc
  .oneof(
    fc.double({ min: -40, max: 60, noNaN: true }),
    fc.integer({ min: -1000, max: 1000 }),
    fc.double({ min: 1e-12, max: 1e12, noNaN: true }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  )
  .filter(v => v === 0 || Math.abs(v) >= 2 ** -1022);
const values = fc.array(value, { minLength: 1, maxLength: 200 });

test('property: every quantile is within 1 % of the exact one, whatever the numbers are', () => {
  fc.assert(
    fc.property(values, values => {
      const sketch = sketchOf(values);
      const sorted = values.toSorted((a, b) => a - b);
      for (const q of quantiles) {
        const exact = sorted[Math.floor(q * (sorted.length - 1))]!;
        const error = Math.abs(sketch.quantile(q) - exact);
        assert.ok(error <= 0.01 * Math.abs(exact) * (1 + 1e-9), `p${q}: ${sketch.quantile(q)} for ${exact}`);
      }
    }),
    { numRuns: 1000 },
  );
});

test('property: merged, restored or added one by one in any order, it is the same sketch', () => {
  fc.assert(
    fc.property(fc.array(values, { maxLength: 5 }), fc.integer(), (parts, seed) => {
      const whole = sketchOf(parts.flat());
      const shuffled = sketchOf(parts.flat().toSorted((a, b) => Math.sin(a * seed) - Math.sin(b * seed)));
      const merged = new Sketch();
      for (const part of parts) merged.merge(Sketch.decode(sketchOf(part).encode()));
      assert.deepEqual(merged.encode(), whole.encode());
      assert.deepEqual(shuffled.encode(), whole.encode());
      assert.equal(merged.count, parts.flat().length);
    }),
    { numRuns: 300 },
  );
});

test('neighbours of a bin’s bound get the same bin whether it was hit before or not', () => {
  const gamma = 1.01 / 0.99;
  for (let i = -2000; i <= 2000; i += 13) {
    for (const near of [-3e-16, 0, 3e-16, 1e-12, -1e-12]) {
      const edge = gamma ** i * (1 + near);
      for (const before of [edge * 1.005, edge / 1.005]) {
        for (const sign of [1, -1]) {
          const warm = sketchOf([sign * before, sign * edge]);
          const cold = Sketch.decode(sketchOf([sign * before]).encode());
          cold.add(sign * edge);
          assert.deepEqual(warm.encode(), cold.encode());
        }
      }
    }
  }
});

test('values over more than 17 orders of magnitude keep the memory bounded and the far quantiles exact', () => {
  const sketch = new Sketch();
  for (let i = -60_000; i < 60_000; i++) {
    sketch.add(10 ** (i / 200));
    sketch.add(-(10 ** (i / 200)));
  }
  assert.ok(sketch.encode().length < 10_000);
  assert.equal(sketch.count, 240_000);
  assert.ok(Math.abs(sketch.quantile(0.999) / 10 ** 298.8 - 1) < 0.03);
  assert.ok(Math.abs(sketch.quantile(0.001) / -(10 ** 298.8) - 1) < 0.03);
});

test('an empty sketch has no quantile, and bytes that are no sketch are refused', () => {
  assert.ok(Number.isNaN(new Sketch().quantile(0.5)));
  const bytes = sketchOf([1, 2, 3]).encode();
  assert.throws(() => Sketch.decode(bytes.subarray(0, -1)), InvariantError);
  assert.throws(() => Sketch.decode(Uint8Array.of(...bytes, 0)), InvariantError);
  assert.throws(() => Sketch.decode(Uint8Array.of(0xff, 0xff, 0xff, 1, 1)), InvariantError);
});
