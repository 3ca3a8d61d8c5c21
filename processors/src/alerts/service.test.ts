/** The whole way, on a real Kafka: rules in a file, readings in, alerts out, also over the life of several processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { Producer } from '@millrace/runtime/kafka/types.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type Alert, decodeAlert } from '@millrace/wire/alert.ts';
import { Clock, encodeBatch, Quality } from '@millrace/wire/batch.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { gateway, secondUs, series } from './testing.ts';

const prefix = `test-alerts-${randomBytes(4).toString('hex')}.`;
const topics = kafkaTopics(prefix);
const dir = mkdtempSync(join(tmpdir(), 'millrace-alerts-'));
const rulesFile = join(dir, 'rules.yaml');
const startUs = Math.floor(Date.now() / 1000 - 60) * secondUs;
const releasers = new AsyncDisposableStack();
let brokers: readonly string[];
let kafka: Kafka;
let producer: Producer;

before(async () => {
  ({ brokers } = await sharedStack());
  kafka = openKafka({ brokers });
  producer = releasers.use(await kafka.openProducer());
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 1, replicationFactor: 0 }));
});

after(async () => {
  await releasers.disposeAsync();
  rmSync(dir, { recursive: true });
});

function start(rules: string): ChildProcess {
  writeFileSync(rulesFile, rules);
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../cli/src/main.ts'), 'processors'], {
    env: {
      ...process.env,
      MILLRACE_KAFKA__BROKERS: brokers.join(','),
      MILLRACE_KAFKA__PREFIX: prefix,
      MILLRACE_PROCESSORS__COMMIT_INTERVAL_MS: '100',
      MILLRACE_PROCESSORS__ZONES__ENABLED: 'false',
      MILLRACE_PROCESSORS__HEALTH__PORT: '0',
      MILLRACE_LOG__LEVEL: 'warn',
      MILLRACE_PROCESSORS__RULES: rulesFile,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  releasers.defer(() => stop(child, 'SIGKILL'));
  return child;
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** Readings of one series, the first of them the reading `seq` of its boot, one a second. */
const send = (seq: number, values: readonly number[]) =>
  producer.send({
    topic: topics.readings,
    key: gateway,
    value: encodeBatch({
      gateway,
      site: 'city',
      boot: 7,
      firstSeq: seq,
      series: [series],
      seriesIndex: values.map(() => 0),
      timeUs: values.map((_, i) => startUs + (seq + i) * secondUs),
      value: values,
      quality: values.map(() => Quality.GOOD),
      clock: Clock.SYNCED,
      completeThroughUs: startUs + (seq + values.length) * secondUs,
      dropped: [],
    }),
    headers: { 'received-at': String(Date.now() * 1000) },
  });

async function alerts(count: number): Promise<readonly Alert[]> {
  for (const end = Date.now() + 60_000; ; await wait(100)) {
    const found: Alert[] = [];
    await readTopicToEnd(kafka, topics.alerts, {}, ({ value }) => void found.push(decodeAlert(value!)));
    if (found.length >= count || Date.now() > end) return found;
  }
}

const hot = 'rules: [{ name: hot, where: { metric: temperature }, above: 80, clear: 75, for: 2s, atMostEvery: 0s }]';
const shortly = (found: readonly Alert[]) =>
  found.map(({ state, rule, atUs }) => [state, rule, (atUs - startUs) / secondUs]);

test('an alert outlives the process that raised it, is cleared by the next one, and ends with its rule', async () => {
  const first = start(hot);
  await send(0, [20, 90, 91]);
  await send(3, [92, 93]);
  await send(0, [20, 90, 91]); // Sent again: it is counted, and judged, once.
  assert.deepEqual(shortly(await alerts(1)), [[1, 'hot', 3]]);
  await stop(first, 'SIGTERM');
  const second = start(hot);
  await send(5, [76, 75, 90, 90, 90]);
  const three = await alerts(3);
  assert.deepEqual(shortly(three), [
    [1, 'hot', 3],
    [0, 'hot', 6],
    [1, 'hot', 9],
  ]);
  assert.deepEqual([three[1]!.id === three[0]!.id, three[2]!.id === three[0]!.id], [true, false]);
  await stop(second, 'SIGTERM');
  start('rules: []');
  await send(10, [90]);
  const four = await alerts(4);
  assert.equal(four.length, 4);
  assert.deepEqual([four[3]!.id, four[3]!.state], [three[2]!.id, 0]);
  assert.match(four[3]!.message, /there is no rule hot any more/);
});
