/**
 * Kills the leader of some partitions of three brokers with SIGKILL under load, for kafkajs alone (one `sendBatch`
 * outstanding) and for the port, and counts what became of the acknowledged records: node runtime/bench/leader-killed.ts
 * Takes some two minutes a round and 1 GB of memory; decision 0003 has figures.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import kafkajs from 'kafkajs';
import { openKafka } from '../src/kafka/connect.ts';
import { readTopicToEnd } from '../src/kafka/read-to-end.ts';

const KEYS = 24;
const PARTITIONS = 12;
const BATCH = 60;

/** Acknowledged values, with `partition@offset` where it is known. */
type Acknowledged = Map<string, string | undefined>;

function* values(): Generator<{ key: string; partition: number; value: string }, never> {
  for (let i = 0; ; i++) {
    const k = i % KEYS;
    yield { key: `k${k}`, partition: k % PARTITIONS, value: `${k}:${i}` };
  }
}

async function sendWithKafkajs(brokers: readonly string[], topic: string, over: AbortSignal): Promise<Acknowledged> {
  const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const retry = { retries: Number.MAX_SAFE_INTEGER, initialRetryTime: 50, maxRetryTime: 1000 };
  const createPartitioner = () => (args: kafkajs.PartitionerArgs) => args.message.partition ?? 0;
  const producer = client.producer({ idempotent: true, createPartitioner, retry });
  await producer.connect();
  const acknowledged: Acknowledged = new Map();
  for (const source = values(); !over.aborted; await sleep(5)) {
    const messages = Array.from({ length: BATCH }, () => source.next().value);
    await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages }] });
    for (const { value } of messages) acknowledged.set(value, undefined);
  }
  await producer.disconnect();
  return acknowledged;
}

async function sendWithPort(brokers: readonly string[], topic: string, over: AbortSignal): Promise<Acknowledged> {
  const acknowledged: Acknowledged = new Map();
  await using producer = await openKafka({ brokers }).openProducer({ deadlineMs: 60_000, requestTimeoutMs: 3000 });
  const sends: Promise<void>[] = [];
  for (const source = values(); !over.aborted; await sleep(5)) {
    for (let i = 0; i < BATCH; i++) {
      const { key, partition, value } = source.next().value;
      const sent = producer.send({ topic, key, partition, value: Buffer.from(value) });
      sends.push(sent.then(({ offset }) => void acknowledged.set(value, `${partition}@${offset}`)));
    }
    while (producer.buffered.records > 5000) await sleep(5);
  }
  await Promise.all(sends);
  return acknowledged;
}

async function compare(brokers: readonly string[], topic: string, acknowledged: Acknowledged) {
  const stored = new Map<string, string>();
  const last = new Map<string | null, number>();
  let [lost, doubled, reordered] = [0, 0, 0];
  await readTopicToEnd(openKafka({ brokers }), topic, {}, ({ key, value, offset }, partition) => {
    const text = Buffer.from(value ?? []).toString();
    const i = Number(text.split(':')[1]);
    if (stored.has(text)) doubled++;
    if (i < (last.get(key) ?? -1)) reordered++;
    last.set(key, i);
    stored.set(text, `${partition}@${offset}`);
  });
  for (const [value, where] of acknowledged) {
    if (!stored.has(value) || (where && where !== stored.get(value))) lost++;
  }
  return { acknowledged: acknowledged.size, lost, doubled, reordered };
}

async function killAndRestart({ kafka }: Stack, index: number, over: AbortController): Promise<void> {
  const node = kafka?.nodes[index];
  if (!node) throw new Error('three nodes were asked for');
  await sleep(4000);
  await node.kill();
  await sleep(16_000); // longer than broker.session.timeout.ms: the leaders move
  await node.start();
  await sleep(12_000);
  over.abort();
}

const { positionals } = parseArgs({ allowPositionals: true });
const home = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
{
  await using stack = await openStack({ home, kafkaNodes: 3, questdb: false, kafkaHeapMb: 256 });
  const brokers = stack.kafka?.brokers ?? [];
  await using admin = await openKafka({ brokers }).openAdmin({ deadlineMs: 60_000 });
  for (let round = 0; round < Number(positionals[0] ?? 1); round++) {
    for (const [name, send] of Object.entries({ kafkajs: sendWithKafkajs, port: sendWithPort })) {
      const topic = `leader-killed-${name}-${round}`;
      const config = { 'min.insync.replicas': '2' };
      await admin.ensureTopics([{ name: topic, partitions: PARTITIONS, replicationFactor: 3, config }]);
      const over = new AbortController();
      const fault = killAndRestart(stack, round % 3, over);
      const acknowledged = await send(brokers, topic, over.signal);
      await fault;
      console.log(name, await compare(brokers, topic, acknowledged));
    }
  }
}
await rm(home, { recursive: true, force: true });
