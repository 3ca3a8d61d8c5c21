import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRaw, type RegisterType, scaled } from './decode.ts';

const cases: [RegisterType, string, number | RegExp][] = [
  ['uint16', 'ff38', 65_336],
  ['int16', 'ff38', -200],
  ['uint32', '00010002', 65_538],
  ['int32', 'fffffffe', -2],
  ['uint64', '001fffffffffffff', 2 ** 53 - 1],
  ['uint64', '0020000000000000', /9007199254740992 is beyond 2\^53/],
  ['uint64', 'ffffffffffffffff', /18446744073709551615 is beyond/],
  ['int64', 'fffffffffffffc18', -1000],
  ['int64', '8000000000000000', /-9223372036854775808 is beyond/],
  ['float32', '41a40000', 20.5],
  ['float32', '7fc00000', /NaN is no number/],
  ['float32', 'ff800000', /-Infinity is no number/],
  ['float64', '400921fb54442d18', Math.PI],
  ['float64', '7ff8000000000000', /NaN/],
];

/** The same value as a device would send it that has other orders. */
function sent(hex: string, wordOrder: 'big' | 'little', byteOrder: 'big' | 'little'): Buffer {
  const words = hex.match(/..../g)!.map(text => (byteOrder === 'big' ? text : text.slice(2) + text.slice(0, 2)));
  return Buffer.from((wordOrder === 'big' ? words : words.reverse()).join(''), 'hex');
}

for (const wordOrder of ['big', 'little'] as const)
  for (const byteOrder of ['big', 'little'] as const)
    test(`every type, words ${wordOrder} and bytes ${byteOrder} first`, () => {
      for (const [type, hex, expected] of cases) {
        // What follows belongs to the next register.
        const bytes = Buffer.concat([sent(hex, wordOrder, byteOrder), Buffer.from('a5a5', 'hex')]);
        const before = bytes.toString('hex');
        const raw = decodeRaw(bytes, { type, wordOrder, byteOrder });
        if (typeof expected === 'number') assert.equal(raw, expected, `${type} ${hex}`);
        else assert.match(String(raw), expected);
        assert.equal(bytes.toString('hex'), before);
      }
    });

test('the well-known orders by their letters: ABCD, CDAB, BADC, DCBA', () => {
  for (const [wordOrder, byteOrder, hex] of [
    ['big', 'big', '12345678'],
    ['little', 'big', '56781234'],
    ['big', 'little', '34127856'],
    ['little', 'little', '78563412'],
  ] as const)
    assert.equal(decodeRaw(Buffer.from(hex, 'hex'), { type: 'uint32', wordOrder, byteOrder }), 0x12345678);
});

test('bits of a register', () => {
  const of = (hex: string, bit?: number, byteOrder: 'big' | 'little' = 'big') =>
    decodeRaw(Buffer.from(hex, 'hex'), { type: 'bool', wordOrder: 'big', byteOrder, bit });
  assert.deepEqual([of('8001', 0), of('8001', 1), of('8001', 15), of('0180', 15, 'little')], [1, 0, 1, 1]);
});

test('a decimal scale gives the decimal number', () => {
  assert.equal(scaled(3, { scale: 0.1, offset: 0 }), 0.3);
  assert.equal(scaled(-1234, { scale: 0.01, offset: 0 }), -12.34);
  assert.equal(scaled(5, { scale: 2.5, offset: -40 }), -27.5);
  assert.equal(scaled(1, { scale: -1, offset: 1 }), 0);
});
