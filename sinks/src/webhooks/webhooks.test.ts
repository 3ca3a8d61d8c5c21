/** Alerts to real receivers, through a real Kafka. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { rejectedHeaders } from '@millrace/wire/names.ts';
import type { Sink } from '../sink.ts';
import { type Lab, type LabSinks, openLab, until } from '../testing.ts';
import type { Webhook } from './config.ts';
import { webhookSink } from './sink.ts';
import { openReceiver, type Received, type Receiver, secret, sendAlert } from './testing.ts';

function sinkTo(url: string, changes: Partial<Webhook> = {}): Sink {
  const webhook = { name: 'city', url, secret, only: {}, timeoutMs: 10_000, giveUpAfterMs: 86_400_000, ...changes };
  return webhookSink(webhook, { minRetryMs: 20 });
}

const committed = (lab: Lab, name = 'city'): Promise<number> => lab.committed(`webhook-${name}`, lab.topics.alerts);
const inGroup = (sinks: LabSinks): Promise<void> => until('readiness', () => sinks.ready === true);
const ids = ({ received }: Receiver): string[] => received.map(({ id }) => id);

/** The beginning of the group is committed, so that what is sent from now on is its own. */
async function started(
  lab: Lab,
  sink: Sink,
  t: TestContext,
  settings: Parameters<Lab['start']>[1] = {},
): Promise<LabSinks> {
  const sinks = await lab.start([sink], settings);
  t.after(() => sinks[Symbol.asyncDispose]());
  await begun(lab, sink.name.replace('webhook-', ''));
  return sinks;
}

async function begun(lab: Lab, name = 'city'): Promise<void> {
  await until('its beginning', async () => {
    const offsets = await lab.admin.committedOffsets(`${lab.prefix}sink.webhook-${name}`, lab.topics.alerts);
    return offsets.every(offset => offset !== null);
  });
}

/** As a receiver in a browser's language would: WebCrypto instead of the functions that signed. */
async function isSigned({ id, headers, body }: Received): Promise<boolean> {
  const bytes = Uint8Array.from(atob(secret.slice('whsec_'.length)), letter => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  const [version, signature] = String(headers['webhook-signature']).split(',');
  const signed = new TextEncoder().encode(`${id}.${String(headers['webhook-timestamp'])}.${body}`);
  const given = Uint8Array.from(atob(signature!), letter => letter.charCodeAt(0));
  return version === 'v1' && (await crypto.subtle.verify('HMAC', key, given, signed));
}

test('what is raised from its first start on is posted, signed, where it is wanted; history is not', async t => {
  await using lab = await openLab({ partitions: 2 });
  await using receiver = await openReceiver();
  for (let i = 0; i < 5; i++) await sendAlert(lab, { id: `old-${i}`, sensor: `air ${i}` });
  const sinks = await started(
    lab,
    sinkTo(`${receiver.url}/hook?token=7`, { only: { severity: ['warning', 'critical'], rule: 'he*' } }),
    t,
  );
  const before = await committed(lab);
  await sendAlert(lab);
  await sendAlert(lab, { id: 'a-2', severity: 0 });
  await sendAlert(lab, { id: 'a-3', rule: 'frost' });
  await lab.producer.send({ topic: lab.topics.alerts, key: 'lamp-1/air 1/temperature', value: null });
  await lab.producer.send({ topic: lab.topics.alerts, key: 'x', value: Buffer.from('no alert') });
  await sendAlert(lab, { state: 0, value: 20 });
  await until('all of them', async () => (await committed(lab)) === before + 6);
  assert.equal(before, 5);
  assert.deepEqual(ids(receiver), ['a-1_raised', 'a-1_cleared']);
  const [first] = receiver.received;
  assert.equal(first!.path, '/hook?token=7');
  assert.equal(first!.headers['content-type'], 'application/json');
  assert.ok(Math.abs(Number(first!.headers['webhook-timestamp']) - Date.now() / 1000) < 60);
  assert.equal((JSON.parse(first!.body) as { data: { message: string } }).data.message.endsWith('Höfn'), true);
  for (const one of receiver.received) assert.ok(await isSigned(one));
  assert.ok(!(await isSigned({ ...first!, body: first!.body.replace('61.5', '61.6') })));
  const [rejected] = await lab.rejected(1);
  assert.equal(Buffer.from(rejected!.value!).toString(), 'no alert');
  assert.equal(sinks.ready, true);
});

test('an endpoint that is away at the first start gets, after the second, what was raised since the first', async () => {
  await using lab = await openLab({ partitions: 2 });
  await using receiver = await openReceiver();
  await sendAlert(lab, { id: 'old' });
  {
    await using _sinks = await lab.start([sinkTo('http://127.0.0.1:9')]);
    await begun(lab);
    await sendAlert(lab, { id: 'tried' });
    await until(
      'attempts',
      async () => (await _sinks.metric('millrace_sink_paused{sink="webhook-city",reason="unavailable"')) === 1,
    );
    assert.equal(await committed(lab), 1);
  }
  await sendAlert(lab, { id: 'meanwhile' });
  await using _sinks = await lab.start([sinkTo(receiver.url)]);
  await until('both', () => receiver.received.length === 2);
  assert.deepEqual(ids(receiver), ['tried_raised', 'meanwhile_raised']);
});

test('500s, then 204; an alert that always fails holds up its own clearing, and nothing else', async t => {
  await using lab = await openLab({ partitions: 1 });
  await using receiver = await openReceiver();
  let failures = 5;
  let isMended = false;
  receiver.answer(({ id }, response) => {
    const isBad = failures-- > 0 || (id === 'bad_raised' && !isMended);
    response.writeHead(isBad ? 500 : 200).end('not now');
  });
  const sinks = await started(lab, sinkTo(receiver.url), t);
  await sendAlert(lab, { id: 'bad' });
  await sendAlert(lab, { id: 'bad', state: 0 });
  for (let i = 0; i < 20; i++) await sendAlert(lab, { id: `good-${i}`, sensor: `air ${i + 2}` });
  const count = (id: string): number => ids(receiver).filter(one => one === id).length;
  await until('the good ones', () =>
    Array.from({ length: 20 }, (_, i) => `good-${i}_raised`).every(id => count(id) > 0),
  );
  await until('one that fails again and again', () => count('bad_raised') >= 4);
  assert.equal(count('bad_cleared'), 0);
  assert.equal(await committed(lab), 0);
  isMended = true;
  await until('its clearing', () => count('bad_cleared') === 1);
  await until('all offsets', async () => (await committed(lab)) === 22);
  assert.equal(ids(receiver).at(-1), 'bad_cleared');
  assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="webhook-city"'), 0);
  assert.equal(await sinks.metric('millrace_sink_rows_total{sink="webhook-city"'), 22);
  assert.ok((await sinks.metric('millrace_sink_retries_total{sink="webhook-city"')) >= 5);
});

test('what a receiver refuses goes to the rejected topic with its reason, and the next alert is posted', async t => {
  await using lab = await openLab({ partitions: 1 });
  await using receiver = await openReceiver();
  receiver.answer(({ id }, response) => {
    if (id === 'bad_raised') response.writeHead(400).end('no\r\nsuch \u0007thing');
    else if (id === 'moved_raised' && count() < 3) response.writeHead(302, { location: '/elsewhere' }).end();
    else response.writeHead(204).end();
  });
  const count = (): number => ids(receiver).filter(id => id === 'moved_raised').length;
  const sinks = await started(lab, sinkTo(receiver.url), t);
  for (const id of ['bad', 'moved', 'good']) await sendAlert(lab, { id, sensor: id });
  await until('all offsets', async () => (await committed(lab)) === 3);
  assert.equal(ids(receiver).filter(id => id === 'bad_raised').length, 1);
  assert.ok(receiver.received.every(({ path }) => path === '/'));
  assert.equal(count(), 3);
  const [record, ...more] = await lab.rejected(1);
  assert.equal(more.length, 0);
  assert.equal(record!.headers[rejectedHeaders.reason], 'webhook city: answered 400: no such thing');
  assert.equal(record!.headers[rejectedHeaders.stage], 'sink-webhook-city');
  assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="webhook-city"'), 1);
  assert.equal(sinks.ready, true);
});

test('429: nothing is sent before the receiver wants more', async t => {
  await using lab = await openLab({ partitions: 1 });
  await using receiver = await openReceiver();
  const atMs: number[] = [];
  receiver.answer((_, response) => {
    atMs.push(performance.now());
    if (atMs.length === 1) response.writeHead(429, { 'retry-after': '1' }).end();
    else response.writeHead(204).end();
  });
  await started(lab, sinkTo(receiver.url), t);
  await sendAlert(lab);
  await until('the first answer', () => atMs.length === 1);
  await sendAlert(lab, { id: 'a-2', sensor: 'air 2' });
  await until('all offsets', async () => (await committed(lab)) === 2);
  assert.equal(atMs.length, 3);
  assert.ok(atMs[1]! - atMs[0]! >= 990, `${atMs[1]! - atMs[0]!} ms`);
});

test('a dead and a frozen receiver hold up neither another one nor a table, in bounded memory', async () => {
  await using lab = await openLab({ partitions: 2 });
  await using frozen = await openReceiver();
  await using receiver = await openReceiver();
  frozen.answer(() => {});
  await using sinks = await lab.start([
    sinkTo('http://127.0.0.1:9', { name: 'dead' }),
    sinkTo(frozen.url, { name: 'frozen', timeoutMs: 300 }),
    sinkTo(receiver.url),
    'alerts',
  ]);
  for (const name of ['dead', 'frozen', 'city']) await begun(lab, name);
  const alerts = 1500;
  await Promise.all(
    Array.from({ length: alerts }, (_, i) => sendAlert(lab, { id: `a-${i}`, sensor: `air ${i}`, atUs: i * 1_000_000 })),
  );
  await until('the endpoint that is there', async () => (await committed(lab)) === alerts);
  await until('the table', async () => (await lab.count('alerts')) === alerts);
  assert.equal(new Set(ids(receiver)).size, alerts);
  assert.equal(receiver.received.length, alerts);
  assert.ok(receiver.mostOpen <= 4);
  // Of the two others: what is in memory is what was read and not taken; a partition may pass the cap by one.
  const inMemory = (await sinks.metric('millrace_in_total')) - (await sinks.metric('millrace_out_total'));
  assert.ok(inMemory <= 2 * (1000 + 2), `${inMemory} alerts in memory`);
  await until('attempts', async () => (await sinks.metric('millrace_sink_retries_total{sink="webhook-frozen"')) >= 4);
  for (const name of ['dead', 'frozen']) {
    assert.equal(await committed(lab, name), 0);
    await until(
      `${name} said to be away`,
      async () => (await sinks.metric(`millrace_sink_paused{sink="webhook-${name}",reason="unavailable"`)) === 1,
    );
  }
  await inGroup(sinks);
});

test('what no receiver takes is given up at its age, and is in the rejected topic', async t => {
  await using lab = await openLab({ partitions: 1 });
  const sinks = await started(lab, sinkTo('http://127.0.0.1:9', { giveUpAfterMs: 1000 }), t);
  for (const id of ['a', 'b', 'c']) await sendAlert(lab, { id });
  await until('all offsets', async () => (await committed(lab)) === 3);
  const records = await lab.rejected(3);
  assert.equal(records.length, 3);
  for (const { headers } of records)
    assert.match(
      headers[rejectedHeaders.reason]!,
      /^webhook city: not taken within 1 s; at last it does not answer \(ECONNREFUSED\)$/,
    );
  assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="webhook-city"'), 3);
});

test('a second process takes over partitions while alerts wait, and leaves again: all arrive, each series in its order', async () => {
  await using lab = await openLab({ partitions: 4 });
  await using receiver = await openReceiver();
  receiver.answer((_, response) => void response.writeHead(503).end());
  await using first = await lab.start([sinkTo(receiver.url)]);
  await begun(lab);
  const series = Array.from({ length: 20 }, (_, i) => `air-${i}`);
  for (const state of [1, 0] as const) for (const sensor of series) await sendAlert(lab, { id: sensor, sensor, state });
  const second = await lab.start([sinkTo(receiver.url)]);
  const rebalances = (sinks: LabSinks) => sinks.metric('millrace_sink_rebalances_total{sink="webhook-city"');
  await until('the second one', async () => second.ready === true && (await rebalances(first)) >= 2);
  await until(
    'attempts of it',
    async () => (await second.metric('millrace_sink_retries_total{sink="webhook-city"')) > 0,
  );
  await second[Symbol.asyncDispose]();
  await until('its partitions to come back', async () => (await rebalances(first)) >= 3);
  const tried = receiver.received.length;
  receiver.answer((_, response) => void response.writeHead(204).end());
  await until('all offsets', async () => (await committed(lab)) === 2 * series.length);
  const taken = ids(receiver).slice(tried);
  for (const sensor of series) {
    // Whatever comes again, after one more rebalance, comes again in its order.
    const own = taken.filter(id => id.startsWith(`${sensor}_`));
    assert.deepEqual([...new Set(own)], [`${sensor}_raised`, `${sensor}_cleared`]);
    assert.equal(own.at(-1), `${sensor}_cleared`);
  }
});
