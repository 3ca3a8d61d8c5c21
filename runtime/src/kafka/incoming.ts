import type { Batch, IHeaders } from 'kafkajs';
import type { FetchedMessage } from './aborted.ts';
import type { Headers, IncomingRecord, RecordBatch } from './types.ts';

/** A batch as kafkajs fetched it, in our words. Keys and headers are UTF-8. */
export function toRecordBatch({ topic, partition, highWatermark, messages }: Batch): RecordBatch {
  return { topic, partition, records: messages.map(toRecord), highWatermark: BigInt(highWatermark) };
}

export function toRecord({
  offset,
  key,
  value = null,
  headers,
  timestamp,
}: Pick<FetchedMessage, 'offset' | 'key' | 'value' | 'headers' | 'timestamp'>): IncomingRecord {
  return {
    offset: BigInt(offset),
    key: key === null ? null : key.toString(),
    value,
    headers: headers ? toHeaders(headers as IHeaders) : {},
    timestampMs: Number(timestamp),
  };
}

/** Of a name that comes several times (KIP-82 allows it) the last value stands. */
function toHeaders(headers: IHeaders): Headers {
  const result: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) result[name] = last.toString();
  }
  return result;
}
