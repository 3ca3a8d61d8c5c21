/**
 * What the whole pipeline carries on this machine: readings per second from an MQTT publish to a queryable row, and the
 * time from publish to queryable at a steady rate. All of it runs here: publishers, bridge, one Kafka, processors, sinks,
 * QuestDB, and the queries that measure. `npm run bench:pipeline`; bounded to a few minutes.
 *
 *   node loadtest/bench/pipeline.ts [--rate 1000] [--seconds 60] [--rounds 9] [--warm-up 0] [result.json]
 *
 * `--rate`: readings a second of the steady part. `--rounds 0` measures that alone; its first `--warm-up` seconds
 * (default 0: the rounds before it have warmed everything up) are shown and not counted.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, mqttTopic } from '@millrace/wire/names.ts';
import mqtt, { type MqttClient } from 'mqtt';
import { Pipeline } from '../../test/pipeline.ts';

const publishers = 8;
const readingsPerBatch = 50;
const batchesPerRound = 400;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '9' },
    'warm-up': { type: 'string', default: '0' },
  },
});
const warmUpMs = Number(options['warm-up']) * 1000;
const [steadyReadingsPerSecond, steadySeconds, rounds] = [
  Number(options.rate),
  Number(options.seconds),
  Number(options.rounds),
];
const series = Array.from({ length: 10 }, (_, i) => ({
  sensor: `sensor-${i}`,
  metric: 'temperature',
  unit: 'Cel',
  intervalMs: 1000,
  zone: 'bench',
}));

class Publisher {
  readonly gateway: GatewayId;
  readonly #client: MqttClient;
  readonly #boot = randomInt(2 ** 47);
  nextSeq = 0;

  constructor(gateway: string, url: string) {
    this.gateway = gateway as GatewayId;
    this.#client = mqtt.connect(url, { protocolVersion: 4, clientId: gateway });
  }

  /** Resolves at PUBACK. */
  async publish(): Promise<void> {
    const now = Date.now() * 1000;
    const index = Array.from({ length: readingsPerBatch }, (_, i) => i);
    const payload = encodeBatch({
      gateway: this.gateway,
      site: 'bench',
      boot: this.#boot,
      firstSeq: this.nextSeq,
      series,
      clock: 1,
      completeThroughUs: now,
      dropped: [],
      seriesIndex: index.map(i => i % series.length),
      timeUs: index.map(i => now + i),
      value: index.map(() => 20 + Math.random()),
      quality: index.map(() => 0),
    });
    this.nextSeq += readingsPerBatch;
    await this.#client.publishAsync(mqttTopic(this.gateway, 'readings'), Buffer.from(payload), { qos: 1 });
  }

  end(): Promise<void> {
    return this.#client.endAsync();
  }
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
const sortedOf = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

/** Each round: all publishers send their batches with at most 16 unacknowledged each; ends when the last row can be queried. */
async function throughput(pipeline: Pipeline, senders: readonly Publisher[]): Promise<number[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await Promise.all(
      senders.map(async sender => {
        const lanes = Array.from({ length: 16 }, async () => {
          for (let i = 0; i < batchesPerRound / 16; i++) await sender.publish();
        });
        await Promise.all(lanes);
      }),
    );
    const expected = senders.reduce((sum, { nextSeq }) => sum + nextSeq, 0);
    while (Number((await pipeline.sql("select count() n from readings where site = 'bench'"))[0]!['n']) < expected)
      await wait(10);
    rates.push((senders.length * batchesPerRound * readingsPerBatch) / ((performance.now() - startedAt) / 1000));
  }
  return rates.slice(1); // the first warms the compilers up
}

/** A batch of the steady part: when it was due, since the beginning, and how long after that its last row was seen, ms. */
interface Sighting {
  readonly atMs: number;
  readonly tookMs: number;
}

/** Open loop: batches leave at their time whatever the answers do; a batch's time is that of its row's first sight. */
async function latency(pipeline: Pipeline, senders: readonly Publisher[]): Promise<Sighting[]> {
  const everyMs = (1000 * readingsPerBatch) / steadyReadingsPerSecond;
  const open = new Map<string, { seq: number; sentAt: number }[]>(senders.map(({ gateway }) => [gateway, []]));
  const times: Sighting[] = [];
  const sent = new AbortController();
  const startedAt = performance.now();
  const watch = (async () => {
    while (!sent.signal.aborted || [...open.values()].some(list => list.length > 0)) {
      const rows = await pipeline.sql("select gateway, max(seq) seq from readings where ts > dateadd('s', -30, now())");
      const seenAt = performance.now();
      for (const row of rows) {
        const list = open.get(String(row['gateway'])) ?? [];
        while (list[0] !== undefined && list[0].seq <= Number(row['seq'])) {
          const { sentAt } = list.shift()!;
          times.push({ atMs: sentAt - startedAt, tookMs: seenAt - sentAt });
        }
      }
      await wait(5);
    }
  })();
  for (let i = 0; i * everyMs < steadySeconds * 1000; i++) {
    const dueAt = startedAt + i * everyMs;
    await wait(Math.max(0, dueAt - performance.now()));
    const sender = senders[i % senders.length]!;
    // From the moment it was due, so that a late publisher does not flatter the figure (coordinated omission).
    open.get(sender.gateway)!.push({ seq: sender.nextSeq + readingsPerBatch - 1, sentAt: dueAt });
    void sender.publish();
  }
  sent.abort();
  await watch;
  return times;
}

/** Worst of each five seconds, so that a slow start (compilers warm up) and a stall look different. */
function worstOfEach5s(times: readonly Sighting[]): number[] {
  const groups = Map.groupBy(times, ({ atMs }) => Math.floor(atMs / 5000));
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([, group]) => Math.round(Math.max(...group.map(({ tookMs }) => tookMs))));
}

const home = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const pipeline = new Pipeline(home, { edges: false });
try {
  await pipeline.start();
  const { mqttUrl } = pipeline.running()!;
  const senders = Array.from({ length: publishers }, (_, i) => new Publisher(`bench-${i}`, mqttUrl));
  const rates = sortedOf(await throughput(pipeline, senders));
  const sightings = await latency(pipeline, senders);
  const times = sortedOf(sightings.filter(({ atMs }) => atMs >= warmUpMs).map(({ tookMs }) => tookMs));
  await Promise.all(senders.map(sender => sender.end()));
  const expected = senders.reduce((sum, { nextSeq }) => sum + nextSeq, 0);
  const [rows] = await pipeline.sql("select count() n from readings where site = 'bench'");
  const result = {
    cores: cpus().length,
    ...(rates.length > 0 && {
      readingsPerSecond: {
        median: Math.round(percentile(rates, 0.5)),
        min: Math.round(rates[0]!),
        max: Math.round(rates.at(-1)!),
        rounds: rates.length,
      },
    }),
    publishToQueryableMs: {
      atReadingsPerSecond: steadyReadingsPerSecond,
      p50: Math.round(percentile(times, 0.5)),
      p99: Math.round(percentile(times, 0.99)),
      max: Math.round(times.at(-1)!),
      batches: times.length,
      warmUpSeconds: warmUpMs / 1000,
      worstOfEach5s: worstOfEach5s(sightings),
    },
    readings: { published: expected, stored: Number(rows!['n']) },
  };
  console.log(JSON.stringify(result, null, 2));
  const [file] = positionals;
  if (file) writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  if (result.readings.published !== result.readings.stored) process.exitCode = 1;
} finally {
  await pipeline[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
}
