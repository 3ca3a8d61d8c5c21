/** Real sockets and the real Aedes; only when a publish counts as stored is steered. */
import assert from 'node:assert/strict';
import { type EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { TransientError } from '@millrace/runtime/errors.ts';
import { openLog } from '@millrace/runtime/log.ts';
import mqtt from 'mqtt';
import {
  connectFrame,
  disconnect,
  knock,
  pingreq,
  pingresp,
  puback,
  publishFrame,
  rawClient as raw,
  until,
} from '../test/raw-client.ts';
import type { Publish } from './append.ts';
import { type Broker, type BrokerOptions, openBroker } from './broker.ts';
import { defaultInFlight } from './config.ts';

const log = openLog('bridge-test', 'error');
const limits = { ...defaultInFlight, perClient: { messages: 10, bytes: 1024 * 1024 } };

interface Held {
  readonly publish: Publish;
  readonly store: () => void;
  readonly fail: () => void;
}

/** A broker that stores when the test says so. */
async function holding(
  options: Partial<BrokerOptions> = {},
): Promise<{ broker: Broker; held: Held[]; stored: string[] }> {
  const held: Held[] = [];
  const stored: string[] = [];
  const store: BrokerOptions['store'] = publish =>
    new Promise((resolve, reject) => {
      held.push({
        publish,
        store: () => {
          stored.push(Buffer.from(publish.payload).toString());
          resolve({ readings: 0 });
        },
        fail: () => reject(new TransientError('not stored')),
      });
    });
  const broker = await openBroker({ host: '127.0.0.1', port: 0, log, store, inFlight: limits, ...options });
  return { broker, held, stored };
}

const numbered = (count: number, from = 1): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => publishFrame(from + i, `${from + i}`)));

test('beyond its cap a client is held, not disconnected: pings are answered, and all goes on in order', async () => {
  const { broker, held, stored } = await holding();
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1');
  client.socket.write(Buffer.concat([numbered(50), pingreq]));
  await until('the answer to the ping', () => client.received.length >= 2);
  assert.deepEqual(client.received.splice(0), pingresp);
  await until('ten in flight', () => held.length === 10);
  assert.deepEqual([broker.inFlight.messages, broker.held.clients], [10, 1]);
  for (let i = 0; i < 50; i++) {
    await until(`publish ${i}`, () => held.length > i);
    assert.ok(broker.inFlight.messages <= 10);
    held[i]!.store();
    if (i % 10 === 3) client.socket.write(pingreq);
  }
  await until('all answers', () => client.received.length === 50 * 4 + 5 * 2);
  const answers = client.received.join().replaceAll(pingresp.join(), '');
  assert.deepEqual(
    answers
      .split(',')
      .filter(byte => byte !== '')
      .map(Number),
    Array.from({ length: 50 }, (_, i) => puback(i + 1)).flat(),
  );
  assert.deepEqual(
    stored,
    Array.from({ length: 50 }, (_, i) => `${i + 1}`),
  );
  assert.deepEqual(
    [broker.inFlight, broker.held].map(({ bytes }) => bytes),
    [0, 0],
  );
  client.socket.destroy();
});

test('packets may come in any pieces', async () => {
  const { broker, held, stored } = await holding();
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1');
  const payload = 'x'.repeat(300);
  client.socket.setNoDelay(true);
  const stream = Buffer.concat([pingreq, publishFrame(1, payload), numbered(20, 2), pingreq]);
  for (const byte of stream) {
    client.socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  for (let i = 0; i < 21; i++) {
    await until(`publish ${i}`, () => held.length > i);
    held[i]!.store();
  }
  await until('all answers', () => client.received.length === 21 * 4 + 2 * 2);
  assert.deepEqual(stored, [payload, ...Array.from({ length: 20 }, (_, i) => `${i + 2}`)]);
  client.socket.destroy();
});

test('what a client sends before its CONNACK waits for it', async () => {
  const { broker, held } = await holding({ inFlight: { ...limits, perClient: { messages: 100, bytes: 1_000_000 } } });
  await using _ = broker;
  const socket = connect(broker.port, '127.0.0.1');
  // Aedes by itself ends a connection with more than 42 packets before CONNACK.
  socket.write(Buffer.concat([connectFrame('lamp-1'), numbered(80)]));
  await until('all of them', () => held.length === 80);
  for (const { store } of held) store();
  socket.destroy();
});

test('a message larger than the cap gets through, alone', async () => {
  const { broker, held, stored } = await holding({ inFlight: { ...limits, perClient: { messages: 10, bytes: 1024 } } });
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1');
  client.socket.write(Buffer.concat([publishFrame(1, 'y'.repeat(300_000)), publishFrame(2, 'next')]));
  await until('the large one', () => held.length === 1);
  client.socket.write(pingreq);
  await until('the answer to the ping', () => client.received.length === 2);
  assert.equal(held.length, 1);
  held[0]!.store();
  await until('the next one', () => held.length === 2);
  held[1]!.store();
  await until('both answers', () => client.received.length === 10);
  assert.deepEqual(
    stored.map(({ length }) => length),
    [300_000, 4],
  );
  client.socket.destroy();
});

test('a message larger than the cap for all gets through behind others in flight', async () => {
  const inFlight = {
    perClient: { messages: 1000, bytes: 64 * 1024 },
    total: { messages: 20_000, bytes: 512 * 1024 },
    readAheadBytes: 64 * 1024,
  };
  const { broker, held, stored } = await holding({ inFlight });
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1');
  client.socket.write(numbered(150));
  await until('all in flight', () => held.length === 150);
  client.socket.write(publishFrame(200, 'y'.repeat(1000 * 1024)));
  await until('its beginning is let in', () => broker.inFlight.messages === 151);
  // Aedes reads the rest when what it read with the beginning has its answers.
  await until('the read-ahead is full', () => broker.held.bytes >= inFlight.readAheadBytes);
  for (const { store } of held) store();
  await until('the large one', () => held.length === 151);
  held[150]!.store();
  await until('all answers', () => client.received.length === 151 * 4);
  assert.equal(stored.at(-1)?.length, 1000 * 1024);
  client.socket.destroy();
});

test('the cap for all is shared in turns', async () => {
  const inFlight = {
    ...limits,
    perClient: { messages: 1000, bytes: 1_000_000 },
    total: { messages: 64, bytes: 1_000_000 },
  };
  const { broker, held } = await holding({ inFlight });
  await using _ = broker;
  const greedy = await raw(broker.port, 'greedy');
  greedy.socket.write(numbered(1000));
  await until('the cap', () => broker.held.clients === 1 && held.length === 64);
  const modest = await raw(broker.port, 'modest');
  modest.socket.write(publishFrame(1, 'modest'));
  await until('both wait', () => broker.held.clients === 2);
  let at = 0;
  for (; !modest.received.length; at++) {
    await until(`publish ${at}`, () => held.length > at || modest.received.length > 0);
    assert.ok(broker.inFlight.messages <= 64);
    held[at]?.store();
  }
  assert.ok(at < 300, `the modest client waited for ${at} of the greedy one's 1000`);
  greedy.socket.destroy();
  modest.socket.destroy();
  await until('nothing in flight', () => {
    for (const { store } of held.splice(0)) store();
    return broker.inFlight.messages === 0;
  });
});

test('what a client left counts until Kafka has answered, and then no more', async () => {
  const { broker, held } = await holding();
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1');
  client.socket.write(numbered(30));
  await until('ten in flight', () => held.length === 10);
  client.socket.resetAndDestroy();
  await until('the connection has ended', () => broker.clients === 0);
  assert.deepEqual([broker.inFlight.messages, broker.held.clients], [10, 0]);
  for (const { store } of held) store();
  await until('nothing in flight', () => broker.inFlight.messages === 0);
  assert.equal(broker.inFlight.bytes, 0);
});

test('beyond the read-ahead a client is not read, and its publishes end at the deadline with a clean disconnect', async () => {
  const ends: [string, number][] = [];
  const { broker, held } = await holding({
    inFlight: { ...limits, readAheadBytes: 1024 },
    onEnded: (reason, unacknowledged) => ends.push([reason, unacknowledged]),
  });
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1', 1);
  const startedAt = performance.now();
  const block = Buffer.concat(Array.from({ length: 100 }, (_, i) => publishFrame(i + 1, 'z'.repeat(10_000))));
  for (let i = 0; i < 20; i++) client.socket.write(block);
  await until('end of the connection', () => client.ended);
  const waitedMs = performance.now() - startedAt;
  // Timers are early by a millisecond at times; how late a busy machine is must not matter.
  assert.ok(waitedMs >= 1190, `${waitedMs}`);
  assert.equal(client.reset, false);
  assert.ok(held.length > 0 && held.length <= 10);
  assert.equal(ends[0]?.[0], 'deadline');
  assert.ok(ends[0][1] >= 10 && ends[0][1] < 60, `${ends[0][1]} without PUBACK`);
  assert.ok(broker.held.bytes < 200_000);
  for (const { store } of held) store();
  client.socket.destroy();
});

test('a client that pings lives on while its publish waits, as long as the deadline allows; without keep-alive that is the configured one', async () => {
  for (const [keepalive, storeDeadlineMs, atLeastMs] of [
    [2, 60_000, 2400],
    [60, 700, 700],
    [0, 700, 700],
  ] as const) {
    const { broker, held } = await holding({ storeDeadlineMs });
    await using _ = broker;
    const client = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
      protocolVersion: 4,
      clientId: 'lamp-1',
      reconnectPeriod: 10,
      keepalive,
    });
    const errors: Error[] = [];
    client.on('error', error => errors.push(error));
    await once(client as unknown as EventEmitter, 'connect');
    let pings = 0;
    client.on('packetreceive', ({ cmd }) => (pings += cmd === 'pingresp' ? 1 : 0));
    const startedAt = performance.now();
    const published = client.publishAsync('t', 'x', { qos: 1 });
    await once(client as unknown as EventEmitter, 'close');
    const livedMs = performance.now() - startedAt;
    assert.ok(livedMs >= atLeastMs - 10, `${livedMs} ms with keep-alive ${keepalive}`);
    assert.equal(pings, keepalive === 2 ? 1 : 0);
    // It comes again, with what it got no PUBACK for.
    await until('the resend', () => held.length === 2);
    for (const { store } of held) store();
    await published;
    assert.deepEqual(errors, []);
    await client.endAsync(true);
  }
});

test('a client that is held for many keep-alives is not cut while there is progress, and has its pings answered', async () => {
  const { broker, held } = await holding();
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1', 1);
  client.socket.write(numbered(500));
  await until('ten in flight', () => held.length === 10);
  let stored = 0;
  const startedAt = performance.now();
  const slow = setInterval(() => stored < held.length && held[stored++]!.store(), 100);
  const pinging = setInterval(() => client.socket.write(pingreq), 500);
  await until('more than three keep-alives, or the end', () => performance.now() - startedAt > 3500 || client.ended);
  clearInterval(slow);
  clearInterval(pinging);
  assert.equal(client.ended, false);
  assert.equal(broker.held.clients, 1);
  assert.ok(client.received.filter((byte, i, all) => byte === 0xd0 && all[i + 1] === 0).length >= 3);
  client.socket.destroy();
  for (const { store } of held) store();
});

test('a silent client is disconnected after 1.5 × its keep-alive [MQTT-3.1.2-24]', async () => {
  const ends: string[] = [];
  const { broker } = await holding({ onEnded: reason => ends.push(reason) });
  await using _ = broker;
  const startedAt = performance.now();
  const client = await raw(broker.port, 'lamp-1', 1);
  await until('end of the connection', () => client.ended);
  assert.ok(performance.now() - startedAt >= 1490);
  client.socket.destroy();
  await until('it is noticed', () => ends.length === 1);
  assert.deepEqual(ends, ['keep-alive']);
});

test('a DISCONNECT behind held publishes is still one: no will', async () => {
  const { broker, held } = await holding();
  await using _ = broker;
  const socket = connect(broker.port, '127.0.0.1');
  const will = { topic: 'millrace/v1/lamp-1/status', payload: 'gone' };
  socket.end(Buffer.concat([connectFrame('lamp-1', 60, will), numbered(15), disconnect]));
  for (let i = 0; i < 15; i++) {
    await until(`publish ${i}`, () => held.length > i);
    held[i]!.store();
  }
  await until('the connection has ended', () => broker.clients === 0);
  assert.equal(held.length, 15);
});

test('malformed lengths end the connection', async () => {
  const { broker } = await holding();
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1');
  client.socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]));
  await until('end of the connection', () => client.ended);
  client.socket.destroy();
});

test('while there is trouble new clients get CONNACK 3, and those that are in stay', async () => {
  let trouble: string | undefined;
  const refused: (number | string)[] = [];
  const { broker, held } = await holding({ trouble: () => trouble, onRefused: code => refused.push(code) });
  await using _ = broker;
  const client = await raw(broker.port, 'lamp-1');
  trouble = 'Kafka is away';
  assert.equal(await knock(broker.port, 'lamp-2'), 3);
  assert.deepEqual(refused, [3]);
  client.socket.write(publishFrame(1, 'x'));
  await until('the publish', () => held.length === 1);
  held[0]!.store();
  await until('PUBACK', () => client.received.length === 4);
  trouble = undefined;
  assert.equal(await knock(broker.port, 'lamp-2'), 0);
  client.socket.destroy();
});

test('an orderly end acknowledges what is in flight, lets nothing more in, and answers pings until then', async () => {
  const { broker, held, stored } = await holding();
  const client = await raw(broker.port, 'lamp-1');
  client.socket.write(numbered(30));
  await until('ten in flight', () => held.length === 10);
  const closed = broker[Symbol.asyncDispose]();
  for (const { store } of held.slice(0, 5)) store();
  client.socket.write(pingreq);
  await until('five PUBACKs and the ping', () => client.received.length === 22);
  assert.equal(held.length, 10);
  for (const { store } of held.slice(5)) store();
  await until('end of the connection', () => client.ended);
  client.socket.destroy();
  await closed;
  assert.deepEqual([client.received.length, stored.length], [42, 10]);
});
