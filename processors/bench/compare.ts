/**
 * The processors against Kafka Streams, on the same readings, both exactly once: see streams/README.md.
 *
 *     node processors/bench/compare.ts [--pairs 8] [--readings 2000000] [--minutes 7] [--partitions 1]
 *       [--streams-commit-ms 1000] [--only NAME,…] [result.json]
 *
 * Each round runs every contestant once, as a process of its own, in an order that rotates. `--only` takes beginnings of
 * names (`streams-single,millrace-1000ms`). Needs Java 17 and, for the first time, Maven.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '@millrace/runtime/errors.ts';
import { openLifeline } from '@millrace/stack/lifeline.ts';
import { millrace, streams } from './compare-contestants.ts';
import { openLab } from './compare-lab.ts';
import { tables } from './compare-report.ts';
import { type Figures, run } from './compare-run.ts';
import { makeWorkload } from './compare-workload.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '8' },
    readings: { type: 'string', default: '2000000' },
    minutes: { type: 'string', default: '7' },
    partitions: { type: 'string', default: '1' },
    'streams-commit-ms': { type: 'string', default: '1000' },
    only: { type: 'string', default: '' },
  },
});
const [pairs, partitions, streamsCommitMs] = [
  Number(values.pairs),
  Number(values.partitions),
  Number(values['streams-commit-ms']),
];

const wanted = values.only.split(',');
const contestants = [
  streams('single', 'rocksdb', streamsCommitMs),
  streams('single', 'memory', streamsCommitMs),
  streams('batches', 'rocksdb', streamsCommitMs),
  streams('batches', 'memory', streamsCommitMs),
  millrace(1000),
  millrace(100),
].filter(({ name }) => wanted.some(beginning => name.startsWith(beginning)));
if (contestants.length === 0) {
  console.error(`no contestant's name begins with ${wanted.join(' or ')}`);
  process.exit(2);
}

const figures = new Map(contestants.map(({ name }) => [name, new Map<number, Figures>()]));
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort(new Error(signal)));
const home = mkdtempSync(join(tmpdir(), 'millrace-compare-'));
try {
  using lifeline = openLifeline();
  const workload = makeWorkload(Number(values.readings), Number(values.minutes));
  console.error(
    `${workload.readings} readings in ${workload.batches.length} batches, ${workload.expected.size} windows`,
  );
  await using lab = await openLab({
    home,
    partitions,
    workload,
    lifeline,
    withSingles: contestants.some(({ name }) => name.startsWith('streams-single')),
    signal: stopping.signal,
  });
  for (let round = 0; round < pairs; round++) {
    for (let i = 0; i < contestants.length; i++) {
      const contestant = contestants[(round + i) % contestants.length]!;
      try {
        const result = await run(lab, contestant, `round-${round + 1}-${contestant.name}`, stopping.signal);
        figures.get(contestant.name)!.set(round, result);
        console.error(`round ${round + 1} ${contestant.name}: ${Math.round(result.perSecond / 1000)},000/s`);
      } catch (error) {
        stopping.signal.throwIfAborted();
        console.error(`round ${round + 1} ${contestant.name} does not count: ${messageOf(error)}`);
        process.exitCode = 1;
      }
    }
  }
  console.log(`${cpus().length} cores, ${partitions} partitions, ${workload.readings} readings; CPU is a reading's\n`);
  console.log(tables(figures));
  const [file] = positionals;
  if (file !== undefined) {
    const rounds = Object.fromEntries([...figures].map(([name, all]) => [name, Object.fromEntries(all)]));
    const setting = { cores: cpus().length, partitions, readings: workload.readings, streamsCommitMs };
    writeFileSync(file, `${JSON.stringify({ ...setting, rounds }, null, 2)}\n`);
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
