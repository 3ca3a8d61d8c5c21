/**
 * What the Kafka producer costs: node runtime/bench/producer.ts [host:port]
 * Records of telemetry-like text, 12 partitions, 200 keys; one process, CPU of this process only.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { openKafka } from '../src/kafka/connect.ts';
import type { Producer } from '../src/kafka/types.ts';

const ROUNDS = 3;
const SECONDS = 3;
const AHEAD = 4000;

const { positionals } = parseArgs({ allowPositionals: true });
const kafka = openKafka({ brokers: [positionals[0] ?? '127.0.0.1:9092'], log: level => level === 'warn' });

function payload(sizeBytes: number, i: number): Buffer {
  const reading = JSON.stringify({ sensor: `lamp-${i % 997}`, t: 1_790_000_000_000 + i, value: Math.sin(i) * 20 });
  return Buffer.from(reading.repeat(Math.ceil(sizeBytes / reading.length)).slice(0, sizeBytes));
}

/** Sends as fast as it is acknowledged, some thousand ahead, or at a fixed rate. */
async function load(producer: Producer, topic: string, sizeBytes: number, perSecond: number | undefined) {
  const payloads = Array.from({ length: 1000 }, (_, i) => payload(sizeBytes, i));
  const latencies: number[] = [];
  let acknowledged = 0;
  let underWay = 0;
  let sent = 0;
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  while (performance.now() - startedAt < SECONDS * 1000) {
    const due = perSecond ? ((performance.now() - startedAt) / 1000) * perSecond : Number.POSITIVE_INFINITY;
    for (; underWay < AHEAD && sent < due; sent++, underWay++) {
      const at = performance.now();
      const value = payloads[sent % payloads.length] ?? null;
      void producer.send({ topic, key: `gateway-${sent % 200}`, value }).then(() => {
        underWay--;
        acknowledged++;
        if (acknowledged % 16 === 0) latencies.push(performance.now() - at);
      });
    }
    await new Promise(resolve => (perSecond ? setTimeout(resolve, 1) : setImmediate(resolve)));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  return {
    perSecond: Math.round(acknowledged / seconds),
    cpuMicros: (user + system) / acknowledged,
    p50: latencies[latencies.length >> 1] ?? 0,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

await using admin = await kafka.openAdmin();
const topic = `bench-${randomUUID().slice(0, 8)}`;
await admin.ensureTopics([
  { name: topic, partitions: 12, replicationFactor: 0, config: { 'retention.bytes': '50000000' } },
]);
console.log('  bytes  lanes   asked/s  acknowledged/s  µs CPU/record  p50 ms  p99 ms');
for (const perSecond of [undefined, 1000]) {
  for (const sizeBytes of [100, 1024]) {
    for (const lanes of [1, 2]) {
      await using producer = await kafka.openProducer({ lanes });
      const runs = [];
      for (let round = 0; round <= ROUNDS; round++) runs.push(await load(producer, topic, sizeBytes, perSecond));
      const [run] = runs
        .slice(1)
        .sort((a, b) => a.cpuMicros - b.cpuMicros)
        .slice(ROUNDS >> 1);
      if (!run) continue;
      const columns = [
        sizeBytes,
        lanes,
        perSecond ?? 'max',
        run.perSecond,
        run.cpuMicros.toFixed(1),
        run.p50.toFixed(1),
        run.p99.toFixed(1),
      ];
      console.log(columns.map((column, i) => String(column).padStart([7, 7, 10, 16, 15, 8, 8][i] ?? 8)).join(''));
    }
  }
}
