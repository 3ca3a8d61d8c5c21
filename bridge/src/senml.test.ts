import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { senmlToBatch } from './senml.ts';

const gateway = 'lamp-7' as GatewayId;
const convert = (pack: unknown) => senmlToBatch(Buffer.from(JSON.stringify(pack)), gateway);

test('base fields, units, booleans and times become a batch (RFC 8428 § 5.1.3)', () => {
  const batch = convert([
    { bn: 'urn:dev:ow:10e2073a01080063:', bt: 1.790000000001e9, bu: 'A', bver: 5, n: 'voltage', u: 'V', v: 120.1 },
    { n: 'current', t: -5, v: 1.2 },
    { n: 'current', t: -4, v: 1.3 },
    { n: 'open', u: '/', vb: true },
  ]);
  assert.deepEqual(
    batch.series.map(({ sensor, metric, unit }) => [sensor, metric, unit]),
    [
      ['urn:dev:ow:10e2073a01080063', 'voltage', 'V'],
      ['urn:dev:ow:10e2073a01080063', 'current', 'A'],
      ['urn:dev:ow:10e2073a01080063', 'open', '1'],
    ],
  );
  assert.deepEqual(batch.value, [120.1, 1.2, 1.3, 1]);
  assert.deepEqual(batch.seriesIndex, [0, 1, 1, 2]);
  assert.equal(batch.timeUs[1]! - batch.timeUs[0]!, -5_000_000);
  assert.deepEqual(decodeBatch(encodeBatch(batch)), batch);
});

test('the same bytes have the same identity, other bytes another', () => {
  const pack = [{ n: 'temp', u: 'Cel', t: 1.79e9, v: 21 }];
  assert.equal(convert(pack).boot, convert(pack).boot);
  assert.notEqual(convert(pack).boot, convert([{ ...pack[0], v: 22 }]).boot);
});

test('what cannot be a reading is rejected with its record and member', () => {
  const t = 1.79e9;
  const cases: [unknown, RegExp][] = [
    [{}, /^payload$/],
    [[1], /^\[0\]$/],
    [[{ n: 'a', v: 'x', t }], /^\[0\]\.v$/],
    [[{ n: 'a', vs: 'text', t }], /^\[0\]\.vs$/],
    [[{ n: 'a', v: 1 }], /^\[0\]\.t$/],
    [[{ n: 'a', v: 1, t: 10 }], /^\[0\]\.t$/],
    [[{ n: 'a', v: 1, t: 1e200 }], /^\[0\]\.t$/],
    [[{ n: '/x', v: 1, t }], /^\[0\]\.n$/],
    [[{ n: 'a/', v: 1, t }], /^\[0\]\.n$/],
    [[{ n: 'a', v: 1, t, bver: 99 }], /^\[0\]\.bver$/],
    [[{ n: 'a', v: 1, t, new_: 1 }], /^\[0\]\.new_$/],
    [[], /^payload$/],
  ];
  for (const [pack, field] of cases) {
    assert.throws(
      () => convert(pack),
      (error: unknown) => error instanceof RejectedError && field.test(error.field),
      JSON.stringify(pack),
    );
  }
  assert.throws(() => senmlToBatch(Buffer.from([0x5b, 0xff, 0x5d]), gateway), RejectedError);
  assert.throws(() => decodeBatch(encodeBatch(convert([{ n: 'a', u: 'furlong', v: 1, t }]))), /series\[0\]\.unit/);
});
