/** What all runs share: a Kafka of their own, its topics of input, and the Java program. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { findJava } from '@millrace/stack/java.ts';
import type { Lifeline } from '@millrace/stack/lifeline.ts';
import { openStack } from '@millrace/stack/stack.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import { buildStreams } from './compare-build.ts';
import type { SealedBatch, Workload } from './compare-workload.ts';

export interface Lab extends AsyncDisposable {
  /** Directory for whatever a run writes. */
  readonly home: string;
  readonly kafka: Kafka;
  readonly brokers: readonly string[];
  readonly brokerPid: number;
  readonly partitions: number;
  readonly workload: Workload;
  readonly lifeline: Lifeline;
  /** Topic of the workload's batches, for the Streams applications. */
  readonly batches: string;
  /** Topic of the same readings, a record each. */
  readonly singles: string;
  /** Appends the workload's batches as the bridge does. */
  fill(topic: string): Promise<void>;
  /** How to start the Java program in one of its modes. */
  java(mode: string, options: Readonly<Record<string, string>>): { command: string; args: string[] };
  /** Deletes the topics of a run that has ended. */
  clean(run: string): Promise<void>;
}

export interface LabOptions {
  readonly home: string;
  readonly partitions: number;
  readonly workload: Workload;
  readonly lifeline: Lifeline;
  /** Whether anybody reads single readings: to write them takes a while. */
  readonly withSingles: boolean;
  readonly signal: AbortSignal;
}

/** Batches that wait for their acknowledgement, at most. */
const aheadBatches = 4000;
const javaWithinMs = 180_000;

export async function openLab({ home, partitions, workload, lifeline, withSingles, signal }: LabOptions): Promise<Lab> {
  const classPath = await buildStreams();
  const { command } = await findJava(process.env);
  await using releasers = new AsyncDisposableStack();
  const servers = releasers.use(
    // The broker compiles fully and has room: it is to be the limit of nobody.
    await openStack({ home, questdb: false, kafkaJit: 'full', kafkaHeapMb: 1024, lifeline, signal }),
  );
  const { brokers, nodes } = servers.kafka!;
  const kafka = openKafka({ brokers });
  const java: Lab['java'] = (mode, options) => ({
    command,
    args: [
      '-Xms1g',
      '-Xmx1g',
      '-XX:+UseG1GC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-cp',
      classPath,
      'io.millrace.bench.Main',
      mode,
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    ],
  });
  const runJava = async (mode: string, options: Readonly<Record<string, string>>): Promise<void> => {
    const { args } = java(mode, { brokers: brokers.join(','), ...options });
    await promisify(execFile)(command, args, { timeout: javaWithinMs, signal });
  };
  const [batches, singles] = ['input-batches', 'input-singles'];
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics([batches, singles].map(name => ({ name, partitions, replicationFactor: 0, config: {} })));
  await fill(kafka, batches, workload.batches);
  if (withSingles) await runJava('fill', { input: batches, output: singles });
  const owned = releasers.move();
  return {
    home,
    kafka,
    brokers,
    brokerPid: nodes[0]!.pid!,
    partitions,
    workload,
    lifeline,
    batches,
    singles,
    fill: topic => fill(kafka, topic, workload.batches),
    java,
    clean: run => runJava('clean', { prefix: run }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function fill(kafka: Kafka, topic: string, batches: readonly SealedBatch[]): Promise<void> {
  await using producer = await kafka.openProducer();
  for (let i = 0; i < batches.length; i += aheadBatches) {
    const sends = batches.slice(i, i + aheadBatches).map(({ gateway, bytes, receivedAtUs }) =>
      producer.send({
        topic,
        key: gateway,
        value: bytes,
        headers: {
          [readingHeaders.receivedAt]: String(receivedAtUs),
          [readingHeaders.bridge]: 'bench',
          [readingHeaders.contentType]: 'application/x-protobuf',
        },
      }),
    );
    await Promise.all(sends);
  }
}
