/** For this room's tests: topics and tables of a test's own on the shared servers, and what to wait for. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { TransientError } from '@millrace/runtime/errors.ts';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { Admin, IncomingRecord, OutgoingRecord, Producer } from '@millrace/runtime/kafka/types.ts';
import { type Logger, openLog } from '@millrace/runtime/log.ts';
import { type Metrics, openMetrics } from '@millrace/runtime/metrics.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type Batch, encodeBatch } from '@millrace/wire/batch.ts';
import { type KafkaTopics, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import { openResumeCounter } from './metrics.ts';
import { QuestdbHttp, type QuestdbHttpOptions } from './questdb/http.ts';
import { type Migration, migrate, readMigrations } from './questdb/migrations.ts';
import { isTableSink, sinkOfTable, type TableSink, type WriterLimits } from './questdb/table-sink.ts';
import { WalWatch } from './questdb/wal-watch.ts';
import { chosenSinks, openSinks, type RunningSinks } from './running.ts';
import type { Sink } from './sink.ts';

/** Answers a condition within the deadline, or fails with the sentence. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await wait(20);
  }
}

export interface Lab extends AsyncDisposable {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly producer: Producer;
  readonly prefix: string;
  readonly topics: KafkaTopics;
  readonly tablePrefix: string;
  readonly questdb: QuestdbHttpOptions;
  readonly http: QuestdbHttp;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Starts sinks on this test's topics and tables; the caller disposes of them. */
  start(which: readonly (string | Sink | TableSink)[], limits?: Partial<WriterLimits> & LabLimits): Promise<LabSinks>;
  /** Offsets committed by a sink, summed over partitions. */
  committed(sink: string, topic: string): Promise<number>;
  count(table: string): Promise<number>;
  /** Of all rows and columns of a table, in one order. */
  checksum(table: string): Promise<string>;
  /** Records of the rejected topic so far, at least `least` of them. */
  rejected(least: number): Promise<readonly IncomingRecord[]>;
}

export interface LabLimits {
  readonly drainTimeoutMs?: number;
  readonly lagLimit?: number;
  /** Default an hour: a test that suspends a table wants it to stay so. */
  readonly resumeEveryMs?: number;
  /** Default that of the test. */
  readonly rejectedTopic?: string;
}

export interface LabSinks extends RunningSinks {
  /** Value of a metric by the beginning of its line: `millrace_sink_rows_total{sink="readings"`; 0 when there is none. */
  metric(line: string): Promise<number>;
}

export interface LabServers {
  readonly brokers: readonly string[];
  readonly questdbUrl: string;
  /** How long a write may take; default that of the service. */
  readonly writeDeadlineMs?: number;
}

/**
 * @param servers Default: those that the whole test run shares.
 * @param migrations Default: all of this room but those of the views, of which a server holds so many only (open files).
 */
export async function openLab({
  partitions = 2,
  servers,
  migrations = withoutViews,
}: {
  partitions?: number;
  servers?: LabServers;
  migrations?: readonly Migration[];
} = {}): Promise<Lab> {
  const { brokers, questdbUrl, writeDeadlineMs }: LabServers = servers ?? (await shared());
  const id = randomBytes(4).toString('hex');
  const [prefix, tablePrefix] = [`test-${id}.`, `t${id}_`];
  const questdb = {
    url: questdbUrl,
    user: 'admin',
    password: 'quest',
    ...(writeDeadlineMs !== undefined && { writeDeadlineMs }),
  };
  const http = new QuestdbHttp(questdb);
  const kafka = openKafka({ brokers });
  await using opening = new AsyncDisposableStack();
  opening.use(http);
  const admin = opening.use(await kafka.openAdmin());
  const producer = opening.use(await kafka.openProducer());
  await admin.ensureTopics(millraceTopics({ prefix, partitions, replicationFactor: 0 }));
  await migrate(http, { tablePrefix, migrations });
  opening.defer(() => dropTables(http, tablePrefix));
  const topics = kafkaTopics(prefix);
  const releasers = opening.move();
  const log = openLog('test', process.env.MILLRACE_TEST_LOG ?? 'silent');
  const metrics = openMetrics('test');
  const count = async (table: string): Promise<number> => {
    const { rows } = await http.query(`SELECT count() FROM ${tablePrefix}${table}`);
    return Number(rows[0]![0]);
  };
  return {
    kafka,
    admin,
    producer,
    prefix,
    topics,
    tablePrefix,
    questdb,
    http,
    log,
    metrics,
    count,
    start: async (
      which,
      {
        lagLimit = 500,
        resumeEveryMs = 3_600_000,
        drainTimeoutMs = 10_000,
        rejectedTopic = topics.rejected,
        ...given
      } = {},
    ) => {
      const stack = new AsyncDisposableStack();
      const metrics = openMetrics('test');
      const watch = stack.use(
        WalWatch.start({ http, log, lagLimit, resumeEveryMs, intervalMs: 100, resumes: openResumeCounter(metrics) }),
      );
      const limits = { batchRows: 10_000, batchBytes: 8_388_608, lingerMs: 10, ...given };
      const tables = { limits, tablePrefix, questdb, http, watch };
      const chosen = which.flatMap(one => (typeof one === 'string' ? chosenSinks([one]).filter(isTableSink) : [one]));
      const running = openSinks(
        chosen.map(sink => (isTableSink(sink) ? sinkOfTable(sink, tables) : sink)),
        { kafka, prefix, drainTimeoutMs, log, metrics, rejected: { producer, topic: rejectedTopic, log } },
      );
      stack.use(running);
      return {
        failed: running.failed,
        get ready() {
          return running.ready;
        },
        metric: async line => {
          const text = await metrics.registry.metrics();
          return Number(
            text
              .split('\n')
              .find(one => one.startsWith(line))
              ?.split(' ')
              .at(-1) ?? 0,
          );
        },
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      };
    },
    committed: async (sink, topic) => {
      const offsets = await admin.committedOffsets(`${prefix}sink.${sink}`, topic);
      return offsets.reduce((sum, offset) => sum + Number(offset ?? 0n), 0);
    },
    checksum: async table => {
      const { rows } = await http.query(`SELECT * FROM ${tablePrefix}${table}`);
      const lines = rows.map(row => JSON.stringify(row)).sort();
      return `${lines.length} ${createHash('sha256').update(lines.join('\n')).digest('hex')}`;
    },
    rejected: async least => {
      const records: IncomingRecord[] = [];
      await using consumer = await kafka.openConsumer(
        { groupId: `${prefix}reader.${randomBytes(4).toString('hex')}`, topics: [topics.rejected] },
        { onBatch: async batch => void records.push(...batch.records) },
      );
      await Promise.race([
        until(`${least} records in ${topics.rejected}`, () => records.length >= least),
        consumer.failed,
      ]);
      return records;
    },
    [Symbol.asyncDispose]: () => releasers.disposeAsync(),
  };
}

const withoutViews = readMigrations().filter(({ statements }) => !statements.join().includes('MATERIALIZED VIEW'));

/** Each holds open files and disk on a server that all tests share. A server that a test has killed keeps its own. */
async function dropTables(http: QuestdbHttp, tablePrefix: string): Promise<void> {
  try {
    const { rows } = await http.query(
      `SELECT table_name, matView FROM tables() WHERE table_name LIKE '${tablePrefix}%'`,
    );
    for (const [name, view] of rows.toSorted(([, a], [, b]) => Number(b) - Number(a)))
      await http.query(`DROP ${view === true ? 'MATERIALIZED VIEW' : 'TABLE'} ${name as string}`);
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
  }
}

async function shared(): Promise<LabServers> {
  const { brokers, questdb } = await sharedStack();
  return { brokers, questdbUrl: questdb.httpUrl };
}

/** A batch of `count` readings of three series, one a millisecond from `startUs`; `changes` are made to it last. */
export function testBatch(
  { gateway = 'lamp-1', boot = 7, firstSeq = 0, count = 50, startUs = 1_760_000_000_000_000 } = {},
  changes: Partial<Batch> = {},
): Batch {
  const index = Array.from({ length: count }, (_, i) => i);
  return {
    gateway: gateway as Batch['gateway'],
    site: 'Höfn harbour, east=1',
    boot,
    firstSeq,
    series: [
      { sensor: 'air 1', metric: 'temperature', unit: 'Cel', intervalMs: 1000, zone: 'north,\\1' },
      { sensor: 'air 1', metric: 'humidity', unit: '%', intervalMs: 1000, zone: '' },
      { sensor: 'people', metric: 'count', unit: '{people}', intervalMs: 0, zone: 'Ōtara' },
    ],
    seriesIndex: index.map(i => i % 3),
    timeUs: index.map(i => startUs + (firstSeq + i) * 1000),
    value: index.map(i => Math.sin(firstSeq + i) * 100),
    quality: index.map(i => (i % 10 === 9 ? 1 : 0)),
    clock: 1,
    completeThroughUs: 0,
    dropped: [],
    ...changes,
  };
}

/** The batch as the bridge appends it. */
export function readingsRecord(topic: string, batch: Batch, receivedUs = 1_760_000_001_000_000): OutgoingRecord {
  return {
    topic,
    key: batch.gateway,
    value: encodeBatch(batch),
    headers: { [readingHeaders.receivedAt]: String(receivedUs), bridge: 'b1' },
  };
}
