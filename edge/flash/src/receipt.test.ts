import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { flashedGateways, openReceipts, type Receipt, verifyLedger } from './receipt.ts';

const receipt = (gateway: string, result: Receipt['result']): Receipt => ({
  time: '2026-11-28T12:00:00.000Z',
  gateway,
  result,
  target: '/dev/sdb',
  card: { sizeBytes: 31_914_983_424, model: 'SC32G', serial: '0x1234' },
  sourceSha256: 'aa',
  sourceFileSha256: 'bb',
  writtenBytes: 1,
  certificate: '0123',
});

test('receipts hold across restarts; a changed one is found; only finished cards count', t => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-receipt-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const ledger = join(dir, 'cards.jsonl');
  assert.throws(() => verifyLedger(ledger, dir), /key of the receipts/);
  openReceipts(dir, ledger).append(receipt('lamp-1', 'done'));
  openReceipts(dir, ledger).append(receipt('lamp-2', 'failed'));
  openReceipts(dir, ledger).append(receipt('lamp-3', 'done'));
  assert.deepEqual(verifyLedger(ledger, dir), { receipts: 3, forged: [] });
  assert.deepEqual([...flashedGateways(ledger)], ['lamp-1', 'lamp-3']);
  assert.equal(statSync(join(dir, 'receipts.key')).mode & 0o777, 0o600);
  writeFileSync(ledger, readFileSync(ledger, 'utf8').replace('"failed"', '"done"'));
  assert.deepEqual(verifyLedger(ledger, dir), { receipts: 3, forged: [2] });
});
