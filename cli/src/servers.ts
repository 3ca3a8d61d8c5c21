/** Where Kafka and QuestDB are, for commands that look at a pipeline: as configured, or those of the one that runs here. */
import { resolve } from 'node:path';
import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { type Kafka, openKafka } from '@millrace/runtime/kafka/connect.ts';
import type { QuestdbConfig } from '@millrace/runtime/schemas.ts';
import { sections } from './sections.ts';
import { runningAddresses } from './up/running.ts';

export interface Servers {
  readonly kafka: Kafka;
  /** Begins the names of topics and groups. */
  readonly prefix: string;
  readonly questdb: Pick<QuestdbConfig, 'pgHost' | 'pgPort' | 'user' | 'password'>;
}

/** @throws {ConfigError} */
export function serversOf(source: ConfigSource): Servers {
  const { kafka, questdb, stack } = loadConfig(source, {
    kafka: sections.kafka,
    questdb: sections.questdb,
    stack: sections.stack,
  });
  const running = runningAddresses(resolve(process.env['MILLRACE_HOME'] ?? stack.home));
  const brokers = kafka.brokers ?? running?.brokers ?? ['127.0.0.1:9092'];
  // Addresses of its own in the configuration mean a QuestDB of its own, whatever runs here.
  const local = questdb.url === undefined ? running?.questdb : undefined;
  const { user, password } = questdb;
  return {
    kafka: openKafka({ ...kafka, brokers }),
    prefix: kafka.prefix,
    questdb: { pgHost: local?.pgHost ?? questdb.pgHost, pgPort: local?.pgPort ?? questdb.pgPort, user, password },
  };
}
