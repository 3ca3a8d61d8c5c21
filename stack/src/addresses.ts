import { ConfigError } from '@millrace/runtime/errors.ts';
import type { KafkaNodePorts } from './kafka.ts';
import { claimPort, freePort } from './ports.ts';
import type { QuestdbPlan } from './questdb.ts';
import type { StackOptions } from './stack.ts';

/**
 * Ports of each Kafka node: those asked for, checked to be free, and free ones for the rest.
 * @throws {ConfigError} naming a port that is in use.
 */
export async function kafkaPorts(options: StackOptions): Promise<KafkaNodePorts[]> {
  const { kafkaNodes = 1, kafkaPort = 0, kafkaAdvertisedPorts: advertised = [] } = options;
  const nodes: KafkaNodePorts[] = [];
  for (let index = 0; index < kafkaNodes; index++) {
    const proxy = advertised[index];
    nodes.push({
      client: await claimPort('stack.kafkaPort', kafkaPort === 0 ? 0 : kafkaPort + index),
      controller: await freePort(),
      proxied: proxy === undefined ? undefined : { port: await freePort(), advertised: proxy },
    });
  }
  return nodes;
}

/** @throws {ConfigError} naming a port that is in use. */
export async function questdbPorts(options: StackOptions): Promise<QuestdbPlan['ports']> {
  return {
    http: await claimPort('stack.questdbHttpPort', options.questdbHttpPort ?? 0),
    pg: await claimPort('stack.questdbPgPort', options.questdbPgPort ?? 0),
    health: await claimPort('stack.questdbHealthPort', options.questdbHealthPort ?? 0),
  };
}

/** @throws {ConfigError} when only one of user and password is given. */
export function questdbAccount({ questdbUser: user, questdbPassword: password }: StackOptions): QuestdbPlan['account'] {
  if (user !== undefined && password !== undefined) return { user, password };
  if (user === undefined && password === undefined) return undefined;
  const missing = user === undefined ? 'questdbUser' : 'questdbPassword';
  throw ConfigError.of(`stack.${missing}`, 'is missing: an account needs questdbUser and questdbPassword, or neither');
}
