/** The processors: readings to rolling statistics, alerts, and statistics of zones. */
import { type ConfigSource, loadConfig, pathResolver } from '@millrace/runtime/config.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { ensureMillraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { kafkaLog } from '@millrace/runtime/log.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { loadRules } from './alerts/rules.ts';
import { processorsSchema } from './config.ts';
import { processorMetrics } from './metrics.ts';
import { Runner } from './runner.ts';
import { checkPartitions } from './state-topic.ts';
import { readingsTask, zonesTask } from './tasks.ts';
import { parseWindows } from './windows.ts';

/** A commit takes some milliseconds, and a failover of Kafka some seconds. */
const stalledMs = 20_000;

export function runProcessors(source: ConfigSource): Promise<number> {
  const config = loadConfig(source, { processors: processorsSchema, kafka: kafkaSchema, log: logSchema });
  const { commitIntervalMs, health } = config.processors;
  const windows = parseWindows(config.processors.windows);
  const rulesFile = config.processors.rules;
  const rules = rulesFile === undefined ? [] : loadRules(pathResolver(source)(rulesFile), 'processors.rules');
  return runService(
    { name: 'processors', section: 'processors', logLevel: config.log.level, health },
    async service => {
      const { log, stop, metrics } = service;
      const { prefix } = config.kafka;
      const topics = kafkaTopics(prefix);
      const kafka = openKafka({ ...config.kafka, clientId: 'millrace-processors', log: kafkaLog(log) });
      await ensureMillraceTopics(kafka, config.kafka, { log, signal: stop });
      await checkPartitions(kafka, topics.readings, topics.processorsState, { log, signal: stop });
      await checkPartitions(kafka, topics.zoneParts, topics.zonesState, { log, signal: stop });
      const said = new Set<string>();
      const say = (sentence: string): void => {
        if (said.has(sentence)) return;
        said.add(sentence);
        log.warn(sentence);
      };
      const settings = { config: config.processors, topics, windows, rules, say };
      const counters = processorMetrics(metrics);
      const shared = { kafka, log, commitIntervalMs, onRows: (rows: number) => metrics.flow.out.inc(rows) };
      // Downstream first: what the readings' task sends to zones is merged while it drains.
      await using zones = config.processors.zones.enabled
        ? await Runner.open({
            ...shared,
            name: `${prefix}zones`,
            inputTopic: topics.zoneParts,
            stateTopic: topics.zonesState,
            createTask: () => zonesTask(settings),
            onItems: () => {},
            onGivenUp: task => counters.zones.givenUp(task),
          })
        : undefined;
      await using readings = await Runner.open({
        ...shared,
        name: `${prefix}processors`,
        inputTopic: topics.readings,
        stateTopic: topics.processorsState,
        createTask: partition => readingsTask(settings, partition),
        onItems: items => metrics.flow.in.inc(items),
        onGivenUp: task => counters.readings.givenUp(task),
      });
      counters.watch(readings, zones);
      service.health.check('kafka', () => readings.consumer.healthy || 'not in the consumer group');
      if (zones)
        service.health.check('zones', () => zones.consumer.healthy || 'not in the consumer group of the zones');
      service.health.check('commits', () => {
        const ms = Math.max(readings.committingMs, zones?.committingMs ?? 0);
        return ms < stalledMs || `no commit has got through for ${Math.round(ms / 1000)} s`;
      });
      await service.untilStopped(readings.failed, ...(zones ? [zones.failed] : []));
    },
  );
}
