import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deviationOf, emptyPane, mergePane, type Pane, rateOf } from './pane.ts';

/** A pane of one reading. */
const paneOf = (timeUs: number, value: number, counter = true): Pane => ({
  ...emptyPane(0),
  count: 1,
  mean: value,
  min: value,
  max: value,
  firstUs: timeUs,
  first: value,
  lastUs: timeUs,
  last: value,
  increase: counter ? 0 : Number.NaN,
});

function merged(panes: readonly Pane[]): Pane {
  const into = emptyPane(0);
  for (const pane of panes) mergePane(into, pane);
  return into;
}

test('property: merging panes is associative, up to rounding', () => {
  const readings = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(readings, fc.nat(), (values, cut) => {
      const panes = values.map((value, i) => paneOf(i, value));
      const at = cut % values.length;
      const one = merged(panes);
      const other = merged([merged(panes.slice(0, at)), merged(panes.slice(at))]);
      for (const name of ['count', 'min', 'max', 'firstUs', 'first', 'lastUs', 'last'] as const)
        assert.equal(one[name], other[name], name);
      for (const name of ['mean', 'increase'] as const)
        assert.ok(Math.abs(one[name] - other[name]) <= 1e-9 * (1 + Math.abs(one[name])), name);
      assert.ok(Math.abs(deviationOf(one)! - deviationOf(other)!) <= 1e-6 * (1 + deviationOf(one)!));
    }),
  );
});

test('the deviation is exact where a sum of squares would lose every digit', () => {
  const pane = merged([4, 7, 13, 16].map((value, i) => paneOf(i, 1e9 + value)));
  assert.ok(Math.abs(deviationOf(pane)! - Math.sqrt(30)) < 1e-9);
});

test('a counter that falls was reset to zero: its rate counts what it shows since', () => {
  const pane = merged([100, 130, 20, 50].map((value, i) => paneOf(i * 10_000_000, value)));
  assert.equal(pane.increase, 30 + 20 + 30);
  assert.equal(rateOf(pane), 80 / 30);
  assert.equal(rateOf(paneOf(0, 5)), null, 'an instant has no rate');
  assert.equal(rateOf(merged([paneOf(0, 5), paneOf(10, 9, false)])), null, 'no counter');
});
