import { createRequire } from 'node:module';
import type { Broker, Producing } from './cluster.ts';
import { encodeBatch } from './record-batch.ts';
import type { RecordPart } from './transaction-parts.ts';

export interface SequencedPart extends RecordPart {
  /** Place of its first record in what this producer has appended to the partition. */
  readonly firstSequence: number;
}

interface ProduceAnswer {
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

const API_KEY = 0;
/** The newest kafkajs reads the answer of, and the first with zstd (KIP-110). */
const API_VERSION = 7;
const ACKS_ALL = -1;

const { decode } = createRequire(import.meta.url)('kafkajs/src/protocol/requests/produce/v7/response') as {
  readonly decode: (raw: Buffer) => Promise<ProduceAnswer>;
};

/**
 * Appends parts, at most one a partition, as one request in a transaction. kafkajs's own throws the first error in the
 * answer and forgets the rest.
 *
 * @returns the error code of each part, 0: appended; undefined: no answer for it.
 */
export async function produce(
  broker: Broker,
  { transactionalId, producerId, producerEpoch }: Producing,
  parts: readonly SequencedPart[],
  timeoutMs: number,
): Promise<(number | undefined)[]> {
  const atMs = Date.now();
  const batches = await Promise.all(
    parts.map(({ records, firstSequence }) => encodeBatch(records, { producerId, producerEpoch, firstSequence }, atMs)),
  );
  const buf = encodeRequest(transactionalId, parts, batches, timeoutMs);
  const answer = await broker.connectionPool.send({
    // Both names are kafkajs's Encoder's.
    request: {
      apiKey: API_KEY,
      apiVersion: API_VERSION,
      apiName: 'Produce',
      encode: async () => ({ buf, buffer: buf }),
    },
    response: { decode, parse: async decoded => decoded },
  });
  return parts.map(part => {
    const topic = answer.topics.find(({ topicName }) => topicName === part.topic);
    return topic?.partitions.find(({ partition }) => partition === part.partition)?.errorCode;
  });
}

/** https://kafka.apache.org/protocol, Produce version 7; a topic may stand in it several times. */
function encodeRequest(
  transactionalId: string,
  parts: readonly SequencedPart[],
  batches: readonly Buffer[],
  timeoutMs: number,
): Buffer {
  let sizeBytes = 2 + Buffer.byteLength(transactionalId) + 2 + 4 + 4;
  parts.forEach(({ topic }, i) => {
    sizeBytes += 2 + Buffer.byteLength(topic) + 4 + 4 + 4 + (batches[i]?.length ?? 0);
  });
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let at = writeText(bytes, transactionalId, 0);
  at = bytes.writeInt16BE(ACKS_ALL, at);
  at = bytes.writeInt32BE(timeoutMs, at);
  at = bytes.writeInt32BE(parts.length, at);
  parts.forEach(({ topic, partition }, i) => {
    const batch = batches[i] ?? Buffer.alloc(0);
    at = writeText(bytes, topic, at);
    at = bytes.writeInt32BE(1, at);
    at = bytes.writeInt32BE(partition, at);
    at = bytes.writeInt32BE(batch.length, at);
    at += batch.copy(bytes, at);
  });
  return bytes;
}

function writeText(bytes: Buffer, text: string, at: number): number {
  const length = bytes.write(text, at + 2);
  bytes.writeInt16BE(length, at);
  return at + 2 + length;
}
