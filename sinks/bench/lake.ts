/**
 * Readings a second into the lake, from a Kafka record's bytes to a file that is synced to disk:
 *
 *   node sinks/bench/lake.ts [--rounds 8] [--readings 1000000] [--batch 50] [--zones 20]
 *
 * Decoding, checking, leaving out what was seen, Parquet, zstd, plan and files are all in it; Kafka itself is not, and one
 * record in twenty is a resend. CPU is this process's own, all threads, user and system, so that readings per CPU second
 * are what one core does. To give it one core and no more: `taskset -c 0 node sinks/bench/lake.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Batch, decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import { FolderStore } from '../src/lake/folder.ts';
import { PartitionWriter } from '../src/lake/partition.ts';
import { receivedUs } from '../src/readings/sink.ts';
import type { Taken } from '../src/sink.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    readings: { type: 'string', default: '1000000' },
    batch: { type: 'string', default: '50' },
    zones: { type: 'string', default: '20' },
  },
});
const [rounds, readings, perBatch, zones] = [
  Number(values.rounds),
  Number(values.readings),
  Number(values.batch),
  Number(values.zones),
];
const gateways = 200;
const flushRows = 250_000;
const startUs = 1_760_000_000_000_000;

/** Three series a gateway, all in its zone, with two decimals, each a random walk. */
function batchAt(i: number): Batch {
  const gateway = i % gateways;
  const firstSeq = Math.floor(i / gateways) * perBatch;
  const index = Array.from({ length: perBatch }, (_, k) => k);
  const zone = `zone-${gateway % zones}`;
  return {
    gateway: `lamp-${gateway}` as Batch['gateway'],
    site: 'harbour',
    boot: 1_000_000_007 * (gateway + 1),
    firstSeq,
    series: [
      { sensor: 'air 1', metric: 'temperature', unit: 'Cel', intervalMs: 1000, zone, lat: 48.2, lon: 16.3 },
      { sensor: 'air 1', metric: 'humidity', unit: '%', intervalMs: 1000, zone },
      { sensor: 'people', metric: 'count', unit: '{people}', intervalMs: 1000, zone },
    ],
    seriesIndex: index.map(k => k % 3),
    timeUs: index.map(k => startUs + Math.floor((firstSeq + k) / 3) * 1_000_000 + ((gateway * 7919 + k * 131) % 9000)),
    value: index.map(k => Math.round((20 + Math.sin((firstSeq + k) / 500) * 10 + Math.random()) * 100) / 100),
    quality: index.map(() => 0),
    clock: 1,
    completeThroughUs: 0,
    dropped: [],
  };
}

const records = Array.from({ length: readings / perBatch }, (_, i): Taken => {
  // One in twenty is the gateway's record before, sent again.
  const batch = batchAt(i % 20 === 19 && i >= gateways ? i - gateways : i);
  const received = batch.timeUs.at(-1)! + 200_000;
  return {
    topic: 'readings.v1',
    partition: 0,
    record: {
      offset: BigInt(i),
      key: batch.gateway,
      value: encodeBatch(batch),
      headers: { [readingHeaders.receivedAt]: String(received) },
      timestampMs: received / 1000,
    },
    settled: () => {},
  };
});

interface Round {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly bytes: number;
}

const done: Round[] = [];
for (let round = 0; round <= rounds; round++) {
  const one = await measure();
  // The first one warms the compiler up.
  console.log(`${round === 0 ? 'warm-up' : `round ${round}`}: ${show(one)}`);
  if (round > 0) done.push(one);
}
const median = (pick: (round: Round) => number): number => done.map(pick).sort((a, b) => a - b)[done.length >> 1]!;
console.log(
  `median of ${rounds}: ${show({
    perSecond: median(one => one.perSecond),
    perCpuSecond: median(one => one.perCpuSecond),
    bytes: median(one => one.bytes),
  })}`,
);

function show({ perSecond, perCpuSecond, bytes }: Round): string {
  const whole = (number: number): string => Math.round(number).toLocaleString('en');
  return `${whole(perSecond)} readings/s, ${whole(perCpuSecond)} readings per CPU second, ${bytes.toFixed(2)} bytes a row on disk`;
}

async function measure(): Promise<Round> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    let bytes = 0;
    const store = new FolderStore(root);
    const create = store.create.bind(store);
    store.create = (name, content) => {
      bytes += content.length;
      return create(name, content);
    };
    const [from, cpu] = [performance.now(), process.cpuUsage()];
    let rows = 0;
    const { writer } = await PartitionWriter.open(
      {
        store,
        source: 'readings.v1-0',
        maxAgeDays: 400,
        flushMs: 3_600_000,
        persist: attempt => attempt(),
        stored: (_, count) => {
          rows += count;
        },
        failed: error => {
          throw error;
        },
      },
      { end: BigInt(records.length), committed: null },
    );
    for (const taken of records) {
      writer.take(taken, decodeBatch(taken.record.value!), receivedUs(taken.record));
      if (writer.fillingRows >= flushRows) {
        writer.seal();
        // As the sink: the next range fills while this one is written.
        if (writer.sealedRows > flushRows) await writer.drained();
      }
    }
    writer.seal();
    await writer.drained();
    writer.close();
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - from) / 1000;
    return {
      perSecond: readings / seconds,
      perCpuSecond: readings / ((user + system) / 1e6),
      bytes: bytes / rows,
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
