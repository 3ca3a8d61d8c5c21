import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seldom } from './seldom.ts';

test('the first is said at once, the next ones counted, other keys are their own', () => {
  let now = 0;
  const said: [string, number][] = [];
  const seldom = new Seldom(1000, () => now);
  const tell = (key: string): void => seldom.tell(key, unsaid => said.push([key, unsaid]));
  for (const key of ['a', 'a', 'b', 'a']) tell(key);
  now = 1000;
  tell('a');
  assert.deepEqual(said, [
    ['a', 0],
    ['b', 0],
    ['a', 2],
  ]);
});
