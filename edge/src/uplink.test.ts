import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Logger, openLog } from '@millrace/runtime/log.ts';
import { Clock, decodeBatch } from '@millrace/wire/batch.ts';
import { decodeStatus, GatewayState } from '@millrace/wire/status.ts';
import { openBroker, type Publish, type TestBroker } from '../test/broker.ts';
import { folder, gateway, openAt, readings, silent, until } from '../test/outbox.ts';
import type { Outbox } from './outbox/outbox.ts';
import { Uplink, type UplinkOptions } from './uplink.ts';

function uplinkTo(url: string, outbox: Outbox, options: Partial<UplinkOptions> = {}): Uplink {
  return new Uplink({
    gateway,
    mqtt: { url, keepaliveSeconds: 30, inFlight: 4, password: 'secret' },
    statusIntervalMs: 60_000,
    outbox,
    status: () => ({
      gateway,
      site: '',
      version: '0',
      boot: outbox.boot,
      lastSeq: outbox.level.lastSeq,
      outboxReadings: outbox.level.readings,
      outboxBytes: outbox.level.bytes,
      dropped: 0,
      clock: Clock.SYNCED,
      clockOffsetMs: 0,
      unsent: [],
      completeThroughUs: 0,
      atUs: Date.now() * 1000,
    }),
    log: silent,
    minPauseMs: 5,
    maxPauseMs: 20,
    ...options,
  });
}

const isBatch = ({ topic }: Publish): boolean => topic === `millrace/v1/${gateway}/readings`;
const batchesAt = (broker: TestBroker) => broker.publishes.filter(isBatch);
const statesAt = (broker: TestBroker) =>
  broker.publishes.filter(({ topic }) => topic.endsWith('/status')).map(({ payload }) => decodeStatus(payload).state);

/** Appends `count` readings, one a batch. */
async function fill(outbox: Outbox, count: number, from = 0): Promise<void> {
  for (let i = 0; i < count; i++) await outbox.append('s', readings(1, from + i));
}

/** What a source declares with its reading `i`. */
const declared = (i: number): number => readings(1, i)[0]!.timeUs;

/** A logger whose messages the test reads. */
function recording(): { log: Logger; messages: string[] } {
  const messages: string[] = [];
  const log = openLog('test', 'silent');
  for (const level of ['info', 'warn', 'error'] as const)
    log[level] = ((first: unknown, second?: string) => messages.push(second ?? String(first))) as Logger['info'];
  return { log, messages };
}

test('what is in the outbox arrives in order, after the birth, and leaves at PUBACK', async () => {
  await using broker = await openBroker();
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  await fill(outbox, 10);
  let acknowledged = 0;
  await using uplink = uplinkTo(broker.url, outbox, { onAcknowledged: count => void (acknowledged += count) });
  await until('sent', () => outbox.level.readings === 0);
  await fill(outbox, 10, 10);
  await until('sent', () => acknowledged === 20);
  assert.equal(uplink.connected, true);
  assert.deepEqual(
    batchesAt(broker).map(({ payload }) => decodeBatch(payload).firstSeq),
    [...Array(20).keys()],
  );
  assert.deepEqual(statesAt(broker), [GatewayState.ONLINE]);
  assert.ok(!isBatch(broker.publishes[0]!) && broker.publishes[0]!.retain);
  assert.deepEqual(broker.credentials, { username: gateway, password: 'secret' });
  assert.deepEqual(outbox.page(-1, 100), []);
});

test('no more than the window is in flight, and nothing leaves the outbox before its PUBACK', async () => {
  await using broker = await openBroker();
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  const held: Publish[] = [];
  broker.onPublish = publish => (isBatch(publish) ? void held.push(publish) : publish.ack());
  await using uplink = uplinkTo(broker.url, outbox);
  await until('connected', () => uplink.connected);
  await fill(outbox, 10);
  await until('the window', () => held.length === 4);
  await wait(50); // For more than the window to come, if it did.
  assert.equal(held.length, 4);
  assert.equal(outbox.level.readings, 10);
  held[0]!.ack();
  await until('one PUBACK', () => outbox.level.readings === 9);
  broker.onPublish = ({ ack }) => ack();
  for (const { ack } of held.slice(1)) ack();
  await until('sent', () => outbox.level.readings === 0);
});

test('cuts at any moment lose nothing: what has no PUBACK comes again, as the same bytes', async () => {
  await using broker = await openBroker();
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  await fill(outbox, 30);
  let count = 0;
  broker.onPublish = publish => {
    if (!isBatch(publish)) return publish.ack();
    count += 1;
    if (count % 5 === 0) return broker.cut();
    // Now and then the answer is late, so that it meets the cut of its connection.
    if (count % 3 === 0) setTimeout(publish.ack, 2);
    else publish.ack();
  };
  await using _ = uplinkTo(broker.url, outbox);
  await fill(outbox, 30, 30);
  await until('sent', () => outbox.level.readings === 0);
  const bytes = new Map<number, string>();
  for (const { payload } of batchesAt(broker)) {
    const { firstSeq } = decodeBatch(payload);
    const hex = payload.toString('hex');
    assert.equal(bytes.get(firstSeq) ?? hex, hex);
    bytes.set(firstSeq, hex);
  }
  assert.deepEqual(
    [...bytes.keys()].sort((a, b) => a - b),
    [...Array(60).keys()],
  );
  assert.ok(broker.connects > 5);
});

test('after an outage what is new goes first, the backlog follows, and the claim waits for it', async () => {
  await using broker = await openBroker();
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  for (let i = 0; i < 40; i++) await outbox.append('s', readings(1, i), { completeThroughUs: declared(i) });
  const held: Publish[] = [];
  broker.onPublish = publish => (isBatch(publish) ? void held.push(publish) : publish.ack());
  await using uplink = uplinkTo(broker.url, outbox);
  await until('the first of the backlog', () => held.length === 1 && uplink.connected);
  await outbox.append('s', readings(1, 40), { completeThroughUs: declared(40) });
  await outbox.append('s', readings(1, 41), { completeThroughUs: declared(41) });
  await until('what is new', () => held.length === 3);
  const claims = held
    .map(({ payload }) => decodeBatch(payload))
    .map(batch => [batch.firstSeq, batch.completeThroughUs]);
  assert.deepEqual(claims, [
    [0, declared(0)],
    [40, declared(0)],
    [41, declared(0)],
  ]);
  assert.equal(outbox.backlogReadings, 40);
  broker.onPublish = ({ ack }) => ack();
  for (const { ack } of held) ack();
  await until('sent', () => outbox.level.readings === 0);
  await outbox.append('s', readings(1, 42), { completeThroughUs: declared(42) });
  await until('sent', () => outbox.level.readings === 0);
  const sent = batchesAt(broker).map(({ payload }) => decodeBatch(payload));
  assert.deepEqual(
    sent.map(({ firstSeq }) => firstSeq),
    [0, 40, 41, ...Array.from({ length: 39 }, (_, i) => i + 1), 42],
  );
  assert.equal(sent.at(-2)!.completeThroughUs, declared(39));
  assert.equal(sent.at(-1)!.completeThroughUs, declared(42));
});

test('a restart sends again what had no PUBACK, as the same bytes', async () => {
  await using broker = await openBroker();
  const path = join(folder(), 'o.db');
  broker.onPublish = publish => (isBatch(publish) ? undefined : publish.ack());
  {
    await using outbox = openAt(path, { groupCommitMs: 0 });
    await using uplink = uplinkTo(broker.url, outbox, { drainMs: 10 });
    await until('connected', () => uplink.connected);
    await fill(outbox, 3);
    await until('in flight', () => batchesAt(broker).length === 3);
  }
  broker.onPublish = ({ ack }) => ack();
  await using outbox = openAt(path);
  assert.equal(outbox.level.readings, 3);
  await using _ = uplinkTo(broker.url, outbox);
  await until('sent', () => outbox.level.readings === 0);
  const payloads = batchesAt(broker).map(({ payload }) => payload.toString('hex'));
  assert.deepEqual(payloads.slice(3), payloads.slice(0, 3));
});

test('a broker that is absent, refuses, and comes is waited for, and said once', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await until('a port', () => probe.address() !== null);
  const { port } = probe.address() as { port: number };
  probe.close();
  const { log, messages } = recording();
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  await fill(outbox, 2);
  await using uplink = uplinkTo(`mqtt://127.0.0.1:${port}`, outbox, { log });
  await until('said', () => messages.length === 1);
  await wait(100);
  assert.match(messages.join('\n'), /^cannot connect to mqtt:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*$/);
  await using broker = await openBroker(port);
  await until('sent', () => outbox.level.readings === 0);
  assert.equal(messages.length, 2);
  broker.refuse = 4;
  broker.cut();
  await until('refused', () => messages.some(text => /Connection refused: Bad username or password/.test(text)));
  assert.equal(uplink.connected, false);
  broker.refuse = 0;
  await fill(outbox, 2, 2);
  await until('sent', () => outbox.level.readings === 0);
});

test('the gateway is OFFLINE by its will after a crash, and by its own word after an orderly stop', async () => {
  await using broker = await openBroker();
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  {
    await using uplink = uplinkTo(broker.url, outbox, { statusIntervalMs: 20 });
    await until('pulse', () => statesAt(broker).length >= 3);
    broker.cut();
    await until('will', () => statesAt(broker).includes(GatewayState.OFFLINE));
    await until('back', () => broker.connects === 2 && uplink.connected);
    await fill(outbox, 50);
  }
  assert.equal(outbox.level.readings, 0); // Drained before the farewell.
  await wait(20); // For a will to come, if the DISCONNECT had not discarded it.
  const states = statesAt(broker);
  assert.equal(states.at(-1), GatewayState.OFFLINE);
  assert.equal(states.filter(state => state === GatewayState.OFFLINE).length, 2);
});

test('stopping is bounded when the broker no longer answers', async () => {
  await using broker = await openBroker();
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  await fill(outbox, 5);
  broker.onPublish = () => {};
  const startedAt = Date.now();
  {
    await using uplink = uplinkTo(broker.url, outbox, { drainMs: 50 });
    await until('connected', () => uplink.connected);
  }
  assert.ok(Date.now() - startedAt < 4000);
  assert.equal(outbox.level.readings, 5);
});

test('stopping while the broker is absent is immediate', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0 });
  const startedAt = Date.now();
  {
    await using _ = uplinkTo('mqtt://127.0.0.1:9', outbox, { minPauseMs: 60_000, maxPauseMs: 60_000 });
    await wait(30);
  }
  assert.ok(Date.now() - startedAt < 1000);
});
