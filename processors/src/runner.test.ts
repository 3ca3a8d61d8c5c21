/** The runner on a real Kafka, with the smallest task there is: it counts the records of each key. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { IncomingRecord, OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import { openLog } from '@millrace/runtime/log.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type KafkaTopics, kafkaTopics } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { Runner } from './runner.ts';
import type { Flush, FlushClock, Task } from './task.ts';

const partitions = 3;

class Counting implements Task {
  readonly #counts = new Map<string, number>();
  readonly #changed = new Set<string>();
  readonly #topic: string;
  /** Said once, when time has come so far. */
  #alarmUs: number | undefined;

  readonly #bug: string | undefined;

  constructor(topic: string, bug: string | undefined) {
    this.#topic = topic;
    this.#bug = bug;
  }

  restore(key: string, value: Uint8Array): void {
    this.#counts.set(key, Number(Buffer.from(value).toString()));
  }

  process({ key, value }: IncomingRecord): number {
    const text = Buffer.from(value!).toString();
    if (text === 'poison') throw new RejectedError('value', 'is poison');
    if (text === this.#bug) throw new TypeError('a bug');
    if (text.startsWith('alarm ')) this.#alarmUs = Number(text.slice('alarm '.length));
    this.#counts.set(key!, (this.#counts.get(key!) ?? 0) + 1);
    this.#changed.add(key!);
    return 1;
  }

  flush({ nowUs }: FlushClock): Flush {
    const results: OutgoingRecord[] = [];
    const state = new Map<string, Uint8Array>();
    if (this.#bug === 'flush' && this.#changed.size > 0) {
      this.#changed.clear();
      throw new TypeError('a bug');
    }
    for (const key of this.#changed) {
      const value = Buffer.from(String(this.#counts.get(key)));
      results.push({ topic: this.#topic, key, value });
      state.set(key, value);
    }
    this.#changed.clear();
    if (this.#alarmUs !== undefined && nowUs >= this.#alarmUs) {
      results.push({ topic: this.#topic, key: 'alarm', value: Buffer.from('rings') });
      this.#alarmUs = undefined;
    }
    return { results, rows: results.length, state };
  }
}

interface Lab extends AsyncDisposable {
  readonly kafka: Kafka;
  readonly prefix: string;
  readonly topics: KafkaTopics;
  /** @param bug the value of a record that the task breaks at, or `flush`. */
  start(bug?: string): Promise<Runner<Counting>>;
  send(from: number, to: number, value?: string): Promise<void>;
  /** Of each key, all that was published, in order. */
  published(): Promise<Map<string, string[]>>;
  /** Resolves when the last published counts add up to it. */
  counted(total: number): Promise<void>;
}

async function openLab(): Promise<Lab> {
  const { brokers } = await sharedStack();
  const prefix = `test-runner-${randomUUID()}.`;
  const topics = kafkaTopics(prefix);
  const kafka = openKafka({ brokers });
  const opened = new AsyncDisposableStack();
  const admin = opened.use(await kafka.openAdmin());
  await admin.ensureTopics(millraceTopics({ prefix, partitions, replicationFactor: 1 }));
  const producer = opened.use(await kafka.openProducer());
  const published = async (): Promise<Map<string, string[]>> => {
    const all = new Map<string, string[]>();
    await readTopicToEnd(kafka, topics.stats, {}, ({ key, value }) => {
      all.set(key!, [...(all.get(key!) ?? []), Buffer.from(value!).toString()]);
    });
    return all;
  };
  return {
    kafka,
    prefix,
    topics,
    published,
    start: async bug =>
      opened.use(
        await Runner.open({
          kafka,
          log: openLog('runner-test', 'fatal'),
          name: `${prefix}processors`,
          inputTopic: topics.readings,
          stateTopic: topics.processorsState,
          commitIntervalMs: 50,
          createTask: () => new Counting(topics.stats, bug),
          onRows: () => {},
          onItems: () => {},
          onGivenUp: () => {},
        }),
      ),
    send: async (from, to, value) => {
      const numbers = Array.from({ length: to - from }, (_, i) => from + i);
      await Promise.all(
        numbers.map(number =>
          producer.send({
            topic: topics.readings,
            key: `key-${number % 7}`,
            value: Buffer.from(value ?? String(number)),
          }),
        ),
      );
    },
    counted: async total => {
      for (const end = Date.now() + 30_000; ; await wait(50)) {
        const newest = [...(await published()).values()].map(counts => Number(counts.at(-1)));
        const sum = newest.reduce((all, one) => all + one, 0);
        if (sum === total) return;
        if (Date.now() > end || sum > total) throw new Error(`${sum} were counted, not ${total}`);
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What was published of a key rises: no count is there twice, and none is taken back. */
function assertRising(published: ReadonlyMap<string, readonly string[]>): void {
  for (const [key, counts] of published)
    for (const [i, count] of counts.entries())
      assert.ok(i === 0 || Number(count) > Number(counts[i - 1]), `${key}: ${counts.join(' ')}`);
}

test('partitions move to a second runner and back, and every record is counted once', async () => {
  await using lab = await openLab();
  await using first = await lab.start();
  await lab.send(0, 500);
  await lab.counted(500);
  {
    await using second = await lab.start();
    for (let i = 5; i < 15; i++) await Promise.all([lab.send(i * 100, (i + 1) * 100), wait(50)]);
    await lab.counted(1500);
    assert.equal([...first.tasks()].length + [...second.tasks()].length, partitions);
  }
  await lab.send(1500, 1600);
  await lab.counted(1600);
  assertRising(await lab.published());
});

test('fenced by somebody who has no business there, it joins again and goes on from what is committed', async () => {
  await using lab = await openLab();
  await using _runner = await lab.start();
  await lab.send(0, 100);
  await lab.counted(100);
  for (let partition = 0; partition < partitions; partition++) {
    const transactionalId = `${lab.prefix}processors-${partition}`;
    await using intruder = await lab.kafka.openTransactions({ transactionalId });
    await intruder.fence({ groupId: `${lab.prefix}processors`, topic: lab.topics.readings, partition });
  }
  await lab.send(100, 300);
  await lab.counted(300);
  assertRising(await lab.published());
});

for (const bug of ['42', 'flush'])
  test(`a task that breaks (${bug === 'flush' ? 'in its flush' : 'at a record'}) commits nothing more, and its successor misses nothing`, async () => {
    await using lab = await openLab();
    {
      await using broken = await lab.start(bug);
      await lab.send(0, 100);
      await assert.rejects(broken.failed, TypeError);
    }
    await using _mended = await lab.start();
    await lab.counted(100);
    assertRising(await lab.published());
  });

test('a record that can never be used is left out, and what is due by time alone is committed', async () => {
  await using lab = await openLab();
  await using _runner = await lab.start();
  await lab.send(0, 1, 'poison');
  const dueUs = (Date.now() + 1500) * 1000;
  await lab.send(1, 2, `alarm ${dueUs}`);
  for (const end = Date.now() + 20_000; !(await lab.published()).has('alarm'); await wait(50))
    assert.ok(Date.now() < end, 'the alarm did not ring');
  assert.ok(Date.now() * 1000 >= dueUs);
  assert.deepEqual(Object.fromEntries(await lab.published()), { 'key-1': ['1'], alarm: ['rings'] });
});
