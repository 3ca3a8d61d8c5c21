/** What lies in `rejected.v1`: the records that could not be used, and the marks of those that were sent again. */
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import type { Headers, IncomingRecord, OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import { rejectedHeaders } from '@millrace/wire/names.ts';

/** `partition:offset` in the rejected topic: the name of a rejected record. */
export type Place = string;

export interface RejectedRecord {
  readonly place: Place;
  readonly partition: number;
  readonly offset: bigint;
  /** When it was rejected, Unix ms. */
  readonly timestampMs: number;
  /** The gateway, where the origin's key is one. */
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
  readonly stage: string;
  readonly reason: string;
  /** MQTT or Kafka topic that it came from. */
  readonly origin: string;
  /** Names the item that was rejected, where it came from Kafka: a crash may reject one item twice. */
  readonly originItem: string | undefined;
  /** How often it had been sent again when it was rejected. */
  readonly attempts: number;
  /** Length of the whole payload, where only its beginning was kept. */
  readonly originalBytes: number | undefined;
}

export interface RejectedFilter {
  readonly stage?: string | undefined;
  /** A part of the reason, in any case of letters. */
  readonly reason?: string | undefined;
  readonly gateway?: string | undefined;
  /** Unix ms. */
  readonly sinceMs?: number | undefined;
}

export interface RejectedTopic {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly signal?: AbortSignal | undefined;
}

/** A mark's stage. Its origin is the place of the record that was sent again; it holds no value. */
const redriveStage = 'redrive';
const readDeadlineMs = 3_600_000;

interface Visitor {
  record?(record: RejectedRecord): void | Promise<void>;
  /** The record at this place was sent again; comes after the record, in the same partition. */
  mark?(place: Place, sentence: string): void;
}

/** Passes over the topic from its beginning to its end, one record in memory at a time. */
export async function visitRejected(
  { kafka, topic, signal }: RejectedTopic,
  visitor: Visitor,
  partitions?: readonly number[],
): Promise<void> {
  const options = { deadlineMs: readDeadlineMs, ...(signal && { signal }), ...(partitions && { partitions }) };
  await readTopicToEnd(kafka, topic, options, (incoming, partition) => {
    const record = toRejected(incoming, partition);
    if (record.stage !== redriveStage) return visitor.record?.(record);
    const { headers } = incoming;
    visitor.mark?.(
      `${headers[rejectedHeaders.partition]}:${headers[rejectedHeaders.offset]}`,
      headers[rejectedHeaders.reason] ?? '',
    );
  });
}

export function matches({ stage, reason, gateway, sinceMs }: RejectedFilter, record: RejectedRecord): boolean {
  return (
    (stage === undefined || record.stage === stage) &&
    (reason === undefined || record.reason.toLowerCase().includes(reason.toLowerCase())) &&
    (gateway === undefined || record.key === gateway) &&
    (sinceMs === undefined || record.timestampMs >= sinceMs)
  );
}

/** The mark of a record that was sent again; in the record's own partition, so that it comes after it. */
export function markOf(topic: string, { partition, offset, key }: RejectedRecord, sentence: string): OutgoingRecord {
  return {
    topic,
    key,
    partition,
    value: null,
    headers: {
      [rejectedHeaders.stage]: redriveStage,
      [rejectedHeaders.reason]: sentence,
      [rejectedHeaders.origin]: topic,
      [rejectedHeaders.partition]: String(partition),
      [rejectedHeaders.offset]: String(offset),
    },
  };
}

function toRejected({ offset, key, value, headers, timestampMs }: IncomingRecord, partition: number): RejectedRecord {
  const header = (name: keyof typeof rejectedHeaders): string | undefined => headers[rejectedHeaders[name]];
  const origin = header('origin') ?? '';
  const [at, from, row] = [header('partition'), header('offset'), header('row') ?? ''];
  const attempts = Number(header('attempts') ?? 0);
  const originalBytes = header('originalBytes');
  return {
    place: `${partition}:${offset}`,
    partition,
    offset,
    timestampMs,
    key: key ?? '',
    value,
    headers,
    stage: header('stage') ?? '',
    reason: header('reason') ?? '',
    origin,
    originItem: at === undefined || from === undefined ? undefined : [header('stage'), origin, at, from, row].join(' '),
    attempts: Number.isSafeInteger(attempts) && attempts > 0 ? attempts : 0,
    originalBytes: originalBytes === undefined ? undefined : Number(originalBytes),
  };
}
