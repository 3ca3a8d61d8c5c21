/**
 * CPU of the engine a reading, flushes and state included, without Kafka: 200 gateways of 20 series, batches of 50
 * readings; in every tenth round a batch comes one round late, so that holes open and close.
 *
 *     node processors/bench/engine.ts [--rounds N] [TUMBLING.ts …]
 *
 * Several engines, given by the paths of their modules, are measured in turns: `git worktree add ../before COMMIT` has
 * the one to compare with (give it a `node_modules`, for example a link).
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Batch } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { Engine } from '../src/engine.ts';
import type { TumblingOptions } from '../src/tumbling.ts';

const gateways = 200;
const batchReadings = 50;
const roundsPerRun = 60;
const baseUs = 1_790_000_000_000_000;
const minuteUs = 60_000_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '8' } },
});
const paths = positionals.length > 0 ? positionals : ['processors/src/tumbling.ts'];
type Module = { TumblingEngine: new (options: TumblingOptions) => Engine };
const modules = await Promise.all(
  paths.map(async path => ({ path, module: (await import(resolve(path))) as Module, samples: [] as number[] })),
);

const series = Array.from({ length: 20 }, (_, i) => ({
  sensor: `sensor-${i}`,
  metric: 'temperature',
  unit: 'Cel',
  intervalMs: 1000,
  zone: '',
}));
const column = <T>(one: (i: number) => T): T[] => Array.from({ length: batchReadings }, (_, i) => one(i));
const batches: Batch[][] = Array.from({ length: roundsPerRun }, (_, round) =>
  Array.from({ length: gateways }, (_, gateway) => ({
    gateway: `gateway-${gateway}` as GatewayId,
    site: 'town',
    boot: gateway + 1,
    firstSeq: round * batchReadings,
    series,
    seriesIndex: column(i => i % series.length),
    timeUs: column(i => baseUs + round * 2_500_000 + i * 50_000),
    value: column(i => Math.sin(i + round)),
    quality: column(() => 0),
    clock: 1,
    completeThroughUs: baseUs + round * 2_500_000,
    dropped: [],
  })),
);
/** Every tenth round and the one after it change places. */
const order = batches.map((_, round) => (round % 10 === 8 ? round + 1 : round % 10 === 9 ? round - 1 : round));

function run(TumblingEngine: Module['TumblingEngine']): number {
  const engine = new TumblingEngine({ window: '1m', sizeUs: minuteUs, keepUs: 5 * minuteUs, maxAheadUs: minuteUs });
  const before = process.cpuUsage();
  let offset = 0;
  for (const round of order) {
    for (const batch of batches[round]!) engine.process(batch, batch.timeUs[0]!, offset++);
    engine.flush();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (roundsPerRun * gateways * batchReadings);
}

for (const { module } of modules) run(module.TumblingEngine);
for (let round = 0; round < Number(values.rounds); round++)
  for (const { module, samples } of modules) samples.push(run(module.TumblingEngine));
for (const { path, samples } of modules) {
  const sorted = samples.toSorted((a, b) => a - b);
  const [low, median, high] = [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
  console.log(`${median.toFixed(3)} µs a reading (${low.toFixed(3)}–${high.toFixed(3)})  ${path}`);
}
