/** Who is compared: how each is started on topics of its own, and how its results are read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { Admin, IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { decodeStats } from '@millrace/wire/stats.ts';
import type { Lab } from './compare-lab.ts';
import { type Expected, windowKey } from './compare-workload.ts';

/** One window as a contestant computed it. */
export interface Result extends Omit<Expected, 'sumOfSquares'> {
  readonly mean: number;
  /** Sample variance; of a single reading not defined. */
  readonly variance: number;
}

/** All is there to be started: topics made and filled, files written. */
export interface Prepared {
  readonly command: string;
  readonly args: readonly string[];
  readonly groupId: string;
  readonly input: string;
  readonly output: string;
  /** Puts the windows of a record of the output topic where they belong; later ones replace earlier ones. */
  readonly read: (record: IncomingRecord, into: Map<string, Result>) => void;
}

export interface Contestant {
  readonly name: string;
  readonly commitMs: number;
  /** @param run begins the names of all topics and groups of this run. @param directory of this run alone. */
  prepare(lab: Lab, admin: Admin, run: string, directory: string): Promise<Prepared>;
}

export function streams(form: 'single' | 'batches', store: 'rocksdb' | 'memory', commitMs: number): Contestant {
  return {
    name: `streams-${form}-${store}`,
    commitMs,
    async prepare(lab, admin, run, directory) {
      const input = form === 'single' ? lab.singles : lab.batches;
      const output = `${run}out`;
      await admin.ensureTopics([{ name: output, partitions: lab.partitions, replicationFactor: 0, config: {} }]);
      const application = `${run}app`;
      const options = {
        brokers: lab.brokers.join(','),
        application,
        input,
        output,
        form,
        store,
        'commit-ms': String(commitMs),
        state: join(directory, 'state'),
      };
      const { command, args } = lab.java('run', options);
      return { command, args, groupId: application, input, output, read: readStreams };
    },
  };
}

/** The processors as an operator starts them; what the other side does not compute is switched off. */
export function millrace(commitMs: number): Contestant {
  return {
    name: `millrace-${commitMs}ms`,
    commitMs,
    async prepare(lab, admin, run, directory) {
      const kafka = { prefix: run, partitions: lab.partitions };
      const topics = kafkaTopics(run);
      await admin.ensureTopics(
        millraceTopics({ ...kafka, replicationFactor: 0 }).filter(({ name }) => name === topics.readings),
      );
      await lab.fill(topics.readings);
      const config = join(directory, 'millrace.yaml');
      mkdirSync(directory, { recursive: true });
      // YAML is a superset of JSON.
      writeFileSync(
        config,
        JSON.stringify({
          kafka: { ...kafka, brokers: lab.brokers },
          processors: {
            windows: ['1m'],
            quantiles: false,
            zones: { enabled: false },
            commitIntervalMs: commitMs,
            health: { port: 0 },
          },
          log: { level: 'warn' },
        }),
      );
      const main = join(import.meta.dirname, '..', '..', 'cli', 'src', 'main.ts');
      return {
        command: process.execPath,
        args: ['--disable-warning=TimeoutNegativeWarning', main, 'processors', '--config', config],
        groupId: `${run}processors`,
        input: topics.readings,
        output: topics.stats,
        read: readMillrace,
      };
    },
  };
}

/** streams/…/Stats.java: count (int64), sum, min, max, mean, m2, big-endian. Its key is {@link windowKey}. */
function readStreams({ key, value }: IncomingRecord, into: Map<string, Result>): void {
  if (key === null || value === null) return;
  const stats = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const count = Number(stats.readBigInt64BE(0));
  into.set(key, {
    count,
    sum: stats.readDoubleBE(8),
    min: stats.readDoubleBE(16),
    max: stats.readDoubleBE(24),
    mean: stats.readDoubleBE(32),
    variance: stats.readDoubleBE(40) / (count - 1),
  });
}

function readMillrace({ value }: IncomingRecord, into: Map<string, Result>): void {
  if (value === null) return;
  const { gateway, window, rows } = decodeStats(value);
  if (window !== '1m') return;
  for (const { series, startUs, count, mean, min, max, stddev } of rows) {
    const variance = (stddev ?? Number.NaN) ** 2;
    into.set(windowKey(gateway, series.sensor, startUs), { count, sum: mean * count, min, max, mean, variance });
  }
}
