/** A real bridge process and a Kafka of its own, which is frozen, killed and started again. */
import assert from 'node:assert/strict';
import { type EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, mqttTopic } from '@millrace/wire/names.ts';
import mqtt from 'mqtt';
import { sealed } from '../test/batches.ts';
import { type BridgeProcess, startBridge } from '../test/bridge-process.ts';
import { knock, publishFrame, type RawClient, rawClient, until } from '../test/raw-client.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-bridge-'));
const awayMs = 60_000;
let stack: Stack;

before(async () => {
  stack = await openStack({ home, questdb: false });
});
after(async () => {
  await stack[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const node = () => stack.kafka!.nodes[0]!;

function bridge(prefix: string, settings: Readonly<Record<string, string>> = {}): Promise<BridgeProcess> {
  return startBridge({
    KAFKA__BROKERS: stack.kafka!.brokers.join(','),
    KAFKA__PREFIX: prefix,
    KAFKA__PARTITIONS: '4',
    LOG__LEVEL: 'info',
    ...settings,
  });
}

/** `gateway/first sequence number` of all batches in Kafka, as often as they are there. */
async function stored(prefix: string): Promise<string[]> {
  const found: string[] = [];
  await readTopicToEnd(openKafka({ brokers: stack.kafka!.brokers }), kafkaTopics(prefix).readings, {}, ({ value }) => {
    const { gateway, firstSeq } = decodeBatch(value!);
    found.push(`${gateway}/${firstSeq}`);
  });
  return found;
}

const acknowledged = ({ received }: RawClient): number => received.length / 4;

/** Waits until Kafka is known to be away, or back. @returns how long that took. */
async function noticed(own: BridgeProcess, code: 0 | 3): Promise<number> {
  const startedAt = performance.now();
  await until(`CONNACK ${code}`, async () => (await knock(own.port, 'knocking')) === code, awayMs);
  const tookMs = performance.now() - startedAt;
  const { status, body } = await own.ready();
  assert.equal(status, code === 0 ? 200 : 503, body);
  if (code === 3) assert.match(body, /^kafka: Kafka /);
  return tookMs;
}

test('many clients that push without waiting, and a frozen Kafka: memory is bounded, nothing is lost', async t => {
  const prefix = 'flood.';
  const [clients, batches] = [200, 80];
  const totalBytes = 4 * 1024 * 1024;
  await using own = await bridge(prefix, {
    BRIDGE__IN_FLIGHT__TOTAL__BYTES: `${totalBytes}`,
    BRIDGE__IN_FLIGHT__PER_CLIENT__MESSAGES: '4',
    BRIDGE__STORE_DEADLINE_MS: '300000',
  });
  const pushed = await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      const name = `lamp-${i}` as GatewayId;
      const client = await rawClient(own.port, name, 0);
      return { client, name };
    }),
  );
  node().freeze();
  const idleBytes = own.residentBytes;
  let sentBytes = 0;
  const pushing = pushed.map(async ({ client, name }) => {
    for (let i = 0; i < batches; i++) {
      const packet = publishFrame(i + 1, sealed(name, i * 1000, 1000), mqttTopic(name, 'readings'));
      sentBytes += packet.length;
      if (!client.socket.write(packet)) await once(client.socket, 'drain');
    }
  });
  await until('everyone is held', async () => (await own.metric('millrace_bridge_held_clients')) === clients, awayMs);
  let last = -1;
  await until('nothing more is read', async () => {
    const before = last;
    await new Promise(resolve => setTimeout(resolve, 500));
    last = await own.metric('millrace_bridge_held_bytes');
    return before === last;
  });
  const grownBytes = own.residentBytes - idleBytes;
  const inFlightBytes = await own.metric('millrace_bridge_unacknowledged_bytes');
  assert.ok(inFlightBytes >= totalBytes && inFlightBytes < totalBytes + 50_000, `${inFlightBytes} in flight`);
  assert.ok(last <= clients * 2 * 65_536, `${last} bytes held`);
  // Payload, Node's two reads a socket, and what the heap makes of it: above all far less than was pushed.
  const boundBytes = 3 * totalBytes + clients * 2 * 65_536 + 60_000_000;
  assert.ok(grownBytes < boundBytes, `${grownBytes} grown`);
  const awayNoticedMs = await noticed(own, 3);
  node().thaw();
  const backNoticedMs = await noticed(own, 0);
  await Promise.all(pushing);
  await until('every PUBACK', () => pushed.every(({ client }) => acknowledged(client) === batches), 2 * awayMs);
  t.diagnostic(
    `${(sentBytes / 1e6).toFixed()} MB pushed, ${(grownBytes / 1e6).toFixed()} MB grown (bound ${(boundBytes / 1e6).toFixed()}); CONNACK 3 after ${awayNoticedMs.toFixed()} ms, 0 after ${backNoticedMs.toFixed()} ms`,
  );
  assert.ok(sentBytes > 1.3 * boundBytes, `${sentBytes} bytes are no flood`);
  assert.ok(pushed.every(({ client }) => !client.ended && !client.reset));
  for (const { client } of pushed) client.socket.destroy();
  assert.equal(new Set(await stored(prefix)).size, clients * batches);
  assert.equal(await own.stop(), 0);
});

test('Kafka frozen: an MQTT.js client with a short keep-alive lives until its deadline, is told CONNACK 3, and sends again', async () => {
  const prefix = 'frozen.';
  await using own = await bridge(prefix);
  const name = 'lamp-1' as GatewayId;
  const client = mqtt.connect(`mqtt://127.0.0.1:${own.port}`, {
    protocolVersion: 4,
    clientId: name,
    keepalive: 4,
    reconnectPeriod: 500,
    reconnectOnConnackError: true,
  });
  const seen = { pings: 0, refused: 0, errors: [] as string[] };
  client.on('packetreceive', packet => {
    if (packet.cmd === 'pingresp') seen.pings++;
    if (packet.cmd === 'connack' && packet.returnCode === 3) seen.refused++;
  });
  client.on('error', error => {
    if (!/Server unavailable/.test(error.message)) seen.errors.push(error.message);
  });
  const event = (name: string): Promise<unknown> => once(client as unknown as EventEmitter, name);
  await event('connect');
  const topic = mqttTopic(name, 'readings');
  await client.publishAsync(topic, Buffer.from(sealed(name, 0)), { qos: 1 });
  node().freeze();
  const startedAt = performance.now();
  const published = client.publishAsync(topic, Buffer.from(sealed(name, 2)), { qos: 1 });
  await event('close');
  const livedMs = performance.now() - startedAt;
  // At the deadline, 1.2 × 4 s; MQTT.js by itself would give up after 6 s.
  assert.ok(livedMs > 4700, `${livedMs}`);
  assert.deepEqual([seen.pings, seen.errors], [1, []]);
  await until('CONNACK 3', () => seen.refused > 0);
  node().thaw();
  await published;
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(new Set(await stored(prefix)), new Set(['lamp-1/0', 'lamp-1/2']));
  assert.equal(await own.metric('millrace_bridge_left_unacknowledged_total'), 1);
  await client.endAsync();
});

test('Kafka killed: CONNACK 3 without any traffic, and no more when it is back', async t => {
  await using own = await bridge('killed.');
  const client = await rawClient(own.port, 'lamp-1');
  await node().kill();
  const awayMs = await noticed(own, 3);
  assert.equal(client.ended, false);
  await node().start();
  t.diagnostic(`CONNACK 3 after ${awayMs.toFixed()} ms, 0 after ${(await noticed(own, 0)).toFixed()} ms`);
  client.socket.destroy();
});

test('SIGTERM under load: what is stored is acknowledged, what is not comes again', async () => {
  const prefix = 'drained.';
  await using own = await bridge(prefix);
  const senders = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => {
      const name = `lamp-${i}` as GatewayId;
      const client = await rawClient(own.port, name);
      return { name, client };
    }),
  );
  const sending = senders.map(async ({ name, client }) => {
    for (let i = 0; !client.ended && !client.reset; i++) {
      const packet = publishFrame((i % 65_535) + 1, sealed(name, 2 * i), mqttTopic(name, 'readings'));
      if (client.socket.writable) client.socket.write(packet);
      await until('its turn', () => client.ended || client.reset || i - acknowledged(client) < 200);
    }
  });
  await until('flow', () => senders.every(({ client }) => acknowledged(client) > 300));
  assert.equal(await own.stop(), 0);
  await Promise.all(sending);
  const all = await stored(prefix);
  assert.equal(new Set(all).size, all.length);
  const inKafka = new Set(all);
  let count = 0;
  for (const { name, client } of senders) {
    const acks = acknowledged(client);
    count += acks;
    for (let i = 0; i < acks; i++) assert.ok(inKafka.has(`${name}/${2 * i}`), `${name}/${2 * i} was acknowledged`);
  }
  // An orderly end leaves nothing stored without its PUBACK.
  assert.equal(inKafka.size, count);
});

test('SIGTERM while Kafka is away ends within the deadline, and acknowledges nothing', async () => {
  await using own = await bridge('gone.', { BRIDGE__STORE_DEADLINE_MS: '2000' });
  const name = 'lamp-1' as GatewayId;
  const client = await rawClient(own.port, name);
  node().freeze();
  client.socket.write(publishFrame(1, sealed(name, 0), mqttTopic(name, 'readings')));
  await until('it is in flight', async () => (await own.metric('millrace_bridge_in_flight')) === 1);
  assert.equal(await own.stop(), 0);
  node().thaw();
  await until('end of the connection', () => client.ended);
  assert.equal(acknowledged(client), 0);
});
