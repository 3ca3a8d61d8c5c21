/** Answers that are lost after Kafka has appended: the client sends again, and what then stands twice is the same twice. */
import assert from 'node:assert/strict';
import { type EventEmitter, once } from 'node:events';
import { after, before, test } from 'node:test';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { type ProxiedKafka, proxiedKafka, unique } from '@millrace/runtime/kafka/testing.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { openLog } from '@millrace/runtime/log.ts';
import { openProxy } from '@millrace/stack/proxy.ts';
import { type GatewayId, kafkaTopics, mqttTopic } from '@millrace/wire/names.ts';
import mqtt, { type MqttClient } from 'mqtt';
import { sealed } from '../test/batches.ts';
import { puback, publishFrame, rawClient, until } from '../test/raw-client.ts';
import { append } from './append.ts';
import { type Broker, openBroker } from './broker.ts';

const prefix = `${unique('resend')}.`;
const topics = kafkaTopics(prefix);
const log = openLog('bridge-test', 'error');
const cleanup = new AsyncDisposableStack();
let kafka: ProxiedKafka;
let broker: Broker;

before(async () => {
  kafka = cleanup.use(await proxiedKafka());
  await using admin = await kafka.direct.openAdmin();
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 3, replicationFactor: 1 }));
  const producer = cleanup.use(await kafka.kafka.openProducer({ requestTimeoutMs: 60_000, deadlineMs: 60_000 }));
  const options = { producer, topics, bridge: 'b1', nowUs: () => Date.now() * 1000 };
  broker = cleanup.use(
    await openBroker({
      host: '127.0.0.1',
      port: 0,
      log,
      store: (publish, from) => append(publish, from, options),
      storeDeadlineMs: 60_000,
    }),
  );
});
after(() => cleanup.disposeAsync());

async function client(name: GatewayId, port: number, keepalive: number): Promise<MqttClient> {
  const connected = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
    protocolVersion: 4,
    clientId: name,
    keepalive,
    reconnectPeriod: 50,
  });
  connected.on('error', () => {});
  await once(connected as unknown as EventEmitter, 'connect');
  return connected;
}

async function copies(name: GatewayId): Promise<Buffer[]> {
  const found: Buffer[] = [];
  await readTopicToEnd(kafka.direct, topics.readings, {}, ({ key, value }) => {
    if (key === name) found.push(Buffer.from(value!));
  });
  return found;
}

test("Kafka's answer lost after the append: the deadline ends the connection, and the resend has the same bytes", async () => {
  const name = 'lamp-1' as GatewayId;
  const publisher = await client(name, broker.port, 2);
  const topic = mqttTopic(name, 'readings');
  await publisher.publishAsync(topic, Buffer.from(sealed(name, 0)), { qos: 1 });
  const sent = Buffer.from(sealed(name, 2));
  let sends = 0;
  publisher.on('packetsend', ({ cmd }) => (sends += cmd === 'publish' ? 1 : 0));
  kafka.proxy.dropResponses(true);
  const published = publisher.publishAsync(topic, sent, { qos: 1 });
  await until('the append', async () => (await copies(name)).length === 2);
  await until('the resend', () => sends >= 2);
  // The stream of answers has a hole: it must end before answers pass again.
  kafka.proxy.cut();
  kafka.proxy.dropResponses(false);
  await published;
  await publisher.endAsync();
  const [first, ...rest] = await copies(name);
  assert.deepEqual(first, Buffer.from(sealed(name, 0)));
  assert.ok(rest.length >= 2, 'it stands in Kafka as often as it was let in');
  for (const copy of rest) assert.deepEqual(copy, sent);
});

test("Kafka's connection cut in the middle of an answer: the producer resends, the client waits, nothing is twice", async () => {
  const name = 'lamp-2' as GatewayId;
  const publisher = await client(name, broker.port, 60);
  const topic = mqttTopic(name, 'readings');
  await publisher.publishAsync(topic, Buffer.from(sealed(name, 0)), { qos: 1 });
  kafka.proxy.cutAfterResponseBytes(3);
  await publisher.publishAsync(topic, Buffer.from(sealed(name, 2)), { qos: 1 });
  await publisher.endAsync();
  assert.deepEqual(await copies(name), [Buffer.from(sealed(name, 0)), Buffer.from(sealed(name, 2))]);
});

test('a PUBACK lost on its way: the client sends again with DUP, and both copies are the same bytes', async () => {
  const name = 'lamp-3' as GatewayId;
  await using proxy = await openProxy({ target: { host: '127.0.0.1', port: broker.port } });
  const sent = Buffer.from(sealed(name, 0));
  const packet = publishFrame(1, sent, mqttTopic(name, 'readings'));
  const first = await rawClient(proxy.port, name);
  // Of the four bytes of the PUBACK one arrives.
  proxy.cutAfterResponseBytes(1);
  first.socket.write(packet);
  await until('the cut', () => first.reset || first.ended);
  assert.equal(first.received.length < 4, true);
  const second = await rawClient(proxy.port, name);
  // [MQTT-3.3.1-1]. MQTT.js 5.16 sends again without it, so this client is ours.
  packet[0]! |= 0x08;
  second.socket.write(packet);
  await until('PUBACK', () => second.received.length === 4);
  assert.deepEqual(second.received, puback(1));
  second.socket.destroy();
  assert.deepEqual(await copies(name), [sent, sent]);
});
