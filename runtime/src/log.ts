import { destination, type Logger, pino } from 'pino';
import type { KafkaLog } from './kafka/outage.ts';

export type { Logger } from 'pino';

/** JSON lines on standard error (standard output is for results); secrets are cut out wherever a configuration is logged. */
export function openLog(service: string, level: string): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: ['password', '*.password', '*.*.password', 'token', '*.token'], censor: '(not shown)' },
    },
    destination({ fd: 2, sync: true }),
  );
}

/** The log of the Kafka port as lines of the service's own. */
export function kafkaLog(log: Logger): KafkaLog {
  return (level, message, details) => log[level](details ?? {}, message);
}
