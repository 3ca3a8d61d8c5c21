/** Holes in a gateway's sequence, through real processors and sinks as processes, to the metrics and the table. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { Producer } from '@millrace/runtime/kafka/types.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type DroppedRange, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import { encodeStatus } from '@millrace/wire/status.ts';
import { until } from './pipeline.ts';

const id = randomBytes(4).toString('hex');
const prefix = `test-ledger-${id}.`;
const topics = kafkaTopics(prefix);
const holed = `holed-${id}` as GatewayId;
const whole = `whole-${id}` as GatewayId;
const boot = 77;
/** Now, since the age of a hole is measured against the clock. */
const startUs = Date.now() * 1000;

let questdbUrl: string;
let brokers: readonly string[];
let producer: Producer;
let processors: Service;
const releasers = new AsyncDisposableStack();

interface Service {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  metrics(): Promise<string>;
}

function start(name: string, ...args: string[]): Service {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../cli/src/main.ts'), name, ...args], {
    env: {
      PATH: process.env['PATH'],
      MILLRACE_KAFKA__BROKERS: brokers.join(','),
      MILLRACE_KAFKA__PREFIX: prefix,
      MILLRACE_QUESTDB__URL: questdbUrl,
      [`MILLRACE_${name.toUpperCase()}__HEALTH__PORT`]: '0',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', line => lines.push(line));
  releasers.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await exited;
  });
  return {
    child,
    exited,
    metrics: async () => {
      const line = lines.find(text => text.includes('"health":'));
      assert.ok(line, `${name} has no health port yet: ${lines.join('\n')}`);
      const { health } = JSON.parse(line) as { health: number };
      return await (await fetch(`http://127.0.0.1:${health}/metrics`)).text();
    },
  };
}

before(async () => {
  const stack = await sharedStack();
  brokers = stack.brokers;
  questdbUrl = stack.questdb.httpUrl;
  const kafka = openKafka({ brokers });
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 3, replicationFactor: 0 }));
  producer = releasers.use(await kafka.openProducer());
  processors = start('processors');
  start('sinks', 'gateways');
  for (const gateway of [holed, whole])
    await producer.send({
      topic: topics.gateways,
      key: gateway,
      value: encodeStatus({
        gateway,
        site: '',
        state: 1,
        version: '1',
        boot,
        lastSeq: 0,
        outboxReadings: 0,
        outboxBytes: 0,
        dropped: 0,
        clock: 1,
        clockOffsetMs: 0,
        atUs: startUs,
        unsent: [],
        completeThroughUs: 0,
      }),
      headers: { [readingHeaders.receivedAt]: String(startUs) },
    });
});

after(() => releasers.disposeAsync());

/** Appends readings `first … last` of a gateway, as the bridge does. */
async function append(
  gateway: GatewayId,
  first: number,
  last: number,
  dropped: readonly DroppedRange[] = [],
): Promise<void> {
  const column = <T>(one: (i: number) => T): T[] => Array.from({ length: last - first + 1 }, (_, i) => one(i));
  const value = encodeBatch({
    gateway,
    site: '',
    boot,
    firstSeq: first,
    series: [{ sensor: 's', metric: 'm', unit: '1', intervalMs: 0, zone: '' }],
    seriesIndex: column(() => 0),
    timeUs: column(i => startUs + first + i),
    value: column(i => i),
    quality: column(() => 0),
    clock: 1,
    completeThroughUs: 0,
    dropped,
  });
  const headers = { [readingHeaders.receivedAt]: String(Date.now() * 1000) };
  await producer.send({ topic: topics.readings, key: gateway, value, headers });
}

async function metric(name: string): Promise<number | undefined> {
  const line = (await processors.metrics()).split('\n').find(text => text.startsWith(`millrace_ledger_${name}`));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

interface Expected {
  readonly seen: number;
  readonly missing: number;
  readonly dropped: number;
}

/** Waits until the table's newest row of the gateway says so. */
async function table(gateway: GatewayId, { seen, missing, dropped }: Expected): Promise<void> {
  const query = `SELECT seen, missing, ledger_dropped, count() OVER () FROM gateways WHERE gateway = '${gateway}'`;
  const expected = [[seen, missing, dropped, 1]];
  let found: unknown;
  await until(
    `${gateway} in the table`,
    async () => {
      const response = await fetch(`${questdbUrl}/exec?${new URLSearchParams({ query }).toString()}`);
      found = ((await response.json()) as { dataset?: unknown }).dataset;
      assert.deepEqual(found, expected);
      return true;
    },
    60_000,
  );
}

async function metrics(missing: number, gatewaysWithHoles: number, dropped: number): Promise<void> {
  await until('the metrics', async () => {
    assert.deepEqual(
      [await metric('missing_readings'), await metric('gateways_with_holes'), await metric('dropped_readings')],
      [missing, gatewaysWithHoles, dropped],
    );
    return true;
  });
}

test('a batch that stays away is missing in metrics and table; what was dropped is not', async () => {
  await append(whole, 0, 49);
  await append(holed, 0, 49);
  await append(holed, 70, 99, [{ firstSeq: 60, lastSeq: 69, reason: 'OUTBOX_FULL' }]);
  await metrics(10, 1, 10);
  await table(holed, { seen: 80, missing: 10, dropped: 10 });
  await table(whole, { seen: 50, missing: 0, dropped: 0 });
  assert.equal(await metric(`gateway_missing_readings{gateway="${holed}"`), 10);
  assert.equal(await metric(`gateway_missing_readings{gateway="${whole}"`), undefined);
});

test('a killed processor knows the hole again, and for how long it has stood', async () => {
  const stood = (await metric('oldest_hole_seconds')) ?? 0;
  processors.child.kill('SIGKILL');
  await processors.exited;
  // Appended while nobody looks, and a resend of what has been counted.
  await append(holed, 110, 119);
  await append(holed, 70, 99, [{ firstSeq: 60, lastSeq: 69, reason: 'OUTBOX_FULL' }]);
  processors = start('processors');
  await metrics(20, 1, 10);
  assert.ok((await metric('oldest_hole_seconds'))! >= stood, 'its age did not begin anew');
  await table(holed, { seen: 90, missing: 20, dropped: 10 });
});

test('what comes late closes the hole', async () => {
  await append(holed, 100, 109);
  await append(holed, 50, 59);
  await metrics(0, 0, 10);
  await table(holed, { seen: 110, missing: 0, dropped: 10 });
  assert.equal(await metric('oldest_hole_seconds'), 0);
  assert.equal(await metric('gateway_missing_readings{'), undefined);
});
