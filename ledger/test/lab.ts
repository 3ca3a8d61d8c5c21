/** Topics and a table of a test's own on the shared servers, and hands to put into them what a pipeline would. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { Admin, Producer } from '@millrace/runtime/kafka/types.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type Batch, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, type KafkaTopics, kafkaTopics, rejectedHeaders } from '@millrace/wire/names.ts';
import { encodeStatus, type GatewayStatus } from '@millrace/wire/status.ts';
import { type ReconcileOptions, type Reconciliation, reconcile } from '../src/reconcile.ts';

export const startUs = Date.UTC(2026, 0, 1) * 1000;
/** Reading n of every test batch is taken n milliseconds after the start. */
const stepUs = 1000;

export interface Lab extends AsyncDisposable {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly producer: Producer;
  readonly prefix: string;
  readonly topics: KafkaTopics;
  /** Appends `first … last` of a boot as one batch. */
  append(first: number, last: number, more?: Partial<Batch>): Promise<void>;
  status(more?: Partial<GatewayStatus>): Promise<void>;
  reject(value: Uint8Array, headers: Readonly<Record<string, string>>, key?: string): Promise<void>;
  /** Puts rows into the table and waits until they can be read. */
  store(first: number, last: number, more?: { gateway?: string; boot?: number; shiftUs?: number }): Promise<void>;
  /** Puts a row into the table of statuses, received at `tsUs`, and waits until it can be read. */
  tell(boot: number, lastSeq: number, tsUs: number): Promise<void>;
  /** Commits, as the sink, all that the readings topic holds now. */
  commitAll(): Promise<void>;
  sql(query: string): Promise<unknown[][]>;
  reconcile(more?: Partial<ReconcileOptions>): Promise<Reconciliation>;
}

export const lamp = 'lamp-1' as GatewayId;

export function testBatch(first: number, last: number, more: Partial<Batch> = {}): Batch {
  const index = Array.from({ length: last - first + 1 }, (_, i) => i);
  return {
    gateway: lamp,
    site: '',
    boot: 7,
    firstSeq: first,
    series: [{ sensor: 's', metric: 'm', unit: 'Cel', intervalMs: 1, zone: '' }],
    seriesIndex: index.map(() => 0),
    timeUs: index.map(i => startUs + (first + i) * stepUs),
    value: index.map(i => first + i),
    quality: index.map(() => 0),
    clock: 1,
    completeThroughUs: 0,
    dropped: [],
    ...more,
  };
}

export async function openLab(): Promise<Lab> {
  const { brokers, questdb } = await sharedStack();
  const id = randomBytes(4).toString('hex');
  const [prefix, table] = [`ledger-${id}.`, `ledger_${id}`];
  const kafka = openKafka({ brokers });
  const releasers = new AsyncDisposableStack();
  const admin = releasers.use(await kafka.openAdmin());
  const producer = releasers.use(await kafka.openProducer({ lingerMs: 0 }));
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 2, replicationFactor: 0 }));
  const topics = kafkaTopics(prefix);
  const sql = async (query: string): Promise<unknown[][]> => {
    const response = await fetch(`${questdb.httpUrl}/exec?query=${encodeURIComponent(query)}`);
    const answer = (await response.json()) as { error?: string; dataset?: unknown[][] };
    if (answer.error !== undefined) throw new Error(`${answer.error}: ${query}`);
    return answer.dataset ?? [];
  };
  const migration = readFileSync(new URL('../../sinks/migrations/0001-readings.sql', import.meta.url), 'utf8');
  await sql(migration.replace(/EXISTS readings/, `EXISTS ${table}`).replace(/;\s*$/, ''));
  const { pg } = questdb;
  const gatewaysTable = `${table}_gateways`;
  const address = { pgHost: pg.host, pgPort: pg.port, user: pg.user, password: pg.password, table, gatewaysTable };
  const rows = async (): Promise<number> => Number((await sql(`SELECT count() FROM ${table}`))[0]![0]);

  return {
    kafka,
    admin,
    producer,
    prefix,
    topics,
    sql: query => sql(query.replaceAll('{table}', table)),
    async append(first, last, more) {
      const batch = testBatch(first, last, more);
      await producer.send({ topic: topics.readings, key: batch.gateway, value: encodeBatch(batch) });
    },
    async status(more) {
      const status: GatewayStatus = {
        gateway: lamp,
        site: '',
        state: 1,
        version: '1',
        boot: 7,
        lastSeq: -1,
        outboxReadings: 0,
        outboxBytes: 0,
        dropped: 0,
        clock: 1,
        clockOffsetMs: 0,
        atUs: startUs,
        unsent: [],
        completeThroughUs: 0,
        ...more,
      };
      await producer.send({ topic: topics.gateways, key: status.gateway, value: encodeStatus(status) });
    },
    async reject(value, headers, key = lamp) {
      const reason = { [rejectedHeaders.reason]: 'the test wants it so' };
      await producer.send({ topic: topics.rejected, key, value, headers: { ...reason, ...headers } });
    },
    async store(first, last, { gateway = lamp, boot = 7, shiftUs = 0 } = {}) {
      const count = last - first + 1;
      const before = await rows();
      await sql(
        `INSERT INTO ${table} (ts, gateway, sensor, metric, unit, value, quality, clock, received, boot, seq)
         SELECT cast(${startUs + shiftUs} + (${first} + x - 1) * ${stepUs} AS timestamp), '${gateway}', 's', 'm', 'Cel',
           cast(${first} + x - 1 AS double), 0::byte, 'SYNCED', now(), ${boot}L, ${first} + x - 1 FROM long_sequence(${count})`,
      );
      while ((await rows()) < before + count) await new Promise(resolve => setTimeout(resolve, 20));
    },
    async tell(boot, lastSeq, tsUs) {
      const statuses = readFileSync(new URL('../../sinks/migrations/0004-gateways.sql', import.meta.url), 'utf8');
      await sql(statuses.replace(/EXISTS gateways/, `EXISTS ${gatewaysTable}`).replace(/;\s*$/, ''));
      await sql(
        `INSERT INTO ${gatewaysTable} (ts, gateway, boot, last_seq) VALUES (cast(${tsUs} AS timestamp), '${lamp}', ${boot}L, ${lastSeq}L)`,
      );
      const written = `SELECT count() FROM ${gatewaysTable} WHERE boot = ${boot} AND last_seq = ${lastSeq}`;
      while (Number((await sql(written))[0]![0]) === 0) await new Promise(resolve => setTimeout(resolve, 20));
    },
    async commitAll() {
      const ends = await admin.endOffsets(topics.readings);
      const groupId = `${prefix}sink.readings`;
      await using consumer = await kafka.openConsumer(
        { groupId, topics: [topics.readings] },
        {
          onBatch: async ({ topic, partition, records }) => {
            await consumer.commit([{ topic, partition, offset: records.at(-1)!.offset }]);
          },
        },
      );
      for (;;) {
        const committed = await admin.committedOffsets(groupId, topics.readings);
        if (ends.every((end, partition) => end === 0n || committed[partition] === end)) return;
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    },
    reconcile: more => reconcile({ kafka, prefix, questdb: address, ...more }),
    async [Symbol.asyncDispose]() {
      await sql(`DROP TABLE ${table}`);
      await sql(`DROP TABLE IF EXISTS ${gatewaysTable}`);
      await releasers.disposeAsync();
    },
  };
}
