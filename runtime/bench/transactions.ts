/**
 * What a transaction costs: node runtime/bench/transactions.ts [host:port]
 * Twelve transactional ids, each with a transaction every 100 ms: results for three topics, entries of a state topic, the
 * group's offset. kafkajs's own producer and the port take turns; CPU is that of this process.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import { openKafka } from '../src/kafka/connect.ts';
import type { OutgoingRecord } from '../src/kafka/types.ts';

const PAIRS = 8;
const SECONDS = 3;
const PARTITIONS = 12;
const INTERVAL_MS = 100;
const RESULT_BYTES = 2000;
const STATE_ENTRIES = 20;
const STATE_BYTES = 300;

type Commit = (partition: number, next: number) => Promise<void>;

const { positionals } = parseArgs({ allowPositionals: true });
const brokers = [positionals[0] ?? '127.0.0.1:9092'];
const kafka = openKafka({ brokers, log: level => level === 'warn' });
const run = randomUUID().slice(0, 8);
const [input = '', state = '', ...results] = ['input', 'state', 'stats', 'parts', 'ledger'].map(
  name => `bench-${run}-${name}`,
);

await using admin = await kafka.openAdmin();
await admin.ensureTopics(
  [input, state, ...results].map(name => ({ name, partitions: PARTITIONS, replicationFactor: 0, config: {} })),
);

const payload = Buffer.from(
  Array.from({ length: RESULT_BYTES }, (_, i) => (i * 31 + ((i * i) % 7) * (Math.random() < 0.3 ? 1 : 0)) & 0xff),
);
const recordsOf = (partition: number): OutgoingRecord[] => [
  ...results.map(topic => ({ topic, key: `gateway-${partition}`, partition, value: payload })),
  ...Array.from({ length: STATE_ENTRIES }, (_, i) => {
    return { topic: state, key: `${partition}/entry-${i}`, partition, value: payload.subarray(i, i + STATE_BYTES) };
  }),
];

async function openPort(stack: AsyncDisposableStack): Promise<Commit> {
  const all = await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const transactions = stack.use(await kafka.openTransactions({ transactionalId: `${run}-port-${partition}` }));
      await transactions.fence({ groupId: `${run}-port`, topic: input, partition });
      return transactions;
    }),
  );
  return async (partition, next) => {
    const group = { groupId: `${run}-port`, topic: input, partition, next: BigInt(next) };
    await all[partition]?.commit(recordsOf(partition), group);
  };
}

async function openKafkaJs(stack: AsyncDisposableStack): Promise<Commit> {
  const client = new kafkajs.Kafka({
    brokers,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 20 },
  });
  const all = await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const producer = client.producer({
        transactionalId: `${run}-kafkajs-${partition}`,
        idempotent: true,
        maxInFlightRequests: 1,
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      });
      await producer.connect();
      stack.defer(() => producer.disconnect());
      return producer;
    }),
  );
  return async (partition, next) => {
    const transaction = await all[partition]!.transaction();
    const topicMessages = [...Map.groupBy(recordsOf(partition), ({ topic }) => topic)].map(([topic, records]) => ({
      topic,
      messages: records.map(record => ({ ...record, value: Buffer.from(record.value ?? []) })),
    }));
    await transaction.sendBatch({ acks: -1, compression: kafkajs.CompressionTypes.ZSTD, topicMessages });
    const partitions = [{ partition, offset: `${next}` }];
    await transaction.sendOffsets({ consumerGroupId: `${run}-kafkajs`, topics: [{ topic: input, partitions }] });
    await transaction.commit();
  };
}

/** @returns client CPU and median wall time of a transaction, ms. */
async function load(commit: Commit): Promise<{ readonly cpuMs: number; readonly wallMs: number }> {
  const wall: number[] = [];
  const endAt = performance.now() + SECONDS * 1000;
  const { user, system } = process.cpuUsage();
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      await pause((partition * INTERVAL_MS) / PARTITIONS);
      for (let next = 1; performance.now() < endAt; next++) {
        const at = performance.now();
        await commit(partition, next);
        wall.push(performance.now() - at);
        await pause(Math.max(0, INTERVAL_MS - (performance.now() - at)));
      }
    }),
  );
  const cpu = process.cpuUsage();
  return { cpuMs: (cpu.user + cpu.system - user - system) / 1000 / wall.length, wallMs: median(wall) };
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

await using stack = new AsyncDisposableStack();
const ways = { kafkajs: await openKafkaJs(stack), port: await openPort(stack) };
for (const commit of Object.values(ways)) await load(commit); // warm-up
const measured = {
  kafkajs: [] as { cpuMs: number; wallMs: number }[],
  port: [] as { cpuMs: number; wallMs: number }[],
};
for (let pair = 0; pair < PAIRS; pair++) {
  for (const name of pair % 2 === 0 ? (['kafkajs', 'port'] as const) : (['port', 'kafkajs'] as const)) {
    measured[name].push(await load(ways[name]));
  }
}
console.log('             CPU ms  p50 ms');
for (const [name, of] of Object.entries(measured)) {
  const [cpu, wall] = [median(of.map(({ cpuMs }) => cpuMs)), median(of.map(({ wallMs }) => wallMs))];
  console.log(`${name.padEnd(12)} ${cpu.toFixed(2).padStart(6)}  ${wall.toFixed(1).padStart(6)}`);
}
const ratios = measured.port.map(({ cpuMs }, i) => cpuMs / (measured.kafkajs[i]?.cpuMs ?? Number.NaN));
console.log(`port / kafkajs, CPU, median of ${PAIRS} pairs: ${median(ratios).toFixed(2)}`);
