/** The processors: readings to rolling statistics. */
import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { ensureMillraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { kafkaLog } from '@millrace/runtime/log.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { Committer } from './committer.ts';
import { processorsSchema } from './config.ts';
import { processorMetrics } from './metrics.ts';
import { Partitions } from './partitions.ts';
import { TumblingEngine } from './tumbling.ts';

const minuteUs = 60_000_000;
const restoreWithinMs = 600_000;

export function runProcessors(source: ConfigSource): Promise<number> {
  const config = loadConfig(source, { processors: processorsSchema, kafka: kafkaSchema, log: logSchema });
  const { commitIntervalMs, ledgerIntervalMs, keepMs, maxAheadMs, health } = config.processors;
  return runService(
    { name: 'processors', section: 'processors', logLevel: config.log.level, health },
    async service => {
      const { log, stop, metrics } = service;
      const topics = kafkaTopics(config.kafka.prefix);
      const kafka = openKafka({ ...config.kafka, clientId: 'millrace-processors', log: kafkaLog(log) });
      await ensureMillraceTopics(kafka, config.kafka, { log, signal: stop });
      await using producer = await kafka.openProducer({ deadlineMs: 10_000 });
      const partitions = new Partitions({
        topics,
        producer,
        log,
        ledgerIntervalMs,
        createEngine: () =>
          new TumblingEngine({ window: '1m', sizeUs: minuteUs, keepUs: keepMs * 1000, maxAheadUs: maxAheadMs * 1000 }),
        endOffsets: signal =>
          keepTrying(
            'end offsets',
            async () => {
              await using admin = await kafka.openAdmin();
              return await admin.endOffsets(topics.readings);
            },
            { log, signal },
          ),
        readState: (numbers, signal, onRecord) =>
          keepTrying(
            'restoring the state',
            () =>
              readTopicToEnd(
                kafka,
                topics.processorsState,
                { partitions: numbers, signal, deadlineMs: restoreWithinMs },
                ({ key, value }, partition) => onRecord(partition, key ?? '', value),
              ),
            { log, signal },
          ),
      });
      const committer = new Committer({
        partitions,
        intervalMs: commitIntervalMs,
        onRows: rows => metrics.flow.out.inc(rows),
      });
      await using consumer = await kafka.openConsumer(
        // A processor that was killed holds its partitions until its session ends: six seconds, Kafka's least.
        { groupId: `${config.kafka.prefix}processors`, topics: [topics.readings], sessionTimeoutMs: 6000 },
        {
          onAssigned: assignment => partitions.assign(assignment),
          onBatch: async batch => metrics.flow.in.inc(partitions.process(batch)),
          onDrain: () => committer.drain(),
        },
      );
      processorMetrics(metrics, partitions, consumer);
      service.health.check('kafka', () => consumer.healthy || 'not in the consumer group');
      await service.untilStopped(consumer.failed, committer.run(consumer));
    },
  );
}
