/**
 * CPU of the statistics a reading, without Kafka: 200 gateways of 20 series, batches of 50 readings, 20 readings a second
 * and gateway; in every tenth round a batch comes one round late, so that holes open and close. A commit each second.
 *
 *     node processors/bench/engine.ts [--rounds N] [--only NAME]
 *
 * Decoding the batches is measured alone too: it is part of `process`, whatever is computed.
 */
import { parseArgs } from 'node:util';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import { ReadingsTask, type ReadingsTaskOptions } from '../src/readings-task.ts';
import { parseWindows } from '../src/windows.ts';

const gateways = 200;
const batchReadings = 50;
const batchUs = 2_500_000;
const batchesPerRun = 60;
const readings = gateways * batchReadings * batchesPerRun;
const minuteUs = 60_000_000;
const baseUs = 1_790_000_000_000_000;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '8' }, only: { type: 'string' } } });

const series = Array.from({ length: 20 }, (_, i) => ({
  sensor: `sensor-${i}`,
  metric: 'temperature',
  unit: 'Cel',
  intervalMs: 1000,
  zone: '',
}));
const column = <T>(one: (i: number) => T): T[] => Array.from({ length: batchReadings }, (_, i) => one(i));
/** By round, then by gateway. */
const records: IncomingRecord[][] = Array.from({ length: batchesPerRun }, (_, round) =>
  Array.from({ length: gateways }, (_, gateway) => {
    const startUs = baseUs + round * batchUs;
    const value = encodeBatch({
      gateway: `gateway-${gateway}` as GatewayId,
      site: 'town',
      boot: gateway + 1,
      firstSeq: round * batchReadings,
      series,
      seriesIndex: column(i => i % series.length),
      timeUs: column(i => startUs + i * (batchUs / batchReadings)),
      value: column(i => Math.round((20 + 5 * Math.sin(i + round / 10)) * 10) / 10),
      quality: column(() => 0),
      clock: 1,
      completeThroughUs: startUs - batchUs,
      dropped: [],
    });
    const headers = { [readingHeaders.receivedAt]: String(startUs + batchUs) };
    return {
      offset: BigInt(round),
      key: `gateway-${gateway}`,
      value,
      headers,
      timestampMs: (startUs + batchUs) / 1000,
    };
  }),
);
/** Every tenth round and the one after it change places. */
const order = records.map((_, round) => (round % 10 === 8 ? round + 1 : round % 10 === 9 ? round - 1 : round));

const common = {
  partition: 0,
  topics: kafkaTopics(''),
  counters: [],
  earlyIntervalMs: 1000,
  keepUs: 5 * minuteUs,
  maxHoldUs: 5 * minuteUs,
  maxAheadUs: minuteUs,
  ledgerIntervalMs: 2000,
  limits: { seriesPerGateway: 2000, panesPerGateway: 100_000, panes: 2_000_000 },
};
const contestants: Record<string, ReadingsTaskOptions> = {
  '1m without quantiles': { ...common, windows: parseWindows(['1m']), quantiles: false },
  '1m': { ...common, windows: parseWindows(['1m']), quantiles: true },
  '1m, 5m/1m, 1h/5m': { ...common, windows: parseWindows(['1m', '5m/1m', '1h/5m']), quantiles: true },
};

interface Sample {
  readonly process: number;
  readonly flush: number;
  readonly rows: number;
}

/** µs of CPU a reading. */
function run(options: ReadingsTaskOptions): Sample {
  const task = new ReadingsTask(options);
  let [process, flush, rows] = [0, 0, 0];
  for (const [i, round] of order.entries()) {
    process += cpuUs(() => {
      for (const record of records[round]!) task.process(record);
    });
    flush += cpuUs(() => {
      // A batch's 2.5 seconds: two commits or three.
      for (let second = Math.ceil(i * 2.5); second < (i + 1) * 2.5; second++)
        rows += task.flush({ monotonicMs: second * 1000, nowUs: baseUs + (i + 1) * batchUs }).rows;
    });
  }
  return { process: process / readings, flush: flush / readings, rows: rows / readings };
}

function cpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const decode = (): Sample => ({
  process: cpuUs(() => records.flat().forEach(({ value }) => decodeBatch(value!))) / readings,
  flush: 0,
  rows: 0,
});

const runs: [string, () => Sample][] = [
  ['decoding alone', decode],
  ...Object.entries(contestants).map(([name, options]): [string, () => Sample] => [name, () => run(options)]),
];
const samples = new Map<string, Sample[]>();
for (let round = -1; round < Number(values.rounds); round++)
  for (const [name, one] of runs) {
    if (values.only !== undefined && values.only !== name) continue;
    const sample = one();
    // The first round is for the compiler.
    if (round >= 0) samples.set(name, [...(samples.get(name) ?? []), sample]);
  }
console.log('µs of CPU a reading: median (least–most)'.padEnd(46), 'flush'.padEnd(24), 'rows a reading');
for (const [name, some] of samples) {
  const of = (field: keyof Sample): string => {
    const sorted = some.map(sample => sample[field]).sort((a, b) => a - b);
    return `${sorted[sorted.length >> 1]!.toFixed(3)} (${sorted[0]!.toFixed(3)}–${sorted.at(-1)!.toFixed(3)})`;
  };
  console.log(name.padEnd(24), of('process').padEnd(22), of('flush').padEnd(24), some[0]!.rows.toFixed(2));
}
