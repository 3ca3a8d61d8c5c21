import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { wholeAnswers } from './frames.ts';

function frame(payload: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(payload.length);
  return Buffer.concat([size, payload]);
}

test('passes every byte of whole answers, in order, however the stream is cut up, and never a part of one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 20 }),
      fc.nat(60),
      (payloads, cuts, missingBytes) => {
        const frames = payloads.map(frame);
        const stream = Buffer.concat(frames);
        const received = stream.subarray(0, Math.max(0, stream.length - missingBytes));
        const passed: Buffer[] = [];
        const receive = wholeAnswers(answers => passed.push(Buffer.from(answers)));
        for (let at = 0, i = 0; at < received.length; i++) {
          const next = at + (cuts[i % cuts.length] ?? 1);
          receive(received.subarray(at, next));
          at = next;
        }
        let whole = 0;
        for (const { length } of frames) {
          if (whole + length > received.length) break;
          whole += length;
        }
        assert.deepEqual(Buffer.concat(passed), stream.subarray(0, whole));
      },
    ),
  );
});

test('refuses a stream that is not the Kafka protocol', () => {
  const receive = wholeAnswers(() => {});
  assert.throws(() => receive(Buffer.from('HTTP/1.1 400 Bad Request')), RangeError);
});
