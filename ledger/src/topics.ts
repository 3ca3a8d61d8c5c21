/** Reads Kafka's side of the account: statuses, readings, rejected and late records. */
import { createHash } from 'node:crypto';
import { TransientError } from '@millrace/runtime/errors.ts';
import { KafkaAdmin } from '@millrace/runtime/kafka/admin.ts';
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { type Batch, decodeBatch } from '@millrace/wire/batch.ts';
import { batchIdentity } from '@millrace/wire/identity.ts';
import { IntervalSet } from '@millrace/wire/intervals.ts';
import { isGatewayId, type KafkaTopics, parseMqttTopic, rejectedHeaders } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { decodeStatus } from '@millrace/wire/status.ts';
import { addByReason, type EvidenceBook, type TimeSpan } from './evidence.ts';

export interface TopicsOptions {
  readonly kafka: Kafka;
  readonly topics: KafkaTopics;
  /** Consumer group of the sink that writes the table. */
  readonly sinkGroup: string;
  readonly span: TimeSpan;
  /** Only this gateway's records. */
  readonly gateway?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (sentence: string) => void;
}

/** Rejections by these leave a hole in the table. Another sink's rejection says nothing about it. */
const tableStages = new Set(['bridge', 'sink-readings']);

const readDeadlineMs = 3_600_000;
const progressEveryMs = 5000;
const maxUnknownHashes = 100_000;

/**
 * The order is what makes the account sound while everything goes on: a status speaks of PUBACKs, which come after Kafka
 * has the record; the sink's positions are asked before the records are read, and rejected records after them. So
 * whatever moves meanwhile can only be found further on than where it was.
 * @throws {TransientError} when Kafka does not answer, or has no readings topic.
 */
export async function readTopics(book: EvidenceBook, options: TopicsOptions): Promise<void> {
  const { kafka, topics } = options;
  await using admin = new KafkaAdmin(kafka.options);
  const existing = await admin.partitions([topics.readings, topics.gateways, topics.rejected, topics.late]);
  if (!existing.has(topics.readings))
    throw new TransientError(
      `topic ${topics.readings} does not exist in Kafka: check kafka.prefix, or run "millrace topics"`,
    );
  if (existing.has(topics.gateways)) await read(options, topics.gateways, record => takeStatus(book, record));

  const committed = await admin.committedOffsets(options.sinkGroup, topics.readings);
  const offsets = await admin.offsets(topics.readings);
  book.partitions = offsets.map((offset, partition) => ({ ...offset, committed: committed[partition] ?? null }));
  await read(options, topics.readings, (record, partition) => takeReadings(book, options.span, record, partition));

  const unknown: UnknownRecords = { seen: new Set(), counted: new Map() };
  if (existing.has(topics.rejected))
    await read(options, topics.rejected, (record, partition) =>
      takeRejected(book, options, unknown, record, partition),
    );
  if (existing.has(topics.late)) await read(options, topics.late, record => takeLate(book, options.span, record));
}

/** Reads a topic to its end; says how far it is when that takes long. */
async function read(
  { kafka, gateway, signal, onProgress }: TopicsOptions,
  topic: string,
  take: (record: IncomingRecord, partition: number) => void,
): Promise<void> {
  let records = 0;
  let saidAt = Date.now();
  await readTopicToEnd(kafka, topic, { deadlineMs: readDeadlineMs, ...(signal && { signal }) }, (record, partition) => {
    records++;
    if (gateway === undefined || record.key === gateway) take(record, partition);
    if (Date.now() - saidAt < progressEveryMs) return;
    saidAt = Date.now();
    onProgress(`reading ${topic}: ${records} records`);
  });
}

/** What is no status has been rejected by the sink `gateways`; it declares nothing. */
function takeStatus(book: EvidenceBook, { key, value }: IncomingRecord): void {
  if (value === null) return;
  const status = orRejected(() => decodeStatus(value));
  if (status instanceof RejectedError || status.gateway !== key) return;
  const gateway = book.gateway(status.gateway);
  gateway.currentBoot = status.boot;
  gateway.boot(status.boot).declare(status);
}

function takeReadings(book: EvidenceBook, span: TimeSpan, record: IncomingRecord, partition: number): void {
  const { committed } = book.partitions[partition]!;
  const ahead = record.offset >= (committed ?? 0n);
  const batch = orRejected(() => decodeBatch(record.value ?? new Uint8Array()));
  if (batch instanceof RejectedError) {
    book.undecodable.set(`${partition}:${record.offset}`, { gateway: record.key ?? '', ahead });
    return;
  }
  const gateway = book.gateway(batch.gateway);
  gateway.partition ??= partition;
  const boot = gateway.boot(batch.boot);
  for (const { firstSeq, lastSeq, reason } of batch.dropped)
    boot.dropped = addByReason(boot.dropped, reason, firstSeq, lastSeq);
  const count = batch.value.length;
  if (count === 0) return;
  const last = batch.firstSeq + count - 1;
  boot.kafka.add(batch.firstSeq, last);
  if (ahead) (boot.ahead ??= new IntervalSet()).add(batch.firstSeq, last);
  widen(book, span, batch);
}

function takeLate(book: EvidenceBook, span: TimeSpan, { value }: IncomingRecord): void {
  const batch = orRejected(() => decodeBatch(value ?? new Uint8Array()));
  if (batch instanceof RejectedError || batch.value.length === 0) return;
  const boot = book.gateway(batch.gateway).boot(batch.boot);
  (boot.late ??= new IntervalSet()).add(batch.firstSeq, batch.firstSeq + batch.value.length - 1);
  widen(book, span, batch);
}

function widen(book: EvidenceBook, { fromUs = 0, toUs = Number.MAX_SAFE_INTEGER }: TimeSpan, batch: Batch): void {
  const { timeUs, firstSeq } = batch;
  const inSpan = (time: number): boolean => time >= fromUs && time < toUs;
  const first = timeUs.findIndex(inSpan);
  if (first < 0) return;
  book
    .gateway(batch.gateway)
    .boot(batch.boot)
    .widen(firstSeq + first, firstSeq + timeUs.findLastIndex(inSpan));
}

/** Of rejected records without a readable identity. */
interface UnknownRecords {
  /** Items rejected so far: a crash may write a rejection twice. Sets of sequence numbers do not mind. */
  readonly seen: Set<string>;
  /** By place in the rejected topic: what takes a record out of the count again when it is sent again. */
  readonly counted: Map<string, () => void>;
}

function takeRejected(
  book: EvidenceBook,
  { topics, span }: TopicsOptions,
  { seen, counted }: UnknownRecords,
  record: IncomingRecord,
  partition: number,
): void {
  const { headers, key, value } = record;
  const stage = headers[rejectedHeaders.stage] ?? '';
  const origin = headers[rejectedHeaders.origin] ?? '';
  const place = `${headers[rejectedHeaders.partition]}:${headers[rejectedHeaders.offset]}`;
  if (origin === topics.rejected) return counted.get(place)?.();
  if (!tableStages.has(stage)) return;
  if (origin === topics.readings) book.undecodable.delete(place);
  // What is not ours, under a key that names no gateway: rejected properly, and no gateway's account.
  if (key === null || !isGatewayId(key) || value === null) return;
  const channel = parseMqttTopic(origin)?.channel;
  if (origin !== topics.readings && channel !== 'readings' && channel !== 'senml') return;

  const reason = `${stage}: ${reasonOf(headers[rejectedHeaders.reason] ?? 'no reason given')}`;
  const gateway = book.gateway(key);
  // The name in the payload is the sender's claim, the key is the name it was admitted under.
  const identity = channel === 'senml' ? undefined : batchIdentity(value);
  if (identity === undefined || identity.gateway !== key) {
    // What was sent again and failed again comes before the mark that takes the first one out of the count.
    const attempts = headers[rejectedHeaders.attempts] ?? 0;
    const item =
      origin === topics.readings ? place : createHash('sha256').update(origin).update(value).digest('base64');
    const id = `${item} ${attempts}`;
    if (seen.has(id)) return;
    if (seen.size < maxUnknownHashes) seen.add(id);
    const uncount = gateway.rejectUnknown(reason);
    if (counted.size < maxUnknownHashes) counted.set(`${partition}:${record.offset}`, uncount);
    return;
  }
  if (identity.count === 0) return;
  const boot = gateway.boot(identity.boot);
  const last = identity.firstSeq + identity.count - 1;
  boot.rejected = addByReason(boot.rejected, reason, identity.firstSeq, last);
  const batch = orRejected(() => decodeBatch(value));
  if (!(batch instanceof RejectedError)) widen(book, span, batch);
}

/** Without the numbers and quotations in which reasons of one kind differ. */
const reasonOf = (reason: string): string =>
  reason
    .replace(/"[^"]*"|'[^']*'/g, '…')
    .replace(/-?\d[\d.,:TZ+-]*/g, '#')
    .slice(0, 100)
    .trim();

function orRejected<T>(decode: () => T): T | RejectedError {
  try {
    return decode();
  } catch (error) {
    if (error instanceof RejectedError) return error;
    throw error;
  }
}
