/** The bridge: MQTT in, Kafka out. */
import { type ConfigSource, loadConfig, pathResolver } from '@millrace/runtime/config.ts';
import { messageOf } from '@millrace/runtime/errors.ts';
import { kafkaSchema } from '@millrace/runtime/kafka/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { ensureMillraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { kafkaLog } from '@millrace/runtime/log.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { append } from './append.ts';
import { watchAvailability } from './availability.ts';
import { openBroker } from './broker.ts';
import { type BridgeTls, bridgeSchema } from './config.ts';
import { bridgeMetrics } from './metrics.ts';
import { Seldom } from './seldom.ts';

const saidEveryMs = 30_000;
/** A record that waits longer for Kafka says that Kafka is unavailable. */
const patienceMs = 3000;
/** Of a record beside its payload: its headers. */
const headerBytes = 1024;

export function runBridge(source: ConfigSource): Promise<number> {
  const config = loadConfig(source, { bridge: bridgeSchema, kafka: kafkaSchema, log: logSchema });
  const { id, mqtt, tls, lingerMs, storeDeadlineMs, inFlight, health } = config.bridge;
  return runService({ name: 'bridge', section: 'bridge', logLevel: config.log.level, health }, async service => {
    const { log, stop } = service;
    const topics = kafkaTopics(config.kafka.prefix);
    const kafka = openKafka({ ...config.kafka, clientId: `millrace-bridge-${id}`, log: kafkaLog(log) });
    await ensureMillraceTopics(kafka, config.kafka, { log, signal: stop });
    await using probe = await kafka.openProbe(topics.readings);
    const availability = watchAvailability(probe, patienceMs);
    await using producer = await kafka.openProducer({
      lingerMs,
      deadlineMs: storeDeadlineMs,
      // The caps in flight are what holds clients back; this would disconnect them. SenML may grow on its way.
      maxBufferedRecords: 2 * inFlight.total.messages,
      maxBufferedBytes: 2 * inFlight.total.bytes + headerBytes * inFlight.total.messages + 16 * 1024 * 1024,
    });
    const seldom = new Seldom(saidEveryMs);
    const metrics = bridgeMetrics(service.metrics);
    await using broker = await openBroker({
      ...mqtt,
      tls: tls && doorOf(tls, pathResolver(source)),
      log,
      inFlight,
      storeDeadlineMs,
      trouble: () => availability.trouble,
      onEnded: metrics.ended,
      onRefused: metrics.refused,
      store: async (publish, gateway) => {
        const done = metrics.received(publish);
        const answered = availability.begin();
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
        } finally {
          answered();
        }
      },
    });
    service.health.check('kafka', () => availability.trouble ?? true);
    const mqtts = tls && { mqtts: `mqtts://${tls.host}:${broker.tlsPort}` };
    log.info({ mqtt: `mqtt://${mqtt.host}:${broker.port}`, ...mqtts }, 'listening');
    metrics.watch(broker, availability);
    await service.untilStopped();
  });
}

function doorOf({ host, port, cert, key, ca, crl }: BridgeTls, at: (path: string) => string) {
  return {
    host,
    port,
    files: { cert: at(cert), key: at(key), ca: at(ca), crl: crl === undefined ? undefined : at(crl) },
  };
}
