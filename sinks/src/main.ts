import { type Config, type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { ensureMillraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { kafkaLog } from '@millrace/runtime/log.ts';
import { logSchema, questdbSchema } from '@millrace/runtime/schemas.ts';
import { runService, type Service } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { sinksSchema } from './config.ts';
import { isTableSink, sinkOfTable } from './questdb/table-sink.ts';
import { openTables } from './questdb/tables.ts';
import { chosenSinks, openSinks } from './running.ts';
import type { ListedSink } from './sink.ts';

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

/**
 * Released in reverse: consumers drain, rows flush, offsets commit, then the rest closes. A sink joins its group when what
 * it writes to is there: tables wait for QuestDB, and hold up no sink without one.
 */
async function run(service: Service, config: Config<typeof sections>, chosen: readonly ListedSink[]): Promise<void> {
  const { log, metrics, health, stop: signal } = service;
  const { sinks: own, questdb, kafka: kafkaConfig } = config;
  const tableSinks = chosen.filter(isTableSink);
  const others = chosen.flatMap(sink => (isTableSink(sink) ? [] : sink.sinksOf(own)));

  if (tableSinks.length + others.length === 0)
    throw new ConfigError(
      chosen.map(({ name }) => ({ key: `sinks.${name}`, message: 'names nothing, and no other sink is to run' })),
    );

  await using tables =
    tableSinks.length > 0
      ? openTables({ questdb, limits: own, lagLimit: own.walLagLimit, metrics, log, signal })
      : undefined;

  const { prefix } = kafkaConfig;
  const kafka = openKafka({ ...kafkaConfig, log: kafkaLog(log) });
  await ensureMillraceTopics(kafka, kafkaConfig, { log, signal });
  await using producer = await kafka.openProducer();
  await using running = openSinks([...tableSinks.map(sink => sinkOfTable(sink, tables!)), ...others], {
    kafka,
    prefix,
    drainTimeoutMs: own.drainTimeoutMs,
    rejected: { producer, topic: kafkaTopics(prefix).rejected, log },
    metrics,
    log,
  });

  if (tables) health.check('questdb', () => tables.watch.answers || 'does not answer');
  health.check('sinks', () => running.ready);
  await service.untilStopped(running.failed);
}
