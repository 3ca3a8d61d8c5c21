import kafkajs, { type LogEntry, type RetryOptions } from 'kafkajs';
import type { KafkaLog, Outage } from './outage.ts';
import { repairKafkaJs } from './repairs.ts';
import { type ConnectVia, Sockets } from './sockets.ts';

export interface KafkaOptions {
  /** Brokers to start from, `host:port`. */
  readonly brokers: readonly string[];
  /** Names us in the brokers' logs and quotas. Default `millrace`. */
  readonly clientId?: string | undefined;
  /** `true` for the system's authorities, or PEMs. */
  readonly ssl?: boolean | TlsOptions | undefined;
  readonly sasl?: SaslOptions | undefined;
  /** Default: silent. */
  readonly log?: KafkaLog | undefined;
  /** Tests lead connections through a proxy with this; configuration cannot set it. */
  readonly connectVia?: ConnectVia | undefined;
}

interface TlsOptions {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

interface SaslOptions {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** A kafkajs client with connections of its own, which can be ended without its consent. */
export interface Client {
  readonly kafka: kafkajs.Kafka;
  readonly sockets: Sockets;
}

export interface ClientTuning {
  /** How long an answer may take before the connection counts as dead. */
  readonly requestTimeoutMs: number;
  readonly retry: RetryOptions;
}

const CONNECTION_TIMEOUT_MS = 3000;

/** A new kafkajs client. No I/O. Errors kafkajs only logs go to `outage`, said once until `outage.recovered()`. */
export function openClient(options: KafkaOptions, outage: Outage, tuning: ClientTuning): Client {
  repairKafkaJs();
  const sockets = new Sockets(options.connectVia);
  const { sasl, ssl } = options;
  const kafka = new kafkajs.Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId ?? 'millrace',
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: tuning.requestTimeoutMs,
    retry: tuning.retry,
    socketFactory: sockets.factory,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => entry => {
      if (!sockets.closed) translate(entry, outage, options.log);
    },
    ...(ssl ? { ssl: ssl === true ? true : { ...ssl } } : {}),
    // The union of kafkajs wants one literal mechanism a member; ours has the same three.
    ...(sasl ? { sasl: sasl as kafkajs.SASLOptions } : {}),
  });
  return { kafka, sockets };
}

/** Lines kafkajs writes at a level above their meaning for us. */
const EXPECTED = [
  // Every error answer of the protocol is logged by the connection and again, if it matters, by who asked.
  'Response ',
  // We resend an unchanged batch ourselves, which keeps the sequence numbers: see producer-session.ts.
  'Limiting retries for the idempotent producer',
  // Our own refusal of a second attempt, ditto.
  'one attempt only',
  // A group that changes is everyday life.
  'The group is rebalancing',
  'The coordinator is not aware of this member',
  // A broker that has just started; a second later it has loaded.
  'The coordinator is loading',
];

/** Whether this is part of everyday life, and no outage to tell an operator of. */
export const isExpected = (message: string): boolean => EXPECTED.some(part => message.includes(part));

function translate({ level, namespace, log }: LogEntry, outage: Outage, write: KafkaLog | undefined): void {
  const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...details } = log;
  write?.('debug', `kafkajs ${namespace}: ${message}`, details);
  if (level === kafkajs.logLevel.ERROR && !isExpected(message)) outage.failed(message);
}
