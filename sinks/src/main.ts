import { type Config, type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { ensureMillraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { kafkaLog } from '@millrace/runtime/log.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { logSchema, questdbSchema } from '@millrace/runtime/schemas.ts';
import { runService, type Service } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { sinksSchema } from './config.ts';
import { openResumeCounter } from './metrics.ts';
import { QuestdbHttp } from './questdb/http.ts';
import { migrate } from './questdb/migrations.ts';
import { WalWatch } from './questdb/wal-watch.ts';
import { chosenSinks, openSinks } from './running.ts';
import type { Sink } from './sink.ts';

const sections = { sinks: sinksSchema, questdb: questdbSchema, kafka: kafkaSchema, log: logSchema };

/**
 * Runs sinks until a signal; resolves with the exit code.
 * @param names Default: what `sinks.enabled` says.
 * @throws {ConfigError} with every mistake, before anything is touched.
 */
export async function runSinks(source: ConfigSource, names?: readonly string[]): Promise<number> {
  const config = loadConfig(source, sections);
  const chosen = chosenSinks(names ?? config.sinks.enabled);
  const { health } = config.sinks;
  return runService({ name: 'sinks', section: 'sinks', logLevel: config.log.level, health }, service =>
    run(service, config, chosen),
  );
}

/** Database first, then consumers; released in reverse: consumers drain, rows flush, offsets commit, then the rest closes. */
async function run(
  service: Service,
  { sinks, questdb, kafka: kafkaConfig }: Config<typeof sections>,
  chosen: readonly Sink[],
): Promise<void> {
  const { log, metrics, health, stop: signal } = service;
  using http = new QuestdbHttp(questdb);
  const applied = await keepTrying('QuestDB', () => migrate(http), { log, signal });
  if (applied.length > 0) log.info({ applied }, 'tables are ready');
  await using watch = WalWatch.start({
    http,
    log,
    lagLimit: sinks.walLagLimit,
    resumes: openResumeCounter(metrics),
  });

  const { prefix } = kafkaConfig;
  const kafka = openKafka({ ...kafkaConfig, log: kafkaLog(log) });
  await ensureMillraceTopics(kafka, kafkaConfig, { log, signal });
  await using producer = await kafka.openProducer();
  const rejected = { producer, topic: kafkaTopics(prefix).rejected, log };
  await using running = openSinks(chosen, {
    kafka,
    prefix,
    config: sinks,
    questdb,
    http,
    watch,
    rejected,
    metrics,
    log,
  });

  health.check('questdb', () => watch.answers || 'does not answer');
  health.check('sinks', () => running.ready);
  await service.untilStopped(running.failed);
}
