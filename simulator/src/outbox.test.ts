import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildCity, type Post } from './city.ts';
import { midnight, nextBootStart } from './local-time.ts';
import { Outbox } from './outbox.ts';
import { planBoot, slotMs } from './plan.ts';

const seed = 1;
const from = midnight('2026-03-14')!;
const posts = buildCity(100, seed, 'sim-');
const calm = posts.find(post => planBoot(seed, post, from).outage === undefined)!;
const slot = (n: number): number => from / slotMs + n;

const filled = (post: Post, slots: number): Outbox => {
  const outbox = new Outbox(seed, post, from);
  outbox.advance(from + slots * slotMs);
  return outbox;
};

test('live goes first, the backlog behind it from its oldest on', () => {
  const outbox = filled(calm, 100);
  const taken = Array.from({ length: 7 }, () => outbox.take(true));
  assert.deepEqual(taken, [96, 97, 98, 99, 0, 1, 2].map(slot));
  outbox.advance(from + 101 * slotMs);
  assert.deepEqual([outbox.take(true), outbox.take(false), outbox.take(true)], [slot(100), undefined, slot(3)]);
});

test('what has no PUBACK when the connection closes is sent again', () => {
  const outbox = filled(calm, 10);
  const first = outbox.take(true)!;
  const second = outbox.take(true)!;
  outbox.acknowledge(second);
  outbox.disconnected();
  const again: number[] = [];
  for (let next = outbox.take(true); next !== undefined; next = outbox.take(true)) again.push(next);
  assert.deepEqual(
    again,
    [0, 1, 2, 3, 4, 5, 6, 8, 9].map(n => slot(n)),
  );
  assert.ok(again.includes(first) && !again.includes(second));
});

test('complete is what lies before the oldest slot without PUBACK', () => {
  const outbox = filled(calm, 3);
  assert.equal(outbox.completeMs, from);
  const [a, b, c] = [outbox.take(true)!, outbox.take(true)!, outbox.take(true)!];
  outbox.acknowledge(b);
  assert.equal(outbox.completeMs, from);
  outbox.acknowledge(a);
  assert.equal(outbox.completeMs, from + 2 * slotMs);
  outbox.acknowledge(c);
  assert.deepEqual([outbox.completeMs, outbox.isEmpty, outbox.unsent()], [from + 3 * slotMs, true, []]);
});

test('an outage becomes backlog, and what the post gave up in it is never sent', () => {
  const post = posts.find(one => planBoot(seed, one, from).dropped !== undefined)!;
  const { outage, dropped } = planBoot(seed, post, from);
  const outbox = filled(post, (nextBootStart(from) - from) / slotMs);
  const all: number[] = [];
  for (let next = outbox.take(true); next !== undefined; next = outbox.take(true)) {
    all.push(next * slotMs);
    outbox.acknowledge(next);
  }
  assert.deepEqual(
    all.filter(ms => ms >= dropped!.fromMs && ms < dropped!.toMs),
    [],
  );
  assert.equal(all.length, (nextBootStart(from) - from - (dropped!.toMs - dropped!.fromMs)) / slotMs);
  assert.ok(all.includes(outage!.toMs - slotMs));
});

test('unsent numbers are those of the newest boot', () => {
  const boots = (nextBootStart(from) - from) / slotMs;
  const outbox = filled(calm, boots + 10);
  const { boot, due } = outbox.newest();
  assert.deepEqual([boot.plan.startMs, due], [nextBootStart(from), 10]);
  assert.deepEqual(outbox.unsent(), [[0, boot.firstSeq(10) - 1]]);
});
