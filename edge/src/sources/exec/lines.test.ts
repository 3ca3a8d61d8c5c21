import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Line, Lines } from './lines.ts';

test('lines come out the same however the stream is cut', () => {
  const text = 'ab\n\ncäd\nlonger than ten bytes\nlast';
  const expected = ['ab', '', 'cäd', 'longer tha…', 'last'];
  const shown = ({ text: found, isCut }: Line) => (isCut ? `${found}…` : found);
  for (let size = 1; size < 40; size++) {
    const lines = new Lines(10);
    const found: string[] = [];
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) found.push(...lines.push(bytes.subarray(at, at + size)).map(shown));
    found.push(...lines.end().map(shown));
    assert.deepEqual(found, expected, `pieces of ${size}`);
  }
});
