import assert from 'node:assert/strict';
import { test } from 'node:test';
import { javaProperties } from './properties.ts';

test('values keep backslashes, outer spaces, line breaks and letters beyond ASCII', () => {
  assert.equal(javaProperties({ a: 'C:\\x', b: ' y ', n: 5 }), 'a=C:\\\\x\nb=\\u0020y\\u0020\nn=5\n');
  assert.equal(javaProperties({ c: 'ä\n😀' }), 'c=\\u00e4\\u000a\\ud83d\\ude00\n');
});
