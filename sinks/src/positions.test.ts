import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Positions } from './positions.ts';

test('whatever the order in which records settle, no position passes one that is not settled', () => {
  const order = fc
    .integer({ min: 1, max: 30 })
    .chain(count =>
      fc.shuffledSubarray([...Array(count).keys()], { minLength: 1 }).map(settled => ({ count, settled })),
    );
  fc.assert(
    fc.property(order, ({ count, settled }) => {
      const positions = new Positions();
      const done = Array.from({ length: count }, (_, i) => positions.take('t', 3, BigInt(i * 2)));
      let committed = -1n;
      for (const [i, at] of settled.entries()) {
        done[at]!();
        for (const { topic, partition, offset } of positions.reached()) {
          assert.deepEqual([topic, partition], ['t', 3]);
          assert.ok(offset > committed);
          committed = offset;
        }
        const known = new Set(settled.slice(0, i + 1));
        let prefix = 0;
        while (known.has(prefix)) prefix++;
        assert.equal(committed, prefix === 0 ? -1n : BigInt((prefix - 1) * 2));
      }
      assert.equal(positions.outstanding, count - settled.length);
    }),
  );
});

test('a position given back after a failed commit is not lost, and does not replace a newer one', () => {
  const positions = new Positions();
  const [first, second] = [positions.take('t', 0, 1n), positions.take('t', 0, 2n)];
  first();
  const failed = positions.reached();
  positions.restore(failed);
  assert.deepEqual(positions.reached(), failed);
  second();
  positions.restore(failed);
  assert.deepEqual(positions.reached(), [{ topic: 't', partition: 0, offset: 2n }]);
});
