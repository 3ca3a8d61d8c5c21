/** Replicas as real processes, killed, frozen and stopped under load: the tables are those of an undisturbed run. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { Admin, OutgoingRecord, Producer } from '@millrace/runtime/kafka/types.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type Batch, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics } from '@millrace/wire/names.ts';
import { decodeStats } from '@millrace/wire/stats.ts';
import { decodeZoneStats } from '@millrace/wire/zones.ts';

const partitions = 6;
const gateways = 12;
const rounds = 120;
const roundMs = 100;
/** Of event time in each batch, one reading a second and series. */
const batchSeconds = 6;
const sensors = 2;
const minuteUs = 60_000_000;
const minutes = (rounds * batchSeconds) / 60;
const zoneCount = 3;
/** Three hours ago, so that the last claim may close an hour's windows. */
const startUs = (Math.floor(Date.now() / 60_000) - 180) * minuteUs;

const id = randomBytes(4).toString('hex');
const disturbed = `test-replicas-${id}.`;
const undisturbed = `test-replica-${id}.`;
let kafka: Kafka;
let brokers: readonly string[];
let admin: Admin;
let producer: Producer;
const releasers = new AsyncDisposableStack();

before(async () => {
  ({ brokers } = await sharedStack());
  kafka = openKafka({ brokers });
  admin = releasers.use(await kafka.openAdmin());
  producer = releasers.use(await kafka.openProducer());
  for (const prefix of [disturbed, undisturbed])
    await admin.ensureTopics(millraceTopics({ prefix, partitions, replicationFactor: 0 }));
});

after(() => releasers.disposeAsync());

function startReplica(prefix: string): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../cli/src/main.ts'), 'processors'], {
    env: {
      ...process.env,
      MILLRACE_KAFKA__BROKERS: brokers.join(','),
      MILLRACE_KAFKA__PREFIX: prefix,
      MILLRACE_PROCESSORS__COMMIT_INTERVAL_MS: '200',
      MILLRACE_PROCESSORS__HEALTH__PORT: '0',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  releasers.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  return child;
}

const seriesOf = (gateway: number): Batch['series'] =>
  Array.from({ length: sensors }, (_, i) => ({
    sensor: `sensor-${i}`,
    metric: 'temperature',
    unit: 'Cel',
    intervalMs: 1000,
    zone: `zone-${gateway % zoneCount}`,
  }));

function batchOf(gateway: number, round: number): Batch {
  const readings = batchSeconds * sensors;
  const firstUs = startUs + round * batchSeconds * 1_000_000;
  const column = <T>(one: (i: number) => T): T[] => Array.from({ length: readings }, (_, i) => one(i));
  return {
    gateway: `gateway-${gateway}` as GatewayId,
    site: 'town',
    boot: gateway + 1,
    firstSeq: round * readings,
    series: seriesOf(gateway),
    seriesIndex: column(i => i % sensors),
    timeUs: column(i => firstUs + Math.floor(i / sensors) * 1_000_000),
    value: column(i => Math.sin(gateway * 1000 + round * readings + i) * 30),
    quality: column(() => 0),
    clock: 1,
    completeThroughUs: firstUs - 5 * batchSeconds * 1_000_000,
    dropped: [],
  };
}

/** What arrives in one round: every third batch comes a round late, every fifth comes twice. */
function arrivals(round: number): Batch[] {
  return Array.from({ length: gateways }, (_, gateway) => {
    const late = (one: number): boolean => (one + gateway) % 3 === 0;
    const arrived = [
      ...(round > 0 && late(round - 1) ? [round - 1] : []),
      ...(round < rounds && !late(round) ? [round] : []),
    ];
    return arrived.flatMap(one => {
      const batch = batchOf(gateway, one);
      return (one + gateway) % 5 === 0 ? [batch, batch] : [batch];
    });
  }).flat();
}

async function send(batches: readonly Batch[]): Promise<void> {
  const records = batches.flatMap(batch =>
    [disturbed, undisturbed].map(
      (prefix): OutgoingRecord => ({
        topic: kafkaTopics(prefix).readings,
        key: batch.gateway,
        value: encodeBatch(batch),
        headers: { 'received-at': String(Date.now() * 1000) },
      }),
    ),
  );
  await Promise.all(records.map(record => producer.send(record)));
}

async function until(what: string, condition: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  for (const end = Date.now() + withinMs; !(await condition()); await wait(100))
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
}

async function consumed(prefix: string, topic: string): Promise<boolean> {
  const ends = await admin.endOffsets(topic);
  const committed = await admin.committedOffsets(`${prefix}processors`, topic);
  return ends.every((end, partition) => end === 0n || committed[partition] === end);
}

/** The newest row of each window, without its revision, which counts commits. */
async function statsOf(prefix: string): Promise<Map<string, object>> {
  const rows = new Map<string, object>();
  const newest = new Map<string, number>();
  await readTopicToEnd(kafka, kafkaTopics(prefix).stats, {}, ({ value }) => {
    const { gateway, window, rows: some } = decodeStats(value!);
    for (const { revision, ...row } of some) {
      const key = `${window} ${gateway} ${row.series.sensor} ${row.startUs}`;
      assert.ok(revision > (newest.get(key) ?? 0), `${key}: revision ${revision} after ${newest.get(key)}`);
      newest.set(key, revision);
      rows.set(key, row);
    }
  });
  return rows;
}

async function zonesOf(prefix: string): Promise<Map<string, object>> {
  const rows = new Map<string, object>();
  await readTopicToEnd(kafka, kafkaTopics(prefix).zones, {}, ({ value }) => {
    const { zone, metric, rows: some } = decodeZoneStats(value!);
    for (const { revision: _, ...row } of some) rows.set(`${zone} ${metric} ${row.startUs}`, row);
  });
  return rows;
}

test('three replicas under load, one killed, one frozen beyond its session, one stopped in order: the same tables as one alone', {
  timeout: 120_000,
}, async () => {
  const [killed, frozen, stopped] = [1, 2, 3].map(() => startReplica(disturbed)) as [
    ChildProcess,
    ChildProcess,
    ChildProcess,
  ];
  const at = new Map<number, () => void>([
    [40, () => void killed.kill('SIGKILL')],
    [45, () => void startReplica(disturbed)],
    [55, () => void frozen.kill('SIGSTOP')],
    [90, () => void stopped.kill('SIGTERM')],
  ]);
  for (let round = 0; round <= rounds; round++) {
    at.get(round)?.();
    await Promise.all([send(arrivals(round)), wait(roundMs)]);
  }
  // It wakes believing that its partitions are its own, with statistics of them in hand.
  await until('somebody else has all partitions', () => consumed(disturbed, kafkaTopics(disturbed).readings));
  frozen.kill('SIGCONT');
  const claims = Array.from({ length: gateways }, (_, gateway) => ({
    ...batchOf(gateway, rounds),
    series: [],
    seriesIndex: [],
    timeUs: [],
    value: [],
    quality: [],
    completeThroughUs: Date.now() * 1000,
  }));
  await send(claims);
  startReplica(undisturbed);
  for (const prefix of [disturbed, undisturbed]) {
    await until(`${prefix} is read`, () => consumed(prefix, kafkaTopics(prefix).readings));
    // A zone's row is final by those that are known, and revised when a partition comes with others.
    await until('zones are complete', async () => {
      const zones = [...(await zonesOf(prefix)).values()] as { sensors: number; final: boolean }[];
      const isWhole = ({ sensors: seen, final }: { sensors: number; final: boolean }): boolean =>
        final && seen === (gateways / zoneCount) * sensors;
      return zones.length === minutes * zoneCount && zones.every(isWhole);
    });
  }

  const [actual, expected] = [await statsOf(disturbed), await statsOf(undisturbed)];
  assert.deepEqual(actual, expected);
  const inMinutes = [...expected].filter(([key]) => key.startsWith('1m '));
  assert.equal(inMinutes.length, minutes * gateways * sensors);
  for (const [key, row] of inMinutes) {
    const { count, final } = row as { count: number; final: boolean };
    assert.deepEqual({ key, count, final }, { key, count: 60, final: true });
  }
  assert.deepEqual(await zonesOf(disturbed), await zonesOf(undisturbed));
});
