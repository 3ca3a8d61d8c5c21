import { createRequire } from 'node:module';
import { type FetchedMessage, hideAborted } from './aborted.ts';

/** kafkajs's reader of a binary message (protocol/decoder.js), as far as used here. */
interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readString(): string;
  readBytes(length: number): Buffer;
  readArray<T>(read: (decoder: Decoder) => T): T[];
  readArrayAsync<T>(read: (decoder: Decoder) => Promise<T>): Promise<T[]>;
  canReadBytes(length: number): boolean;
}

interface RecordBatch {
  readonly firstOffset: string;
  readonly lastOffsetDelta: number;
  readonly firstTimestamp: string;
  readonly producerId: string;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly records: FetchedMessage[];
}

interface FetchResponse {
  decode: ((raw: Buffer) => Promise<unknown>) & { [OURS]?: true };
}

const OURS = Symbol.for('millrace.kafka.fetch-answer');
const FILTERED = Symbol('read by millrace');
/** Before the records of a batch: offset, length, epoch, magic, checksum, attributes … (KIP-98). */
const BATCH_HEADER_BYTES = 61;

/**
 * Replaces the function with which kafkajs reads the answer to a Fetch (version 11, the newest it speaks), for two
 * defects of what it makes of it:
 *
 * - `read_committed` leaks aborted records when transactions overlap: see `aborted.ts`.
 * - A batch from which compaction took every record (the cleaner keeps the last batch of a live producer id, empty)
 *   leaves kafkajs where it is, for ever, when nothing else is in the answer; one that lost its last records costs it
 *   a fetch an offset. Here such a batch ends with a control record at its last offset: nobody is handed it, and kafkajs
 *   moves behind it.
 *
 * kafkajs looks `decode` up at each answer, so this holds for clients that exist already. It holds for the whole
 * process, and is right for every kafkajs client in it.
 */
export function repairFetch(): void {
  const require = createRequire(import.meta.url);
  const response = require('kafkajs/src/protocol/requests/fetch/v11/response') as FetchResponse;
  if (response.decode[OURS]) return;
  const DecoderOf = require('kafkajs/src/protocol/decoder') as new (raw: Buffer) => Decoder;
  const readBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (from: Decoder) => Promise<RecordBatch>;

  const readMessages = async (decoder: Decoder): Promise<FetchedMessage[]> => {
    const sizeBytes = decoder.readInt32();
    if (sizeBytes <= 0 || !decoder.canReadBytes(sizeBytes)) return [];
    const batches = new DecoderOf(decoder.readBytes(sizeBytes));
    const messages: FetchedMessage[] = [];
    while (batches.canReadBytes(BATCH_HEADER_BYTES)) {
      try {
        const batch = await readBatch(batches);
        for (const record of batch.records) messages.push(record);
        const end = endOf(batch);
        if (end) messages.push(end);
      } catch (error) {
        // The last batch of an answer may be cut off by maxBytes (KIP-74).
        if (error instanceof Error && error.name === 'KafkaJSPartialMessageError') break;
        throw error;
      }
    }
    return messages;
  };
  const readPartition = async (decoder: Decoder) => {
    const partition = {
      partition: decoder.readInt32(),
      errorCode: decoder.readInt16(),
      highWatermark: decoder.readInt64().toString(),
      lastStableOffset: decoder.readInt64().toString(),
      lastStartOffset: decoder.readInt64().toString(),
      abortedTransactions: decoder.readArray(aborted => ({
        producerId: aborted.readInt64().toString(),
        firstOffset: aborted.readInt64().toString(),
      })),
      preferredReadReplica: decoder.readInt32(),
      messages: await readMessages(decoder),
    };
    hideAborted(partition);
    Object.defineProperty(partition.messages, FILTERED, { value: true });
    return partition;
  };
  const decode: FetchResponse['decode'] = async raw => {
    const decoder = new DecoderOf(raw);
    // KIP-219: the broker has not delayed this answer, the client is to wait with its next request.
    const clientSideThrottleTime = decoder.readInt32();
    const errorCode = decoder.readInt16();
    const sessionId = decoder.readInt32();
    const responses = await decoder.readArrayAsync(async topic => ({
      topicName: topic.readString(),
      partitions: await topic.readArrayAsync(readPartition),
    }));
    return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
  };
  decode[OURS] = true;
  response.decode = decode;
}

/** Whether these messages, as kafkajs fetched them, were read here: false would mean another version of Fetch. */
export function isRepaired(messages: object): boolean {
  return FILTERED in messages;
}

/** Stands for the records at the end of a batch that compaction took away. */
function endOf({ records, ...batch }: RecordBatch): FetchedMessage | undefined {
  const lastOffset = (BigInt(batch.firstOffset) + BigInt(batch.lastOffsetDelta)).toString();
  if (records.at(-1)?.offset === lastOffset) return undefined;
  return {
    offset: lastOffset,
    timestamp: batch.firstTimestamp,
    key: null,
    value: null,
    headers: {},
    isControlRecord: true,
    batchContext: batch,
  };
}
