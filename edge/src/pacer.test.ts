import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacer } from './pacer.ts';

const after = (pacer: Pacer, times: number, delayMs: number): number => {
  for (let i = 0; i < times; i++) pacer.onAcknowledged(delayMs);
  return pacer.window;
};

test('the backlog’s window grows to its most while answers are fast, shrinks when they are not, and never closes', () => {
  const pacer = new Pacer(12);
  assert.equal(pacer.window, 4);
  assert.equal(after(pacer, 200, 10), 12);
  assert.ok(after(pacer, 10, 200) < 10);
  assert.equal(after(pacer, 200, 200), 4);
  assert.equal(after(pacer, 200, 15), 12);
});

test('a far broker is not taken for a busy one: twice the fastest answer is what the window settles at', () => {
  const pacer = new Pacer(12);
  pacer.onAcknowledged(300);
  assert.equal(after(pacer, 200, 500), 12);
  assert.equal(after(pacer, 200, 700), 4);
});

test('the smallest window lets one batch go', () => {
  assert.equal(after(new Pacer(1), 100, 5000), 1);
});
