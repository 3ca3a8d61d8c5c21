/** The bridge: MQTT in, Kafka out. */
import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { messageOf } from '@millrace/runtime/errors.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { ensureMillraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { kafkaLog } from '@millrace/runtime/log.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { append } from './append.ts';
import { openBroker } from './broker.ts';
import { bridgeSchema } from './config.ts';
import { bridgeMetrics } from './metrics.ts';
import { Seldom } from './seldom.ts';

const saidEveryMs = 30_000;

export function runBridge(source: ConfigSource): Promise<number> {
  const config = loadConfig(source, { bridge: bridgeSchema, kafka: kafkaSchema, log: logSchema });
  const { id, mqtt, lingerMs, storeDeadlineMs, health } = config.bridge;
  return runService({ name: 'bridge', section: 'bridge', logLevel: config.log.level, health }, async service => {
    const { log, stop } = service;
    const topics = kafkaTopics(config.kafka.prefix);
    const kafka = openKafka({ ...config.kafka, clientId: `millrace-bridge-${id}`, log: kafkaLog(log) });
    await ensureMillraceTopics(kafka, config.kafka, { log, signal: stop });
    await using producer = await kafka.openProducer({ lingerMs, deadlineMs: storeDeadlineMs });
    const seldom = new Seldom(saidEveryMs);
    const metrics = bridgeMetrics(service.metrics, producer);
    await using broker = await openBroker({
      ...mqtt,
      log,
      store: async (publish, gateway) => {
        const done = metrics.received(publish);
        try {
          const appended = await append(publish, gateway, {
            producer,
            topics,
            bridge: id,
            nowUs: () => Date.now() * 1000,
          });
          const { rejected } = appended;
          if (rejected)
            seldom.tell(gateway, more =>
              log.warn({ gateway, topic: publish.topic, more }, `rejected from ${gateway}: ${rejected.message}`),
            );
          done(appended);
          return appended;
        } catch (error) {
          seldom.tell('not stored', more =>
            log.warn({ gateway, more }, `not stored, so not acknowledged: ${messageOf(error)}`),
          );
          done('unacknowledged');
          throw error;
        }
      },
    });
    service.health.check('kafka', () => producer.healthy || 'Kafka does not acknowledge');
    log.info({ mqtt: `mqtt://${mqtt.host}:${broker.port}` }, 'listening');
    metrics.watch(broker);
    await service.untilStopped();
  });
}
