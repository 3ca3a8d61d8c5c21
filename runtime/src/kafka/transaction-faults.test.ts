import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type CopierOptions, copyAll, fillInput, openCopier } from '../../test/copier.ts';
import { readWithJava } from '../../test/java-consumer.ts';
import { readTopicToEnd } from './read-to-end.ts';
import { eventually, proxiedKafka, type TestKafka, testKafka, unique } from './testing.ts';

const ROUNDS = Number(process.env['MILLRACE_TEST_ROUNDS'] ?? 1);
const PARTITIONS = 4;
const COPIER = join(import.meta.dirname, '../../test/copier.ts');

/** Lines as Java's console consumer prints them, of each topic that a test has filled. */
const outputs = new Map<string, string[]>();

async function setUp(kafka: TestKafka, records: number): Promise<CopierOptions> {
  const [input, output] = [await kafka.topic(PARTITIONS), await kafka.topic(1)];
  return { groupId: unique('copier'), input, output, partitions: PARTITIONS, records };
}

/** Each input exactly once, and of each partition in order. */
async function checkOutput({ kafka }: Pick<TestKafka, 'kafka'>, options: CopierOptions): Promise<void> {
  await using producer = await kafka.openProducer();
  // Behind it Java's consumer has seen all there is.
  await producer.send({ topic: options.output, key: '', value: Buffer.from(`end of ${options.output}`) });
  const lines: string[] = [];
  /** Next input of each partition. */
  const next = new Map<string, number>();
  await readTopicToEnd(kafka, options.output, {}, ({ value, offset }, partition) => {
    const copied = Buffer.from(value ?? []).toString();
    lines.push(`Partition:${partition}\tOffset:${offset}\t${copied}`);
    const [from = '', input] = copied.split(':');
    if (input === undefined) return;
    assert.equal(Number(input), next.get(from) ?? 0, `of partition ${from}`);
    next.set(from, Number(input) + 1);
  });
  assert.deepEqual(
    Array.from({ length: options.partitions }, (_, partition) => next.get(`${partition}`)),
    Array.from({ length: options.partitions }, () => options.records),
  );
  outputs.set(options.output, lines);
}

interface Copier {
  readonly process: ChildProcess;
  readonly said: string[];
  readonly ended: Promise<unknown>;
}

async function startCopier(options: CopierOptions, isMember: boolean): Promise<Copier> {
  const { brokers } = await sharedStack();
  const argument = JSON.stringify({ ...options, brokers, isMember });
  const child = spawn(process.execPath, [COPIER, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  createInterface(child.stdout).on('line', line => said.push(line));
  return { process: child, said, ended: once(child, 'exit') };
}

test('kill: a process that dies in the middle of its transactions, again and again, loses and doubles nothing', async t => {
  await using kafka = await testKafka();
  const options = await setUp(kafka, 300);
  let killed = 0;
  for (let round = 0; round < 3 * ROUNDS; round++) {
    const copier = await startCopier(options, false);
    await eventually('it works', () => copier.said.length > 0 || copier.process.exitCode !== null);
    await sleep(30 + Math.random() * 150);
    if (copier.process.kill('SIGKILL')) killed++;
    await copier.ended;
  }
  t.diagnostic(`killed ${killed} times`);
  assert.ok(killed > 0);
  await copyAll(kafka.kafka, options);
  await checkOutput(kafka, options);
});

test('evict: nothing of a member that was frozen beyond its session is committed after its partitions were given away', async () => {
  await using kafka = await testKafka();
  const options = await setUp(kafka, 3000);
  await fillInput(kafka.kafka, options);
  await using admin = await kafka.kafka.openAdmin();
  const positions = async () => (await admin.committedOffsets(options.groupId, options.input)).map(Number);
  const frozen = await startCopier(options, true);
  try {
    await eventually('it has all', async () => (await positions()).every(next => next > 0), 30_000);
    frozen.process.kill('SIGSTOP');
    const left = await positions();
    assert.ok(left.every(next => next < options.records));
    const said: string[] = [];
    await using _ = await openCopier(kafka.kafka, { ...options, recordsPerCommit: 500 }, what => said.push(what));
    await eventually('the other has all', () => said.includes(`assigned ${PARTITIONS}`), 30_000);
    frozen.process.kill('SIGCONT');
    await eventually('the frozen one is told', () => frozen.said.includes('fenced'), 30_000);
    await eventually('all is copied', async () => (await positions()).every(next => next === options.records), 60_000);
  } finally {
    frozen.process.kill('SIGKILL');
    await frozen.ended;
  }
  await checkOutput(kafka, options);
});

test('cut: connections cut at random, requests and answers and half of them, lose and double nothing', async () => {
  await using kafka = await proxiedKafka();
  const options = await setUp(kafka, 250 * ROUNDS);
  const over = new AbortController();
  const weather = (async () => {
    for (let i = 0; !over.signal.aborted; i++) {
      if (i % 3 === 0) kafka.proxy.dropResponses(true);
      if (i % 3 === 1) kafka.proxy.cutAfterResponseBytes(Math.random() * 600);
      await sleep(Math.random() * 30);
      kafka.proxy.cut();
      kafka.proxy.dropResponses(false);
      await sleep(60 + Math.random() * 120, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  try {
    await copyAll(kafka.kafka, options);
  } finally {
    over.abort();
    await weather;
    kafka.proxy.cutAfterResponseBytes(Number.POSITIVE_INFINITY);
  }
  await checkOutput({ kafka: kafka.direct }, options);
});

test('overlap: two owners who both believe in all partitions at the same time commit each record once', async () => {
  await using kafka = await testKafka();
  const options = await setUp(kafka, 75 * ROUNDS);
  await Promise.all([copyAll(kafka.kafka, options), copyAll(kafka.kafka, { ...options, recordsPerCommit: 3 })]);
  await checkOutput(kafka, options);
});

after(async () => {
  if (outputs.size === 0) return;
  const { brokers } = await sharedStack();
  const expected = [...outputs.values()].flat();
  const read = new Set(await readWithJava(brokers, [...outputs.keys()], expected.length));
  assert.equal(read.size, expected.length);
  assert.deepEqual(
    expected.filter(line => !read.has(line)),
    [],
  );
});
