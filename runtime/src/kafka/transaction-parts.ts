import { RejectedError } from '../errors.ts';
import { partitionOfKey } from './murmur2.ts';
import { recordBytes } from './record-batch.ts';
import type { OutgoingRecord } from './types.ts';

/** Records of one partition, in order. */
export interface RecordPart {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly OutgoingRecord[];
}

interface Filling {
  readonly topic: string;
  readonly partition: number;
  records: OutgoingRecord[];
  sizeBytes: number;
}

/**
 * Groups records by partition, each group cut into parts of at most `maxPartBytes` before compression; a larger record
 * is a part by itself. Records of one partition keep their order.
 *
 * @throws {RejectedError} for a partition that the topic does not have.
 */
export function toParts(
  records: readonly OutgoingRecord[],
  partitionsOf: (topic: string) => number,
  maxPartBytes: number,
): RecordPart[] {
  const filling = new Map<string, Filling>();
  const parts: RecordPart[] = [];
  const counts = new Map<string, number>();
  for (const record of records) {
    const { topic } = record;
    let count = counts.get(topic);
    if (count === undefined) counts.set(topic, (count = partitionsOf(topic)));
    const partition = record.partition ?? partitionOfKey(record.key, count);
    if (!(Number.isInteger(partition) && partition >= 0 && partition < count)) {
      throw new RejectedError('partition', `topic ${topic} has 0 to ${count - 1}, not ${partition}`);
    }
    const id = `${partition}/${topic}`;
    const sizeBytes = recordBytes(record);
    let part = filling.get(id);
    if (!part || part.sizeBytes + sizeBytes > maxPartBytes) {
      part = { topic, partition, records: [], sizeBytes: 0 };
      filling.set(id, part);
      parts.push(part);
    }
    part.records.push(record);
    part.sizeBytes += sizeBytes;
  }
  return parts;
}

/** Parts that may go in one request: one of each partition, and of later parts of a partition each in its round. */
export function toRounds(parts: readonly RecordPart[]): RecordPart[][] {
  const rounds: RecordPart[][] = [];
  const roundOf = new Map<string, number>();
  for (const part of parts) {
    const id = `${part.partition}/${part.topic}`;
    const round = roundOf.get(id) ?? 0;
    roundOf.set(id, round + 1);
    (rounds[round] ??= []).push(part);
  }
  return rounds;
}
