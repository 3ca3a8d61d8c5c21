import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import test from 'node:test';
import { TransientError } from '../errors.ts';
import { openKafka } from './connect.ts';
import { testKafka, unique } from './testing.ts';

test('several who ensure the same topics at once all succeed, and each topic is created by one', async () => {
  await using kafka = await testKafka();
  const names = ['a', 'b', 'c'].map(unique);
  const specs = names.map(name => ({
    name,
    partitions: 3,
    replicationFactor: 0,
    config: { 'cleanup.policy': 'compact', 'compression.type': 'zstd' },
  }));
  const ensure = async () => {
    await using admin = await kafka.kafka.openAdmin();
    const created = await admin.ensureTopics(specs);
    // Usable at once, by whoever comes first.
    await using producer = await kafka.kafka.openProducer();
    for (const topic of names) await producer.send({ topic, key: 'k', value: null });
    return created;
  };
  const created = await Promise.all([ensure(), ensure(), ensure(), ensure()]);
  assert.deepEqual(created.flat().sort(), [...names].sort());
  await using admin = await kafka.kafka.openAdmin();
  assert.deepEqual(await admin.ensureTopics(specs), []);
  assert.deepEqual(await admin.partitions([...names, unique('missing')]), new Map(names.map(name => [name, 3])));
});

test('tells ends, commits and brokers', async () => {
  await using kafka = await testKafka();
  const topic = await kafka.topic(3);
  {
    await using producer = await kafka.kafka.openProducer();
    for (const partition of [0, 0, 2]) await producer.send({ topic, key: 'k', partition, value: null });
  }
  await using admin = await kafka.kafka.openAdmin();
  assert.deepEqual(await admin.endOffsets(topic), [2n, 0n, 1n]);
  assert.deepEqual(await admin.committedOffsets(unique('nobody'), topic), [null, null, null]);
  assert.ok((await admin.brokers()).length >= 1);
});

test('fails at its deadline when no broker answers, whether the port is closed or silent', async () => {
  const silent = createServer(() => {});
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  assert.ok(address && typeof address === 'object');
  const said: string[] = [];
  for (const port of [1, address.port]) {
    const kafka = openKafka({
      brokers: [`127.0.0.1:${port}`],
      log: (level, message) => void (level === 'debug' || said.push(message)),
    });
    await using admin = await kafka.openAdmin({ deadlineMs: 1000 });
    const startedAt = Date.now();
    await assert.rejects(admin.brokers(), TransientError);
    assert.ok(Date.now() - startedAt < 2000);
  }
  assert.ok(said.length >= 1 && said.length <= 2, said.join('\n'));
  silent.close();
});
