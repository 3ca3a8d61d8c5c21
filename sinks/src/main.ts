import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { ensureMillraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { logSchema, questdbSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { sinksSchema } from './config.ts';
import { QuestdbHttp } from './questdb/http.ts';
import { migrate } from './questdb/migrations.ts';
import { WalWatch } from './questdb/wal-watch.ts';
import { chosenSinks, openSinks } from './running.ts';

/**
 * Runs sinks until a signal; resolves with the exit code.
 * @param names Default: what `sinks.enabled` says.
 * @throws {ConfigError} with every mistake, before anything is touched.
 */
export async function runSinks(source: ConfigSource, names?: readonly string[]): Promise<number> {
  const config = loadConfig(source, { sinks: sinksSchema, questdb: questdbSchema, kafka: kafkaSchema, log: logSchema });
  const chosen = chosenSinks(names ?? config.sinks.enabled);
  const {
    sinks,
    questdb,
    log: { level },
  } = config;
  return runService({ name: 'sinks', section: 'sinks', logLevel: level, health: sinks.health }, async service => {
    const { log, metrics, health, stop } = service;
    using http = new QuestdbHttp(questdb);
    const applied = await keepTrying('QuestDB', () => migrate(http), { log, signal: stop });
    if (applied.length > 0) log.info({ applied }, 'tables are ready');
    await using watch = WalWatch.start({ http, log, lagLimit: sinks.walLagLimit });

    const kafka = openKafka({ ...config.kafka, log: (at, message, details) => log[at](details ?? {}, message) });
    await ensureMillraceTopics(kafka, config.kafka, { log, signal: stop });
    await using producer = await kafka.openProducer();
    const rejected = { producer, topic: kafkaTopics(config.kafka.prefix).rejected, log };
    await using running = openSinks(chosen, {
      kafka,
      prefix: config.kafka.prefix,
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
  });
}
