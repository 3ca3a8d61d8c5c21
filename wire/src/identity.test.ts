import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Batch, encodeBatch } from './batch.ts';
import { batchIdentity } from './identity.ts';

const batch = (more: Partial<Batch> = {}): Batch => ({
  gateway: 'lamp-1' as Batch['gateway'],
  site: 'here',
  boot: 2 ** 52 + 5,
  firstSeq: 300,
  series: [{ sensor: 'air', metric: 't', unit: 'Cel', intervalMs: 1000, zone: '' }],
  seriesIndex: [0, 0, 0],
  timeUs: [1, 2, 3],
  value: [1, 2, 3],
  quality: [0, 0, 0],
  clock: 1,
  completeThroughUs: 0,
  dropped: [],
  ...more,
});

test('the identity of a batch that is right, and of one that is rejected for its values', () => {
  const identity = { gateway: 'lamp-1', boot: 2 ** 52 + 5, firstSeq: 300, count: 3 };
  assert.deepEqual(batchIdentity(encodeBatch(batch())), identity);
  assert.deepEqual(batchIdentity(encodeBatch(batch({ value: [1, Number.NaN, 3], seriesIndex: [0, 9] }))), identity);
});

test('no identity in what is no batch, or breaks the rules of identity', () => {
  assert.equal(batchIdentity(Buffer.from('not protobuf at all')), undefined);
  assert.equal(batchIdentity(encodeBatch(batch({ gateway: 'Lamp 1' as Batch['gateway'] }))), undefined);
  assert.equal(batchIdentity(encodeBatch(batch({ firstSeq: 2 ** 53 - 1 }))), undefined);
});

test('property: any bytes give an identity within the rules, or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const found = batchIdentity(bytes);
      if (found) assert.ok(Number.isSafeInteger(found.firstSeq + found.count) && found.count <= 10_000);
    }),
    { numRuns: 2000 },
  );
});
