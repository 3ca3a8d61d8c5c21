/** The way into `rejected.v1`: the record's bytes, why, and where it came from. */
import { RejectedError } from '@millrace/runtime/errors.ts';
import type { Headers, Producer } from '@millrace/runtime/kafka/types.ts';
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
/** Of a value, as the bridge cuts it: the topic takes 4 MiB a record, key and headers included. */
const maxValueBytes = 4_000_000;
/** Of the record's own headers; above it only ours are sent. */
const maxOwnHeaderBytes = 16_384;

/**
 * Resolves once the rejected topic has it; only then may the origin's offset be committed. A crash in between sends it
 * here again, which readers see by `origin-topic`, `origin-partition`, `origin-offset` and `origin-row` being the same.
 * The record's own headers stay, among them the attempts that a redrive counted. What the topic cannot hold is cut, and
 * `original-bytes` says how long it was: a rejection that fails would hold up all that follows, for ever.
 * @param stage Who rejects it: `sink-readings`.
 * @param signal Ends the wait; the record is then not settled, and comes again.
 */
export async function sendRejected(
  { producer, topic, log }: RejectedTopic,
  stage: string,
  { topic: origin, partition, record }: Taken,
  { reason, field, part }: Rejection,
  signal: AbortSignal,
): Promise<void> {
  const headers = {
    ...ownHeaders(record.headers),
    [rejectedHeaders.reason]: reason.slice(0, maxReasonLength),
    [rejectedHeaders.field]: field,
    [rejectedHeaders.origin]: origin,
    [rejectedHeaders.partition]: String(partition),
    [rejectedHeaders.offset]: String(record.offset),
    ...(part === undefined ? {} : { [rejectedHeaders.row]: String(part.row) }),
    [rejectedHeaders.stage]: stage,
    [rejectedHeaders.receivedAt]: record.headers[readingHeaders.receivedAt] ?? String(record.timestampMs * 1000),
  };
  const whole = part?.value ?? record.value;
  for (let kept = Math.min(whole?.length ?? 0, maxValueBytes); ; kept = kept >>> 1) {
    const isCut = whole !== null && kept < whole.length;
    const outgoing = {
      topic,
      key: record.key ?? '',
      value: isCut ? whole.subarray(0, kept) : whole,
      headers: isCut ? { ...headers, [rejectedHeaders.originalBytes]: String(whole.length) } : headers,
    };
    try {
      await keepTrying(`topic ${topic}`, () => producer.send(outgoing), { log, signal });
      return;
    } catch (error) {
      // A topic made by somebody else may take less than ours does: half of it, then.
      if (!(error instanceof RejectedError) || kept === 0) throw error;
    }
  }
}

/** Without what an earlier rejection said of a record that was sent again: the new one says it anew. */
function ownHeaders(headers: Headers): Headers {
  const stale: ReadonlySet<string> = new Set(
    Object.values(rejectedHeaders).filter(name => name !== rejectedHeaders.attempts),
  );
  const own = Object.entries(headers).filter(([name]) => !stale.has(name));
  const bytes = own.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  return Object.fromEntries(
    bytes <= maxOwnHeaderBytes ? own : own.filter(([name]) => name === rejectedHeaders.attempts),
  );
}
