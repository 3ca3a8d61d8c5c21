/**
 * How long a processor that was killed takes to be at work again, with the state of many series: a Kafka of its own, the
 * real process with its default windows, killed with SIGKILL and started again.
 *
 *     node processors/bench/restore.ts [--series 100000] [--rounds 3]
 *
 * Prints, a line a round, seconds from the start of the process until its partitions are restored, and until readings
 * sent after that are committed; and the memory that it then holds. Of one process that has all 12 partitions.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { openLifeline } from '@millrace/stack/lifeline.ts';
import { openStack } from '@millrace/stack/stack.ts';
import { type Batch, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import { peakMbOf } from './compare-proc.ts';

const { values } = parseArgs({
  options: { series: { type: 'string', default: '100000' }, rounds: { type: 'string', default: '3' } },
});
const seriesPerGateway = 100;
const gateways = Math.ceil(Number(values.series) / seriesPerGateway);
/** Event time that is in the state before the first kill: each series has a reading in every minute of it. */
const minutes = 15;
const minuteUs = 60_000_000;
const prefix = 'bench-restore.';
const topics = kafkaTopics(prefix);
const main = join(import.meta.dirname, '..', '..', 'cli', 'src', 'main.ts');
const home = mkdtempSync(join(tmpdir(), 'millrace-restore-'));

const series = Array.from({ length: seriesPerGateway }, (_, i) => ({
  sensor: `sensor-${i}`,
  metric: 'temperature',
  unit: 'Cel',
  intervalMs: 60_000,
  zone: `zone-${i % 10}`,
}));
const startUs = (Math.floor(Date.now() / 60_000) - minutes) * minuteUs;

function batchOf(gateway: number, minute: number): Batch {
  const column = <T>(one: (i: number) => T): T[] => series.map((_, i) => one(i));
  const fromUs = startUs + minute * minuteUs;
  return {
    gateway: `gateway-${gateway}` as GatewayId,
    site: 'town',
    boot: gateway + 1,
    firstSeq: minute * seriesPerGateway,
    series,
    seriesIndex: column(i => i),
    timeUs: column(i => fromUs + i * 1000),
    value: column(i => Math.round(Math.sin(gateway + minute + i) * 3000) / 100),
    quality: column(() => 0),
    clock: 1,
    completeThroughUs: fromUs,
    dropped: [],
  };
}

try {
  // Whatever ends this program ends what it has started.
  using lifeline = openLifeline();
  await using stack = await openStack({ home, questdb: false, lifeline });
  const { brokers } = stack.kafka!;
  const kafka = openKafka({ brokers });
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 12, replicationFactor: 0 }));
  await using producer = await kafka.openProducer();
  const send = async (minute: number): Promise<void> => {
    const receivedAt = String(Date.now() * 1000);
    await Promise.all(
      Array.from({ length: gateways }, (_, gateway) =>
        producer.send({
          topic: topics.readings,
          key: `gateway-${gateway}`,
          value: encodeBatch(batchOf(gateway, minute)),
          headers: { [readingHeaders.receivedAt]: receivedAt },
        }),
      ),
    );
  };
  const committed = async (): Promise<void> => {
    for (const ends = await admin.endOffsets(topics.readings); ; await wait(50)) {
      const offsets = await admin.committedOffsets(`${prefix}processors`, topics.readings);
      if (ends.every((end, partition) => end === 0n || offsets[partition] === end)) return;
    }
  };
  const start = () => {
    const child = spawn(process.execPath, [main, 'processors'], {
      env: {
        ...process.env,
        MILLRACE_KAFKA__BROKERS: brokers.join(','),
        MILLRACE_KAFKA__PREFIX: prefix,
        MILLRACE_PROCESSORS__HEALTH__PORT: '0',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    lifeline.add(child.pid!);
    const restored = Promise.withResolvers<number>();
    createInterface({ input: child.stderr }).on('line', line => {
      const { msg, entries } = JSON.parse(line) as { msg: string; entries?: number };
      // The zones' assignment is said in the same words; the readings' state is the larger one.
      if (msg === 'partitions assigned' && entries !== undefined && entries >= gateways) restored.resolve(entries);
    });
    return { child, restored: restored.promise };
  };
  let running = start();
  for (let minute = 0; minute < minutes - 1; minute++) await send(minute);
  await committed();
  for (let round = 0; round < Number(values.rounds); round++) {
    running.child.kill('SIGKILL');
    await once(running.child, 'exit');
    // Its session must end first, or the group makes its successor wait; that is not the restore.
    await wait(7000);
    const startedAt = performance.now();
    running = start();
    const entries = await running.restored;
    const restoredMs = performance.now() - startedAt;
    await send(minutes - 1 + round);
    await committed();
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    console.log(
      `${gateways * seriesPerGateway} series, ${entries} entries: restored after ${seconds(restoredMs)} s, at work after ${seconds(performance.now() - startedAt)} s, ${Math.round(peakMbOf(running.child.pid!))} MB at most`,
    );
  }
  running.child.kill('SIGTERM');
  await once(running.child, 'exit');
} finally {
  rmSync(home, { recursive: true, force: true });
}
