import assert from 'node:assert/strict';
import test from 'node:test';
import { openProbe } from './probe.ts';
import { eventually, proxiedKafka, unique } from './testing.ts';

test('a probe notices a network that is gone, and its return, though nothing is sent', async t => {
  await using kafka = await proxiedKafka();
  const topic = await kafka.topic(3);
  await using probe = await openProbe(kafka.options, topic, { intervalMs: 200, timeoutMs: 1000 });
  // A machine at its limits may take more than a second for an answer at first.
  await eventually('the first answer', () => probe.trouble === undefined);
  for (const [away, back] of [
    [() => kafka.proxy.blackhole(true), () => kafka.proxy.blackhole(false)],
    [
      () => kafka.proxy.dropResponses(true),
      () => {
        kafka.proxy.cut();
        kafka.proxy.dropResponses(false);
      },
    ],
  ] as const) {
    const goneAt = performance.now();
    away();
    await eventually('trouble', () => probe.trouble !== undefined);
    const noticedMs = performance.now() - goneAt;
    const backAt = performance.now();
    back();
    await eventually('no trouble', () => probe.trouble === undefined);
    t.diagnostic(
      `noticed after ${noticedMs.toFixed()} ms, its return after ${(performance.now() - backAt).toFixed()} ms`,
    );
  }
  assert.equal(kafka.said.filter(line => line.startsWith('warn Kafka probe:')).length >= 2, true);
});

test('a probe of a cluster that does not answer is opened all the same', async () => {
  const { options, [Symbol.asyncDispose]: dispose, proxy } = await proxiedKafka();
  proxy.blackhole(true);
  const probe = await openProbe(options, unique('topic'), { timeoutMs: 300 });
  assert.match(probe.trouble!, /no answer within/);
  await probe[Symbol.asyncDispose]();
  await dispose();
});
