import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import { repairFetch } from './fetch-answer.ts';

const require = createRequire(import.meta.url);
const response = require('kafkajs/src/protocol/requests/fetch/v11/response') as {
  decode: (raw: Buffer) => Promise<{
    responses: { partitions: { messages: { offset: string; isControlRecord: boolean; value: Buffer | null }[] }[] }[];
  }>;
};

/** A record batch (KIP-98) with one-byte values at these offset deltas, as compaction leaves it. */
function batch(firstOffset: bigint, lastOffsetDelta: number, deltas: readonly number[]): Buffer {
  const records = Buffer.concat(
    // length 8 (zigzag 16), attributes, timestamp delta, offset delta, key −1, value of 1 byte, no headers
    deltas.map(delta => Buffer.from([14, 0, 0, delta * 2, 1, 2, 0x76, 0])),
  );
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(firstOffset, 0);
  header.writeInt32BE(49 + records.length, 8);
  header.writeInt8(2, 16);
  header.writeInt32BE(lastOffsetDelta, 23);
  header.writeBigInt64BE(-1n, 43);
  header.writeInt32BE(deltas.length, 57);
  return Buffer.concat([header, records]);
}

/** The answer to a Fetch (version 11) for one partition. */
function answer(records: Buffer): Buffer {
  const head = Buffer.alloc(4 + 2 + 4 + 4);
  head.writeInt32BE(1, 10);
  const partition = Buffer.alloc(4 + 4 + 2 + 8 + 8 + 8 + 4 + 4 + 4);
  partition.writeInt32BE(1, 0);
  partition.writeBigInt64BE(99n, 10);
  partition.writeInt32BE(-1, 34);
  partition.writeInt32BE(-1, 38);
  partition.writeInt32BE(records.length, 42);
  return Buffer.concat([head, Buffer.from([0, 1, 0x74]), partition, records]);
}

async function read(records: Buffer): Promise<string[]> {
  const { responses } = await response.decode(answer(records));
  return (responses[0]?.partitions[0]?.messages ?? []).map(m => `${m.offset}${m.isControlRecord ? ' control' : ''}`);
}

test('GUARD: a batch emptied by compaction leads behind itself; kafkajs alone sees nothing and stays before it', async () => {
  const emptied = batch(10n, 4, []);
  assert.deepEqual(await read(emptied), []);
  assert.deepEqual(await read(batch(10n, 4, [1])), ['11']);

  repairFetch();
  repairFetch();
  assert.deepEqual(await read(emptied), ['14 control']);
  assert.deepEqual(await read(batch(10n, 4, [1])), ['11', '14 control']);
  assert.deepEqual(await read(batch(10n, 2, [0, 1, 2])), ['10', '11', '12']);
  assert.deepEqual(await read(Buffer.concat([batch(10n, 1, [0, 1]), emptied.subarray(0, 70).subarray(0, 61)])), [
    '10',
    '11',
    '14 control',
  ]);
});

test('leaves out a batch that maxBytes has cut off', async () => {
  repairFetch();
  const whole = batch(20n, 2, [0, 1, 2]);
  assert.deepEqual(await read(Buffer.concat([batch(10n, 1, [0, 1]), whole.subarray(0, whole.length - 3)])), [
    '10',
    '11',
  ]);
});
