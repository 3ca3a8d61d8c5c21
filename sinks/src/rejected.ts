/** The way into `rejected.v1`: the record's bytes, why, and where it came from. */
import type { Producer } from '@millrace/runtime/kafka/types.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { readingHeaders, rejectedHeaders } from '@millrace/wire/names.ts';
import type { Rejection, Taken } from './sink.ts';

export interface RejectedTopic {
  readonly producer: Producer;
  readonly topic: string;
  readonly log: Logger;
}

const maxReasonLength = 1000;

/**
 * Resolves once the rejected topic has it. The record's own headers stay, among them the attempts that a redrive counted.
 * @param stage Who rejects it: `sink-readings`.
 * @param signal Ends the wait; the record is then not settled, and comes again.
 */
export async function sendRejected(
  { producer, topic, log }: RejectedTopic,
  stage: string,
  { topic: origin, partition, record }: Taken,
  { reason, field, value }: Rejection,
  signal: AbortSignal,
): Promise<void> {
  const headers = {
    ...record.headers,
    [rejectedHeaders.reason]: reason.slice(0, maxReasonLength),
    [rejectedHeaders.field]: field,
    [rejectedHeaders.origin]: origin,
    [rejectedHeaders.partition]: String(partition),
    [rejectedHeaders.offset]: String(record.offset),
    [rejectedHeaders.stage]: stage,
    [rejectedHeaders.receivedAt]: record.headers[readingHeaders.receivedAt] ?? String(record.timestampMs * 1000),
  };
  const outgoing = { topic, key: record.key ?? '', value: value ?? record.value, headers };
  await keepTrying(`topic ${topic}`, () => producer.send(outgoing), { log, signal });
}
