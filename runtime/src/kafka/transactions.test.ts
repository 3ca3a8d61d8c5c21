import assert from 'node:assert/strict';
import test from 'node:test';
import { FencedError, InvariantError, RejectedError, TransientError } from '../errors.ts';
import { readTopicToEnd } from './read-to-end.ts';
import { eventually, proxiedKafka, type TestKafka, testKafka, unique } from './testing.ts';
import type { OutgoingRecord } from './types.ts';

function records(topic: string, values: readonly string[]): OutgoingRecord[] {
  return values.map((value, i) => ({ topic, key: `key-${i}`, partition: 0, value: Buffer.from(value) }));
}

async function valuesOf({ kafka }: Pick<TestKafka, 'kafka'>, topic: string): Promise<string[]> {
  const values: string[] = [];
  await readTopicToEnd(kafka, topic, {}, ({ value }) => void values.push(Buffer.from(value ?? []).toString()));
  return values;
}

async function setUp(kafka: TestKafka, config: Record<string, string> = {}) {
  const topic = await kafka.topic(2, config);
  return { topic, transactionalId: unique('tx'), group: { groupId: unique('group'), topic, partition: 0 } };
}

test('commits records and position together, from the first transaction on', async () => {
  await using kafka = await testKafka();
  const { topic, transactionalId, group } = await setUp(kafka);
  await using transactions = await kafka.kafka.openTransactions({ transactionalId });
  await assert.rejects(transactions.commit([], { ...group, next: 1n }), InvariantError);
  assert.deepEqual(await transactions.fence(group), { next: null, ours: false });
  for (let i = 1; i <= 5; i++) await transactions.commit(records(topic, [`v${i}`]), { ...group, next: BigInt(i) });
  // Results that are due because time has passed: the group stays where it is.
  await transactions.commit(records(topic, ['again']), { ...group, next: 5n });
  await transactions.commit([], { ...group, next: 6n });
  assert.deepEqual(await transactions.fence(group), { next: 6n, ours: true });
  assert.deepEqual(await valuesOf(kafka, topic), ['v1', 'v2', 'v3', 'v4', 'v5', 'again']);
  await using admin = await kafka.kafka.openAdmin();
  assert.deepEqual(await admin.committedOffsets(group.groupId, topic), [6n, null]);
  assert.deepEqual(kafka.said, []);
});

test('who fences later owns: the one before is told, commits nothing more, and learns where the group stands', async () => {
  await using kafka = await testKafka();
  const { topic, transactionalId, group } = await setUp(kafka);
  await using first = await kafka.kafka.openTransactions({ transactionalId });
  await using second = await kafka.kafka.openTransactions({ transactionalId });
  await first.fence(group);
  await first.commit(records(topic, ['first']), { ...group, next: 1n });
  assert.deepEqual(await second.fence(group), { next: 1n, ours: false });
  await assert.rejects(first.commit(records(topic, ['zombie']), { ...group, next: 2n }), FencedError);
  // Nobody has committed since: what the first has computed stands.
  assert.deepEqual(await first.fence(group), { next: 1n, ours: true });
  await first.commit(records(topic, ['first again']), { ...group, next: 2n });
  await assert.rejects(second.commit(records(topic, ['zombie']), { ...group, next: 2n }), FencedError);
  assert.deepEqual(await second.fence(group), { next: 2n, ours: false });
  await second.commit(records(topic, ['second']), { ...group, next: 2n });
  await assert.rejects(first.commit(records(topic, ['zombie']), { ...group, next: 3n }), FencedError);
  assert.deepEqual(await first.fence(group), { next: 2n, ours: false });
  assert.deepEqual(await valuesOf(kafka, topic), ['first', 'first again', 'second']);
});

test('a zombie whose network comes back fences the owner, but commits nothing on what the owner has committed', async () => {
  await using kafka = await proxiedKafka();
  const { topic, transactionalId, group } = await setUp(kafka);
  await using zombie = await kafka.kafka.openTransactions({ transactionalId, requestTimeoutMs: 500 });
  await using owner = await kafka.direct.openTransactions({ transactionalId });
  await zombie.fence(group);
  await zombie.commit(records(topic, ['before']), { ...group, next: 1n });
  kafka.proxy.blackhole(true);
  const stuck = zombie.commit(records(topic, ['zombie']), { ...group, next: 2n });
  stuck.catch(() => {});
  await eventually('the zombie suffers', () => !zombie.healthy);
  assert.deepEqual(await owner.fence(group), { next: 1n, ours: false });
  await owner.commit(records(topic, ['owner']), { ...group, next: 2n });
  kafka.proxy.cut();
  kafka.proxy.blackhole(false);
  await assert.rejects(stuck, FencedError);
  // The zombie has looked, with an epoch of its own.
  await assert.rejects(owner.commit(records(topic, ['owner too']), { ...group, next: 3n }), FencedError);
  assert.deepEqual(await owner.fence(group), { next: 2n, ours: true });
  await owner.commit(records(topic, ['owner too']), { ...group, next: 3n });
  assert.deepEqual(await valuesOf({ kafka: kafka.direct }, topic), ['before', 'owner', 'owner too']);
});

test('a commit whose answer is lost is found by its id, and one that never arrived is sent again', async () => {
  await using kafka = await proxiedKafka();
  const { topic, transactionalId, group } = await setUp(kafka);
  await using transactions = await kafka.kafka.openTransactions({ transactionalId, requestTimeoutMs: 1000 });
  await transactions.fence(group);
  const expected: string[] = [];
  for (let i = 0; i < 12; i++) {
    // Answers to a transaction are some 400 bytes: the cuts fall on each of its requests.
    kafka.proxy.cutAfterResponseBytes(i * 25);
    expected.push(`v${i}`);
    // Each leaves the group where it is: only the id tells them apart.
    await transactions.commit(records(topic, [`v${i}`]), { ...group, next: 7n });
  }
  assert.deepEqual(await valuesOf({ kafka: kafka.direct }, topic), expected);
  assert.equal(transactions.healthy, true);
});

test('a record its topic does not take is refused, nothing is committed, and the next transaction goes through', async () => {
  await using kafka = await testKafka();
  const { topic, transactionalId, group } = await setUp(kafka, { 'max.message.bytes': '20000' });
  await using transactions = await kafka.kafka.openTransactions({ transactionalId });
  await transactions.fence(group);
  const noise = (sizeBytes: number) =>
    Buffer.from(Array.from({ length: sizeBytes }, () => Math.random() * 256)).toString('latin1');
  const large = [...records(topic, ['a', 'b']), { topic, key: 'k', partition: 1, value: Buffer.from(noise(30_000)) }];
  await assert.rejects(
    transactions.commit(large, { ...group, next: 1n }),
    (error: Error) =>
      error instanceof RejectedError && /\d{5} bytes with the key "k" for .*\/1.*MESSAGE_TOO_LARGE/.test(error.message),
  );
  // Each of these fits, all together do not.
  const many = Array.from({ length: 30 }, () => noise(2000));
  await transactions.commit(records(topic, many), { ...group, next: 1n });
  await assert.rejects(
    transactions.commit([{ topic, key: 'k', partition: 2, value: null }], { ...group, next: 2n }),
    /has 0 to 1, not 2/,
  );
  assert.deepEqual(await transactions.fence(group), { next: 1n, ours: true });
  assert.deepEqual(await valuesOf(kafka, topic), many);
});

test('splits what is more than a batch may hold, keeps the order, and chooses partitions as the producer does', async () => {
  await using kafka = await testKafka();
  const { topic, transactionalId, group } = await setUp(kafka);
  await using transactions = await kafka.kafka.openTransactions({ transactionalId, maxPartBytes: 10_000 });
  await using producer = await kafka.kafka.openProducer();
  await transactions.fence(group);
  const keys = Array.from({ length: 500 }, (_, i) => `gäteway-${i % 50}`);
  const sent = keys.map((key, i) => ({
    topic,
    key,
    value: i % 7 === 0 ? null : Buffer.alloc(i, `${i}`),
    headers: { 'content-type': 'x/y', i: `${i}` },
  }));
  for (let i = 0; i < 500; i += 250) {
    await transactions.commit(sent.slice(i, i + 250), { ...group, next: BigInt(i) });
  }
  const seen = new Map<number, unknown[]>();
  await readTopicToEnd(kafka.kafka, topic, {}, ({ key, value, headers }, partition) => {
    seen.set(partition, [...(seen.get(partition) ?? []), { key, value: value && Buffer.from(value), headers }]);
  });
  const expected = new Map<number, unknown[]>([
    [0, []],
    [1, []],
  ]);
  for (const { key, value, headers } of sent) {
    const { partition } = await producer.send({ topic: topic, key, value: null });
    expected.get(partition)?.push({ key, value, headers });
  }
  assert.deepEqual(seen, expected);
});

test('ends with the reason of the signal, at the deadline, and at the close', async () => {
  await using kafka = await proxiedKafka();
  const { topic, transactionalId, group } = await setUp(kafka);
  const transactions = await kafka.kafka.openTransactions({ transactionalId, deadlineMs: 700, requestTimeoutMs: 500 });
  await transactions.fence(group);
  kafka.proxy.blackhole(true);
  const controller = new AbortController();
  const stuck = transactions.commit(records(topic, ['stuck']), { ...group, next: 1n }, controller.signal);
  await assert.rejects(transactions.commit([], { ...group, next: 1n }), InvariantError);
  setTimeout(() => controller.abort(new Error('enough')), 50);
  await assert.rejects(stuck, /enough/);
  await assert.rejects(transactions.commit([], { ...group, next: 1n }), InvariantError);
  const startedAt = Date.now();
  await assert.rejects(
    transactions.fence(group),
    (error: Error) => error instanceof TransientError && /700/.test(error.message),
  );
  assert.ok(Date.now() - startedAt < 2000);
  const closing = assert.rejects(transactions.fence(group), /closed/);
  await transactions[Symbol.asyncDispose]();
  await closing;
  assert.equal(transactions.healthy, false);
});
