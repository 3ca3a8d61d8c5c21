/** The processor's commit cycle against a real Kafka. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import type { Assignment, IncomingRecord, Producer } from '@millrace/runtime/kafka/types.ts';
import { openLog } from '@millrace/runtime/log.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics } from '@millrace/wire/names.ts';
import { decodeStats, type StatsRow } from '@millrace/wire/stats.ts';
import { Partitions } from './partitions.ts';
import { TumblingEngine } from './tumbling.ts';

const minuteUs = 60_000_000;
const baseUs = 1_790_000_040_000_000 - (1_790_000_040_000_000 % minuteUs);
const log = openLog('processors-test', 'error');

function record(offset: number, firstSeq: number, values: readonly number[]): IncomingRecord {
  const column = <T>(one: T): T[] => values.map(() => one);
  const value = encodeBatch({
    gateway: 'g' as GatewayId,
    site: '',
    boot: 1,
    firstSeq,
    series: [{ sensor: 's', metric: 'm', unit: '1', intervalMs: 0, zone: '' }],
    seriesIndex: column(0),
    timeUs: values.map((_, i) => baseUs + firstSeq + i),
    value: values,
    quality: column(0),
    clock: 1,
    completeThroughUs: 0,
    dropped: [],
  });
  return { offset: BigInt(offset), key: 'g', value, headers: {}, timestampMs: baseUs / 1000 };
}

async function newestRows(kafka: Kafka, topic: string): Promise<StatsRow[]> {
  const rows = new Map<number, StatsRow>();
  await readTopicToEnd(kafka, topic, {}, ({ value }) => {
    for (const row of decodeStats(value!).rows) rows.set(row.startUs, row);
  });
  return [...rows.values()];
}

test('a processor that ends without committing is taken over without a reading lost or counted twice', async () => {
  const { brokers } = await sharedStack();
  const prefix = `test-processors-${randomUUID()}.`;
  const topics = kafkaTopics(prefix);
  const kafka = openKafka({ brokers });
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 2, replicationFactor: 1 }));
  await using producer = await kafka.openProducer();
  const assignment: Assignment = {
    partitions: new Map([[topics.readings, [0, 1]]]),
    signal: new AbortController().signal,
  };
  const processor = async (through: Producer): Promise<Partitions> => {
    const partitions = new Partitions({
      topics,
      producer: through,
      log,
      ledgerIntervalMs: 0,
      createEngine: () =>
        new TumblingEngine({ window: '1m', sizeUs: minuteUs, keepUs: minuteUs, maxAheadUs: minuteUs }),
      endOffsets: () => Promise.resolve([10n, 10n]),
      readState: (numbers, signal, onRecord) =>
        readTopicToEnd(kafka, topics.processorsState, { partitions: numbers, signal }, ({ key, value }, partition) =>
          onRecord(partition, key ?? '', value),
        ),
    });
    await partitions.assign(assignment);
    return partitions;
  };
  const batch = (records: IncomingRecord[]) => ({ topic: topics.readings, partition: 1, records, highWatermark: 10n });

  const first = await processor(producer);
  first.process(batch([record(0, 0, [1, 2, 3])]));
  assert.deepEqual((await first.flush()).positions, [{ topic: topics.readings, partition: 1, offset: 0n }]);
  first.process(batch([record(1, 3, [4])]));
  // It ends here: its last record is not flushed, and the offsets of both are not committed.
  const second = await processor(producer);
  second.process(batch([record(0, 0, [1, 2, 3]), record(1, 3, [4])]));
  second.process(batch([record(2, 2, [3, 4, 5])]));
  await second.flush();
  const [row, ...others] = await newestRows(kafka, topics.stats);
  assert.deepEqual([others.length, row!.count, row!.mean, row!.min, row!.max], [0, 5, 3, 1, 5]);
  assert.deepEqual([second.counters.counted, second.counters.duplicate], [2, 5]);
});

test('what could not be published is published with the next flush, and nothing is committed in between', async () => {
  const { brokers } = await sharedStack();
  const prefix = `test-processors-${randomUUID()}.`;
  const topics = kafkaTopics(prefix);
  const kafka = openKafka({ brokers });
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(millraceTopics({ prefix, partitions: 1, replicationFactor: 1 }));
  // A cluster that is not there: nothing listens on the discard port.
  await using nowhere = await openKafka({ brokers: ['127.0.0.1:9'] }).openProducer({ deadlineMs: 300 });
  await using producer = await kafka.openProducer();
  const ending = new AbortController();
  let through: Producer = nowhere;
  const switched: Pick<Producer, 'send'> = {
    async send(outgoing) {
      try {
        return await through.send(outgoing);
      } catch (error) {
        // It would be tried again for ever; the assignment ends once a try has failed.
        ending.abort();
        throw error;
      }
    },
  };
  const partitions = new Partitions({
    topics,
    producer: switched as Producer,
    log,
    ledgerIntervalMs: 0,
    createEngine: () => new TumblingEngine({ window: '1m', sizeUs: minuteUs, keepUs: minuteUs, maxAheadUs: minuteUs }),
    endOffsets: () => Promise.resolve([]),
    readState: () => Promise.resolve(),
  });
  await partitions.assign({ partitions: new Map([[topics.readings, [0]]]), signal: ending.signal });
  partitions.process({ topic: topics.readings, partition: 0, records: [record(0, 0, [7])], highWatermark: 1n });
  assert.deepEqual((await partitions.flush()).positions, []);
  assert.ok(ending.signal.aborted, 'a try has failed');
  through = producer;
  assert.equal((await partitions.flush(new AbortController().signal)).positions.length, 1);
  assert.deepEqual(
    (await newestRows(kafka, topics.stats)).map(({ count, mean }) => [count, mean]),
    [[1, 7]],
  );
});
