import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, before, test } from 'node:test';
import { TransientError } from '@millrace/runtime/errors.ts';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { openLog } from '@millrace/runtime/log.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, mqttTopic, readingHeaders, rejectedHeaders } from '@millrace/wire/names.ts';
import { encodeStatus } from '@millrace/wire/status.ts';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { sealed } from '../test/batches.ts';
import { type Appended, append, type Publish } from './append.ts';
import { type Broker, openBroker } from './broker.ts';

const prefix = `test-bridge-${randomUUID()}.`;
const topics = kafkaTopics(prefix);
const log = openLog('bridge-test', 'error');
const gateway = 'lamp-7' as GatewayId;
const cleanup = new AsyncDisposableStack();
let kafka: Kafka;
let broker: Broker;

before(async () => {
  const { brokers } = await sharedStack();
  kafka = openKafka({ brokers });
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 3, replicationFactor: 1 }));
  const producer = cleanup.use(await kafka.openProducer());
  const options = { producer, topics, bridge: 'b1', nowUs: () => Date.now() * 1000 };
  broker = cleanup.use(
    await openBroker({ host: '127.0.0.1', port: 0, log, store: (publish, from) => append(publish, from, options) }),
  );
});
after(() => cleanup.disposeAsync());

/** mqtt types its events in a way that `once` does not take. */
const event = (from: MqttClient, name: string): Promise<unknown[]> => once(from as unknown as EventEmitter, name);

async function client(options: IClientOptions = {}, port = broker.port): Promise<MqttClient> {
  const connected = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
    protocolVersion: 4,
    clientId: gateway,
    reconnectPeriod: 0,
    ...options,
  });
  await event(connected, 'connect');
  return connected;
}

async function records(
  topic: string,
  wanted: (record: IncomingRecord) => boolean = () => true,
): Promise<IncomingRecord[]> {
  const found: IncomingRecord[] = [];
  await readTopicToEnd(kafka, topic, {}, record => {
    if (wanted(record)) found.push(record);
  });
  return found;
}

test('a batch is in Kafka, byte for byte, by the time its PUBACK arrives', async () => {
  const publisher = await client();
  const payload = sealed(gateway, 0);
  await publisher.publishAsync(mqttTopic(gateway, 'readings'), Buffer.from(payload), { qos: 1 });
  const [record, ...more] = await records(topics.readings, ({ key }) => key === gateway);
  await publisher.endAsync();
  assert.equal(more.length, 0);
  assert.deepEqual(Buffer.from(record!.value!), Buffer.from(payload));
  assert.equal(record!.headers[readingHeaders.bridge], 'b1');
  assert.ok(Math.abs(Number(record!.headers[readingHeaders.receivedAt]) / 1000 - Date.now()) < 60_000);
});

test('malformed, oversized and foreign publishes are acknowledged, kept whole with their reason, and hurt no neighbour', async () => {
  const name = 'lamp-8' as GatewayId;
  const publisher = await client({ clientId: name });
  const oversized = Buffer.alloc(1_500_000, 7);
  const bad: [topic: string, payload: Buffer, field: RegExp][] = [
    [mqttTopic(name, 'readings'), Buffer.from('no protobuf'), /./],
    [mqttTopic(name, 'readings'), oversized, /^payload$/],
    [mqttTopic(gateway, 'readings'), Buffer.from(sealed(gateway, 0)), /^topic$/],
    [mqttTopic(name, 'readings'), Buffer.from(sealed(gateway, 0)), /^gateway$/],
    ['somewhere/else', Buffer.from('x'), /^topic$/],
    [mqttTopic(name, 'senml'), Buffer.from('[{"n":"a","v":1}]'), /^\[0\]\.t$/],
  ];
  const all = bad.flatMap(([topic, payload], i) => [
    publisher.publishAsync(topic, payload, { qos: 1 }),
    publisher.publishAsync(mqttTopic(name, 'readings'), Buffer.from(sealed(name, 2 * i)), { qos: 1 }),
  ]);
  await Promise.all(all);
  await publisher.endAsync();
  const good = await records(topics.readings, ({ key }) => key === name);
  assert.deepEqual(
    good.map(({ value }) => decodeBatch(value!).firstSeq),
    bad.map((_, i) => 2 * i),
  );
  const rejected = await records(topics.rejected, ({ key }) => key === name);
  assert.equal(rejected.length, bad.length);
  for (const [i, [topic, payload, field]] of bad.entries()) {
    assert.deepEqual(Buffer.from(rejected[i]!.value!), payload);
    assert.equal(rejected[i]!.headers[rejectedHeaders.origin], topic);
    assert.match(rejected[i]!.headers[rejectedHeaders.field]!, field);
  }
});

test('SenML is converted', async () => {
  const name = 'meter-1' as GatewayId;
  const publisher = await client({ clientId: 'any client id at all', username: name });
  await publisher.publishAsync(
    mqttTopic(name, 'senml'),
    '[{"bn":"hall:","bt":1790000000,"n":"temp","u":"Cel","v":21}]',
    { qos: 1 },
  );
  await publisher.endAsync();
  const [record] = await records(topics.readings, ({ key }) => key === name);
  const batch = decodeBatch(record!.value!);
  assert.deepEqual(
    [batch.gateway, batch.series[0]!.sensor, batch.series[0]!.metric, batch.value],
    [name, 'hall', 'temp', [21]],
  );
  assert.deepEqual(
    [record!.headers[readingHeaders.contentType], record!.headers[readingHeaders.convertedFrom]],
    ['application/x-protobuf', 'application/senml+json'],
  );
});

function status(name: GatewayId, state: 0 | 1): Buffer {
  return Buffer.from(
    encodeStatus({
      gateway: name,
      site: '',
      state,
      version: '1',
      boot: 5,
      lastSeq: 0,
      outboxReadings: 0,
      outboxBytes: 0,
      dropped: 0,
      clock: 1,
      clockOffsetMs: 0,
      unsent: [],
      completeThroughUs: 0,
      atUs: 1,
    }),
  );
}

test('a connection that breaks publishes the will; one that was replaced does not', async () => {
  const name = 'lamp-9' as GatewayId;
  const topic = mqttTopic(name, 'status');
  const will = { topic, payload: status(name, 0), qos: 1, retain: true } as const;
  const states = async (): Promise<number[]> =>
    (await records(topics.gateways, ({ key }) => key === name)).map(({ value }) =>
      Buffer.compare(Buffer.from(value!), status(name, 0)) === 0 ? 0 : 1,
    );
  const first = await client({ clientId: name, will });
  first.on('error', () => {});
  await first.publishAsync(topic, status(name, 1), { qos: 1, retain: true });
  const replaced = event(first, 'close');
  const second = await client({ clientId: name, will });
  await replaced;
  await second.publishAsync(topic, status(name, 1), { qos: 1, retain: true });
  assert.deepEqual(await states(), [1, 1]);
  second.stream.destroy();
  const deadline = Date.now() + 10_000;
  while ((await states()).length < 3) assert.ok(Date.now() < deadline, 'the will did not arrive');
  assert.deepEqual(await states(), [1, 1, 0]);
});

test('names that are none, and wills outside the own status, are refused at the door', async () => {
  for (const options of [
    { clientId: 'Lamp 7' },
    { clientId: 'x', username: '../etc' },
    { clientId: 'lamp-1', will: { topic: 'millrace/v1/lamp-2/status', payload: Buffer.from('x') } },
  ]) {
    const refused = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
      protocolVersion: 4,
      reconnectPeriod: 0,
      ...options,
    } as IClientOptions);
    const [error] = (await event(refused, 'error')) as [Error];
    assert.match(error.message, /Connection refused/);
    refused.end(true);
  }
});

test('a client may subscribe to its own commands and to nothing else', async () => {
  const subscriber = await client({ clientId: 'lamp-10' });
  const answers = await Promise.allSettled(
    ['millrace/v1/lamp-10/commands', 'millrace/v1/lamp-7/commands', '#', 'millrace/v1/+/readings', '$SYS/#'].map(
      topic => subscriber.subscribeAsync(topic, { qos: 1 }),
    ),
  );
  await subscriber.endAsync();
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'rejected', 'rejected'],
  );
});

/** A broker whose storing the test steers; Aedes, the sockets and the packets are real. */
async function steered(store: (publish: Publish) => Promise<Appended>): Promise<Broker> {
  return openBroker({ host: '127.0.0.1', port: 0, log, store });
}

test('nothing that a client publishes reaches another one, and it cannot speak as the broker', async () => {
  const victim = await client({ clientId: 'lamp-11', clean: false });
  await victim.subscribeAsync('millrace/v1/lamp-11/commands', { qos: 1 });
  const heard: string[] = [];
  victim.on('message', topic => heard.push(topic));
  let disconnected = false;
  victim.on('close', () => (disconnected = true));
  const evil = await client({ clientId: 'evil' });
  await evil.publishAsync('millrace/v1/lamp-11/commands', 'REBOOT', { qos: 1, retain: true });
  await evil.publishAsync('$SYS/any/new/clients', 'lamp-11', { qos: 1 });
  await evil.publishAsync('$SYS/any/heartbeat', 'x', { qos: 0 });
  // Whatever was to arrive would be there before the answer to this.
  await victim.publishAsync('millrace/v1/lamp-11/commands', 'own', { qos: 1 });
  const usurper = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
    protocolVersion: 4,
    reconnectPeriod: 0,
    clientId: 'lamp-11',
    username: 'evil',
  });
  const [error] = (await event(usurper, 'error')) as [Error];
  assert.match(error.message, /Identifier rejected/i);
  assert.deepEqual([heard, disconnected], [[], false]);
  usurper.end(true);
  await evil.endAsync();
  await victim.endAsync();
});

test('closing does not wait for clients that go on sending', async () => {
  const own = await steered(() => new Promise(resolve => setImmediate(resolve, { readings: 0 })));
  const senders = await Promise.all(
    Array.from({ length: 10 }, (_, i) => client({ clientId: `sender-${i}` }, own.port)),
  );
  let going = true;
  let acknowledged = 0;
  for (const sender of senders) {
    sender.on('error', () => {});
    const next = (): void =>
      void sender.publish('x', 'y', { qos: 1 }, failed => {
        if (!failed) acknowledged++;
        if (going && !failed) next();
      });
    for (let i = 0; i < 5; i++) next();
  }
  for (let settled = 0; settled < 500; settled = acknowledged) await new Promise(setImmediate);
  const startedAt = Date.now();
  await own[Symbol.asyncDispose]();
  going = false;
  assert.ok(Date.now() - startedAt < 5000);
  for (const sender of senders) sender.end(true);
});

test('PUBACKs leave in the order of arrival, whatever order storing finishes in [MQTT-4.6.0-2]', async () => {
  const pending: (() => void)[] = [];
  const arrived = Promise.withResolvers<void>();
  await using own = await steered(
    () =>
      new Promise(resolve => {
        pending.push(() => resolve({ readings: 0 }));
        if (pending.length === 20) arrived.resolve();
      }),
  );
  const socket = connectTcp(own.port, '127.0.0.1');
  socket.write(Buffer.from([0x10, 15, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 30, 0, 3, ...Buffer.from('abc')]));
  await once(socket, 'data');
  const publishes = Array.from({ length: 20 }, (_, i) => [0x32, 6, 0, 1, 0x74, 0, i + 1, 0x78]);
  socket.write(Buffer.from(publishes.flat()));
  await arrived.promise;
  for (const finish of pending.toReversed()) finish();
  const bytes: number[] = [];
  while (bytes.length < 80) bytes.push(...((await once(socket, 'data')) as [Buffer])[0]);
  socket.destroy();
  assert.deepEqual(
    Array.from({ length: 20 }, (_, i) => bytes[i * 4 + 3]),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test('a publish that is not stored gets no PUBACK: the connection ends and the client sends again', async () => {
  let failing = true;
  await using own = await steered(() =>
    failing ? Promise.reject(new TransientError('not in time')) : Promise.resolve({ readings: 0 }),
  );
  const publisher = mqtt.connect(`mqtt://127.0.0.1:${own.port}`, {
    protocolVersion: 4,
    clientId: gateway,
    reconnectPeriod: 50,
  });
  publisher.on('error', () => {});
  await event(publisher, 'connect');
  const closed = event(publisher, 'close');
  let acknowledged = false;
  const published = publisher
    .publishAsync(mqttTopic(gateway, 'readings'), Buffer.from(sealed(gateway, 0)), { qos: 1 })
    .then(() => (acknowledged = true));
  await closed;
  assert.equal(acknowledged, false);
  failing = false;
  await published;
  await publisher.endAsync();
});

test('closing stores and acknowledges what is in flight', async () => {
  const held = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const own = await steered(async () => {
    arrived.resolve();
    await held.promise;
    return { readings: 0 };
  });
  const publisher = await client({}, own.port);
  const published = publisher.publishAsync(mqttTopic(gateway, 'readings'), 'x', { qos: 1 });
  await arrived.promise;
  const closed = own[Symbol.asyncDispose]();
  held.resolve();
  await published;
  await closed;
  publisher.end(true);
});

test('a port in use is one clear sentence', async () => {
  await assert.rejects(
    openBroker({ host: '127.0.0.1', port: broker.port, log, store: () => Promise.reject(new Error('never')) }),
    /bridge\.mqtt\.port: port \d+ on 127\.0\.0\.1 is in use/,
  );
});
