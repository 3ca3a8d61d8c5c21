import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { PayloadLimit } from './payload-limit.ts';

/** A PUBLISH packet (MQTT 3.1.1 § 3.3). */
function packet(topic: string, payload: Buffer, id?: number): Buffer {
  const name = Buffer.from(topic);
  const variable = Buffer.concat([
    Buffer.from([name.length >> 8, name.length & 0xff]),
    name,
    id === undefined ? Buffer.alloc(0) : Buffer.from([id >> 8, id & 0xff]),
    payload,
  ]);
  const length: number[] = [];
  for (let left = variable.length; ; left >>= 7) {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([id === undefined ? 0x30 : 0x32]), Buffer.from(length), variable]);
}

test('a payload beyond the limit is taken out, wherever the stream is cut, and its packet stays', async () => {
  const small = packet('a/b', Buffer.from('21.5'), 7);
  const large = Buffer.alloc(200_000, 0x55);
  const sent = Buffer.concat([
    small,
    packet('a/large', large, 258),
    packet('q0', large),
    Buffer.from([0xd0, 0]),
    small,
  ]);
  const expected = Buffer.concat([
    small,
    packet('a/large', Buffer.alloc(0), 258),
    packet('q0', Buffer.alloc(0)),
    Buffer.from([0xd0, 0]),
    small,
  ]);
  for (const size of [1, 3, 7, 1000, 65_536, sent.length]) {
    const oversize: string[] = [];
    const limit = new PayloadLimit(100, (topic, bytes) => void oversize.push(`${topic} ${bytes}`));
    const chunks = Array.from({ length: Math.ceil(sent.length / size) }, (_, i) =>
      sent.subarray(i * size, (i + 1) * size),
    );
    assert.deepEqual(await buffer(Readable.from(chunks).pipe(limit)), expected, `in chunks of ${size}`);
    assert.deepEqual(oversize, ['a/large 200000', 'q0 200000']);
  }
});

test('a length that never ends, and a large packet that is no message, are errors', async () => {
  for (const bytes of [
    [0x30, 0xff, 0xff, 0xff, 0xff],
    [0x90, 0xff, 0xff, 0x7f],
  ]) {
    const limit = new PayloadLimit(100, () => {});
    limit.end(Buffer.from(bytes));
    await assert.rejects(buffer(limit), /malformed|packet of/);
  }
});
