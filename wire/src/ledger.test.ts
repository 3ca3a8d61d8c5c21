import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeLedger, encodeLedger, type GatewayLedger } from './ledger.ts';
import type { GatewayId } from './names.ts';

const ledger: GatewayLedger = {
  gateway: 'gw-1' as GatewayId,
  boot: 2 ** 53 - 1,
  atUs: 1_790_000_000_000_000,
  lastSeq: 100,
  counted: 90,
  dropped: 4,
  missing: 7,
  holes: [
    [10, 12],
    [20, 23],
  ],
};

test('a ledger comes back as it was', () => {
  assert.deepEqual(decodeLedger(encodeLedger(ledger)), ledger);
  const none: GatewayLedger = { ...ledger, lastSeq: -1, counted: 0, dropped: 0, missing: 0, holes: [] };
  assert.deepEqual(decodeLedger(encodeLedger(none)), none);
});

test('ranges that overlap or run backwards are refused, with their field', () => {
  for (const holes of [[[3, 2]], [[1, 5] as const, [5, 6] as const]] as const)
    assert.throws(() => decodeLedger(encodeLedger({ ...ledger, holes })), /holes/);
});
