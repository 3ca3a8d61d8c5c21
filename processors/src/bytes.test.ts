import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '@millrace/runtime/errors.ts';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from './bytes.ts';

test('property: what was written is read back, to the last bit', () => {
  const item = fc.oneof(
    fc.record({ kind: fc.constant('whole' as const), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant('signed' as const), value: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }) }),
    fc.record({ kind: fc.constant('double' as const), value: fc.double() }),
    fc.record({ kind: fc.constant('decimal' as const), value: fc.double() }),
    fc.record({ kind: fc.constant('decimal' as const), value: fc.integer().map(n => n / 1000) }),
    fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
  );
  const writer = new ByteWriter();
  fc.assert(
    fc.property(fc.array(item), items => {
      writer.reset();
      for (const { kind, value } of items) {
        if (kind === 'string') writer.string(value);
        else writer[kind](value);
      }
      const reader = new ByteReader(writer.done());
      for (const { kind, value } of items) assert.ok(Object.is(reader[kind](), value), `${kind} ${value}`);
      assert.ok(reader.ended);
    }),
    { numRuns: 1000 },
  );
});

test('short decimals take few bytes', () => {
  const bytes = (value: number): number => {
    const writer = new ByteWriter();
    writer.decimal(value);
    return writer.done().length;
  };
  assert.deepEqual([0, 21.5, -3.125, 101_325, 1 / 3].map(bytes), [1, 3, 2, 4, 9]);
});

test('what ends too early, or is too long, is not read', () => {
  assert.throws(() => new ByteReader(Uint8Array.of(1, 2, 3)).double(), InvariantError);
  assert.throws(() => new ByteReader(Uint8Array.of(0x80)).whole(), InvariantError);
  assert.throws(() => new ByteReader(Uint8Array.of(5, 65)).string(), InvariantError);
  assert.throws(() => new ByteReader(new Uint8Array(20).fill(0xff)).whole(), InvariantError);
});
