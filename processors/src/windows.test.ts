import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paneLevels, parseWindows, windowMistakes } from './windows.ts';

test('windows are named in their largest unit, and a level of panes a step', () => {
  const specs = parseWindows(['60s', '300s/1m', '1h/5m']);
  assert.deepEqual(
    specs.map(({ name }) => name),
    ['1m', '5m/1m', '1h/5m'],
  );
  assert.deepEqual(paneLevels(specs), [
    { stepUs: 60_000_000, retainUs: 300_000_000 },
    { stepUs: 300_000_000, retainUs: 3_600_000_000 },
  ]);
});

test('every mistake is told, at its place', () => {
  const mistakes = windowMistakes(['7q', '5m/2m', '0s', '8d', '2000s/1s', '1m', '60s', '90s']);
  assert.deepEqual(
    mistakes.map(({ index }) => index),
    [0, 1, 2, 3, 4, 6, 7],
  );
  assert.match(mistakes.at(-1)!.message, /steps of "90s" and "1m" must be multiples/);
});
