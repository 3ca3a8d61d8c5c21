/** A QuestDB that does not answer: frozen, killed, or its answer lost on the way, while requests are under way. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openProxy, type Proxy } from '@millrace/stack/proxy.ts';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { encodeStats, type StatsBatch } from '@millrace/wire/stats.ts';
import { QuestdbHttp } from './questdb/http.ts';
import { type Lab, type LabSinks, openLab, readingsRecord, testBatch, until } from './testing.ts';

let stack: Stack;
let proxy: Proxy;
let home: string;
const questdb = () => stack.questdb!;

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'millrace-sinks-'));
  stack = await openStack({ home, kafkaNodes: 0 });
  const { hostname, port } = new URL(questdb().httpUrl);
  proxy = await openProxy({ target: { host: hostname, port: Number(port) } });
});

after(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

async function lab(questdbUrl: string): Promise<Lab> {
  const { brokers } = await sharedStack();
  return openLab({ partitions: 2, servers: { brokers, questdbUrl, writeDeadlineMs: 2000 } });
}

/** Sends 5,000 readings a second until stopped; resolves with the number of batches. */
async function sendUntil(one: Lab, stop: AbortSignal): Promise<number> {
  let sent = 0;
  while (!stop.aborted) {
    const batches = Array.from({ length: 10 }, (_, i) =>
      testBatch({ gateway: `lamp-${i % 4}`, firstSeq: (sent + i) * 50 }),
    );
    await Promise.all(batches.map(batch => one.producer.send(readingsRecord(one.topics.readings, batch))));
    sent += batches.length;
    await wait(100);
  }
  return sent;
}

const unavailable = (sinks: LabSinks): Promise<number> =>
  sinks.metric('millrace_sink_paused{sink="readings",reason="unavailable"');
const retries = (sinks: LabSinks): Promise<number> => sinks.metric('millrace_sink_retries_total{sink="readings"');

async function allStoredOnce(one: Lab, sinks: LabSinks, sent: number): Promise<void> {
  await until('all offsets', async () => (await one.committed('readings', one.topics.readings)) === sent, 60_000);
  await until(`${sent * 50} rows`, async () => (await one.count('readings')) === sent * 50, 60_000);
  await until('readiness', () => sinks.ready === true);
  assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="readings"'), 0);
  assert.equal(await sinks.metric('millrace_sink_restarts_total{sink="readings"'), 0);
}

/** The same window of the same series, at a revision; the count tells which one stands. */
function sendStats(one: Lab, revision: number) {
  const series = { sensor: 'air 1', metric: 'temperature', unit: 'Cel', intervalMs: 1000, zone: 'north' };
  const numbers = {
    count: 1,
    expected: 1,
    mean: 1,
    min: 1,
    max: 1,
    stddev: null,
    p50: 1,
    p95: 1,
    p99: 1,
    rate: null,
    first: 1,
    last: 1,
  };
  const row = { series, startUs: 1_760_000_040_000_000, ...numbers, revision, final: false };
  const value = encodeStats({ gateway: 'lamp-1' as StatsBatch['gateway'], site: '', window: '1m', rows: [row] });
  return one.producer.send({ topic: one.topics.stats, key: 'lamp-1', value });
}

test('frozen for longer than a request may take: resent, applied once, the group undisturbed, memory bounded', async t => {
  t.after(() => questdb().thaw());
  await using one = await lab(questdb().httpUrl);
  await using sinks = await one.start(['readings', 'stats'], { batchRows: 1000 });
  const stop = new AbortController();
  const sending = sendUntil(one, stop.signal);
  await until('first rows', async () => (await one.count('readings')) > 1000);
  const rebalances = (sink: string) => sinks.metric(`millrace_sink_rebalances_total{sink="${sink}"`);
  await until('the other sink', () => sinks.ready === true);
  const before = [await rebalances('readings'), await rebalances('stats')];
  questdb().freeze();
  await sendStats(one, 1);
  const taken = async () => (await sinks.metric('millrace_in_total')) - (await sinks.metric('millrace_out_total'));
  let most = 0;
  await until('requests given up, again and again', async () => {
    most = Math.max(most, await taken());
    return (await retries(sinks)) >= 6;
  });
  assert.equal(await unavailable(sinks), 1);
  assert.match(String(sinks.ready), /readings: QuestDB at .* did not answer within 2000 ms/);
  // Two requests on the way, one waiting, one filling, and no more although Kafka has more.
  assert.ok(most <= 4 * 1000 + 50, `${most} rows in memory`);
  await sendStats(one, 2);
  questdb().thaw();
  await until('readiness', () => sinks.ready === true);
  stop.abort();
  await allStoredOnce(one, sinks, await sending);
  await until('both revisions', async () => (await one.committed('stats', one.topics.stats)) === 2);
  await until('the window', async () => (await one.count('stats')) === 1);
  await until('the newest revision', async () => {
    const { rows } = await one.http.query(`SELECT revision FROM ${one.tablePrefix}stats`);
    return Number(rows[0]![0]) === 2;
  });
  assert.deepEqual([await rebalances('readings'), await rebalances('stats')], before);
});

test('the answer is lost after the rows were taken: sent again, stored once', async t => {
  t.after(() => proxy.dropResponses(false));
  await using one = await lab(`http://127.0.0.1:${proxy.port}`);
  using direct = new QuestdbHttp({ ...one.questdb, url: questdb().httpUrl });
  await using sinks = await one.start(['readings'], { batchRows: 1000 });
  await one.producer.send(readingsRecord(one.topics.readings, testBatch()));
  await until('first rows', async () => (await one.count('readings')) === 50);
  await until('the first offset', async () => (await one.committed('readings', one.topics.readings)) === 1);
  proxy.dropResponses(true);
  await one.producer.send(readingsRecord(one.topics.readings, testBatch({ firstSeq: 50 })));
  const table = `${one.tablePrefix}readings`;
  const stored = async (): Promise<number> => Number((await direct.query(`SELECT count() FROM ${table}`)).rows[0]![0]);
  await until('rows of which nobody was told', async () => (await stored()) === 100);
  assert.equal(await one.committed('readings', one.topics.readings), 1);
  await until('a second attempt', async () => (await retries(sinks)) >= 1);
  proxy.cut();
  proxy.dropResponses(false);
  await allStoredOnce(one, sinks, 2);
});

test('killed with requests under way and started again, twice: nothing lost, nothing twice', async () => {
  await using one = await lab(`http://127.0.0.1:${proxy.port}`);
  await using sinks = await one.start(['readings'], { batchRows: 1000 });
  const stop = new AbortController();
  const sending = sendUntil(one, stop.signal);
  for (let round = 0; round < 2; round++) {
    const rows = await one.count('readings');
    await until('more rows', async () => (await one.count('readings')) > rows + 1000);
    // Held on the way, so that the kill finds requests that have begun and not ended.
    proxy.delay(200);
    const requests = await sinks.metric('millrace_sink_requests_total{sink="readings"');
    await until(
      'a request under way',
      async () => (await sinks.metric('millrace_sink_requests_total{sink="readings"')) > requests,
    );
    await questdb().kill();
    proxy.delay(0);
    await until('the sink to notice', () => sinks.ready !== true);
    await questdb().start();
    await until('readiness', () => sinks.ready === true);
  }
  stop.abort();
  assert.ok((await retries(sinks)) > 0);
  await allStoredOnce(one, sinks, await sending);
});
