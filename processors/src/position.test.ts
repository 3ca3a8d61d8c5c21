import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { Position } from './position.ts';

const wallUs = 5_000_000;
const record = (offset: bigint, timestampMs: number): IncomingRecord => ({
  offset,
  key: 'k',
  value: new Uint8Array(),
  headers: {},
  timestampMs,
});

test('time is that of the records while some wait, and the wall clock once none does; a clock that is ahead moves nothing', () => {
  const position = new Position();
  position.begin(0n, { first: 0n, end: 2n });
  assert.equal(position.take(record(0n, 1000), wallUs), true);
  assert.equal(position.timeUs(1, wallUs), 1_000_000);
  position.take(record(1n, 9_000_000), wallUs);
  assert.equal(position.take(record(1n, 9_000_000), wallUs), false);
  assert.equal(position.timeUs(Number.POSITIVE_INFINITY, wallUs + 1), wallUs);
  assert.equal(position.timeUs(0, wallUs + 1), wallUs + 1);
  assert.equal(position.timeUs(0, wallUs), wallUs + 1);
});

test('after a rebalance a partition that stays waits for what has come meanwhile', () => {
  const position = new Position();
  position.begin(0n, { first: 0n, end: 1n });
  position.take(record(0n, 1000), wallUs);
  position.goOn({ first: 0n, end: 3n });
  assert.equal(position.timeUs(undefined, wallUs), 1_000_000);
});

test('a topic made anew is read from its start; records deleted unread are told, and time goes on', () => {
  assert.deepEqual(new Position().begin(7n, { first: 0n, end: 3n }), { anew: true });
  assert.equal(new Position().begin(null, { first: 5n, end: 9n }), undefined);
  const position = new Position();
  assert.deepEqual(position.begin(7n, { first: 9n, end: 9n }), { deletedUnread: 2n });
  assert.equal(position.timeUs(undefined, wallUs), wallUs);
});
