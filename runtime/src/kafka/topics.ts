/** The topics of the contract, with the settings that their use asks for. */
import { kafkaTopics } from '@millrace/wire/names.ts';
import type { Logger } from '../log.ts';
import { keepTrying } from '../retry.ts';
import type { KafkaConfig } from './config.ts';
import type { Kafka } from './connect.ts';
import type { TopicSpec } from './types.ts';

const dayMs = 86_400_000;
/** A rejected payload is kept whole, and may be larger than a batch may be. */
const rejectedMaxBytes = 4_194_304;
/** State entries are far smaller; one that did not fit would stop its processor for good. */
const stateMaxBytes = 4_194_304;

export function millraceTopics({
  prefix,
  partitions,
  replicationFactor,
}: Pick<KafkaConfig, 'prefix' | 'partitions' | 'replicationFactor'>): readonly TopicSpec[] {
  const topics = kafkaTopics(prefix);
  const kept = (days: number): Record<string, string> => ({
    'cleanup.policy': 'delete',
    'retention.ms': String(days * dayMs),
  });
  // Kafka never compacts the segment it writes to, and by default begins a new one after 1 GiB or a week: until then every
  // restore would read all versions of every key.
  const compacted = (withinMs: number): Record<string, string> => ({
    'cleanup.policy': 'compact',
    'segment.bytes': String(16 * 1_048_576),
    'segment.ms': String(withinMs),
    'max.compaction.lag.ms': String(withinMs),
    'min.cleanable.dirty.ratio': '0.1',
  });
  const configs: Readonly<Record<keyof typeof topics, Record<string, string>>> = {
    readings: kept(7),
    stats: kept(30),
    alerts: { ...kept(30), 'cleanup.policy': 'compact,delete' },
    gateways: compacted(dayMs),
    late: kept(30),
    rejected: { ...kept(30), 'max.message.bytes': String(rejectedMaxBytes) },
    commands: kept(1),
    processorsState: { ...compacted(10 * 60_000), 'max.message.bytes': String(stateMaxBytes) },
    ledger: compacted(dayMs),
    zones: kept(30),
    zoneParts: kept(1),
    zonesState: { ...compacted(10 * 60_000), 'max.message.bytes': String(stateMaxBytes) },
  };
  return Object.entries(configs).map(([name, config]) => ({
    name: topics[name as keyof typeof topics],
    partitions,
    replicationFactor,
    config,
  }));
}

/** Creates what is missing; waits, saying so once, while Kafka is away. */
export async function ensureMillraceTopics(
  kafka: Kafka,
  config: KafkaConfig,
  { log, signal }: { log: Logger; signal: AbortSignal },
): Promise<void> {
  await keepTrying(
    'Kafka',
    async () => {
      await using admin = await kafka.openAdmin();
      const created = await admin.ensureTopics(millraceTopics(config));
      if (created.length > 0) log.info({ created }, 'topics created');
    },
    { log, signal },
  );
}
