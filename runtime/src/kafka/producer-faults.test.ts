import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaProducer, type ProducerGuards, type ProducerOptions } from './producer.ts';
import { readTopicToEnd } from './read-to-end.ts';
import { type ProxiedKafka, proxiedKafka } from './testing.ts';
import type { Position } from './types.ts';

interface Load {
  readonly options: ProducerOptions;
  readonly guards?: ProducerGuards;
  readonly partitions: number;
  readonly keys: number;
  readonly records: number;
  /** What the network does while records are sent; ends when `over` is aborted. */
  readonly weather: (kafka: ProxiedKafka, over: AbortSignal) => Promise<void>;
}

interface Outcome {
  readonly acknowledged: number;
  readonly failed: number;
  /** Acknowledged, but not where the producer said or not there at all. */
  readonly lost: number;
  /** In the topic more than once. */
  readonly doubled: number;
  /** Behind a later record of their key. */
  readonly reordered: number;
}

const ROUNDS = Number(process.env['MILLRACE_TEST_ROUNDS'] ?? 2);
const FLAWLESS = { failed: 0, lost: 0, doubled: 0, reordered: 0 };

/** Sends records in bad weather, then reads the topic back by another way and compares. */
async function run(kafka: ProxiedKafka, load: Load): Promise<Outcome> {
  const topic = await kafka.topic(load.partitions);
  const acknowledged = new Map<string, Position>();
  let failed = 0;
  const over = new AbortController();
  const weather = load.weather(kafka, over.signal);
  {
    await using producer = new KafkaProducer(kafka.options, load.options, load.guards);
    const sends: Promise<void>[] = [];
    for (let i = 0; i < load.records; i++) {
      const value = `${i % load.keys}:${i}`;
      const sent = producer.send({ topic, key: `key-${i % load.keys}`, value: Buffer.from(value) });
      sends.push(
        sent.then(
          position => void acknowledged.set(value, position),
          () => void failed++,
        ),
      );
      if (i % 10 === 9) await sleep(2);
    }
    await Promise.all(sends);
  }
  over.abort();
  await weather;

  const stored = new Map<string, string>();
  const last = new Map<string, number>();
  let doubled = 0;
  let reordered = 0;
  await readTopicToEnd(kafka.direct, topic, {}, ({ key, value, offset }, partition) => {
    const text = Buffer.from(value ?? []).toString();
    const i = Number(text.split(':')[1]);
    if (stored.has(text)) doubled++;
    if (i < (last.get(key ?? '') ?? -1)) reordered++;
    last.set(key ?? '', i);
    stored.set(text, `${partition}@${offset}`);
  });
  let lost = 0;
  for (const [value, { partition, offset }] of acknowledged) {
    if (stored.get(value) !== `${partition}@${offset}`) lost++;
  }
  return { acknowledged: acknowledged.size, failed, lost, doubled, reordered };
}

/** Cuts connections after Kafka has appended and before the producer knows. */
async function cuts({ proxy }: ProxiedKafka, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await sleep(150, undefined, { signal: over }).catch(() => {});
    proxy.dropResponses(true);
    await sleep(15);
    proxy.cut();
    proxy.dropResponses(false);
  }
}

/** Freezes the network for longer than the request timeout, and thaws it. */
async function freezes({ proxy }: ProxiedKafka, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await sleep(150, undefined, { signal: over }).catch(() => {});
    proxy.blackhole(true);
    await sleep(700);
    proxy.blackhole(false);
  }
}

const SENDING: ProducerOptions = { deadlineMs: 30_000, lingerMs: 2, requestTimeoutMs: 500, maxPartRecords: 20 };

for (const [name, guards] of [
  ['one request to the broker', {}],
  ['one request a partition, as with several brokers', { requestPerPartition: true }],
] as const) {
  test(`stores each acknowledged record once and in order across connection cuts: ${name}`, async () => {
    await using kafka = await proxiedKafka();
    for (let round = 0; round < ROUNDS; round++) {
      const outcome = await run(kafka, {
        options: SENDING,
        guards,
        partitions: 3,
        keys: 8,
        records: 5000,
        weather: cuts,
      });
      assert.deepEqual(outcome, { ...FLAWLESS, acknowledged: 5000 });
    }
  });
}

test('stores each acknowledged record once and in order across a frozen network', async () => {
  await using kafka = await proxiedKafka();
  const options = { ...SENDING, lanes: 2 };
  const outcome = await run(kafka, { options, partitions: 4, keys: 8, records: 2500, weather: freezes });
  assert.deepEqual(outcome, { ...FLAWLESS, acknowledged: 2500 });
});

test('GUARD: without one outstanding request a lane, kafkajs loses, doubles or reorders acknowledged records', async t => {
  await using kafka = await proxiedKafka();
  const outcomes: Outcome[] = [];
  for (let round = 0; round < 4; round++) {
    const outcome = await run(kafka, {
      options: SENDING,
      guards: { outstandingRequests: 4 },
      partitions: 1,
      keys: 4,
      records: 2000,
      weather: cuts,
    });
    outcomes.push(outcome);
    t.diagnostic(JSON.stringify(outcome));
    if (outcome.lost + outcome.doubled + outcome.reordered > 0) return;
  }
  assert.fail(`the guard guards against nothing: ${JSON.stringify(outcomes)}`);
});
