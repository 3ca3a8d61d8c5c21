/** The compacted topic that holds the state: partition `n` has that of the input's partition `n`. */
import { ConfigError } from '@millrace/runtime/errors.ts';
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';

const restoreWithinMs = 600_000;

/** @returns the newest value of each key, by partition. @throws {TransientError} */
export async function readState(
  kafka: Kafka,
  stateTopic: string,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, ReadonlyMap<string, Uint8Array>>> {
  const entries = new Map(partitions.map(partition => [partition, new Map<string, Uint8Array>()]));
  await readTopicToEnd(
    kafka,
    stateTopic,
    { partitions, signal, deadlineMs: restoreWithinMs },
    ({ key, value }, partition) => {
      if (value === null) entries.get(partition)?.delete(key ?? '');
      else entries.get(partition)?.set(key ?? '', value);
    },
  );
  return entries;
}

/** @throws {ConfigError} when the state of a partition would have no place of its own. */
export async function checkPartitions(
  kafka: Kafka,
  inputTopic: string,
  stateTopic: string,
  retry: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const ask = async () => {
    await using admin = await kafka.openAdmin();
    return await admin.partitions([inputTopic, stateTopic]);
  };
  const counts = await keepTrying('partitions', ask, retry);
  const [input, state] = [counts.get(inputTopic) ?? 0, counts.get(stateTopic) ?? 0];
  if (state < input)
    throw ConfigError.of(
      'kafka.partitions',
      `${stateTopic} has ${state} partitions and ${inputTopic} ${input}: the state needs as many; add them with kafka-topics --alter`,
    );
}
