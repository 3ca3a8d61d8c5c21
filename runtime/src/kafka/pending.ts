import type { Message } from 'kafkajs';
import type { OutgoingRecord, Position } from './types.ts';

/**
 * A record between `send` and its end.
 *
 * pending → stored | rejected. A record whose deadline came while its batch was under way is rejected and stays in the
 * batch: the batch must be resent unchanged (see producer-session.ts).
 */
export class Pending {
  readonly record: OutgoingRecord;
  /** Bytes it takes in a request, before compression. */
  readonly sizeBytes: number;
  /** Milliseconds of the clock of `performance.now()`. */
  readonly deadlineAt: number;
  readonly stored: Promise<Position>;
  settled = false;
  /** Whether its memory no longer counts as buffered. */
  freed = false;
  partition = 0;
  #resolve!: (position: Position) => void;
  #reject!: (error: Error) => void;

  constructor(record: OutgoingRecord, deadlineAt: number) {
    this.record = record;
    this.sizeBytes = sizeOf(record);
    this.deadlineAt = deadlineAt;
    this.stored = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  store(offset: bigint): void {
    if (this.settled) return;
    this.settled = true;
    this.#resolve({ topic: this.record.topic, partition: this.partition, offset });
  }

  reject(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
  }

  /** As kafkajs takes it: it encodes anything but a Buffer as a string. */
  toMessage(): Message {
    const { key, value, headers } = this.record;
    return {
      key,
      value: value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
      partition: this.partition,
      ...(headers ? { headers: { ...headers } } : {}),
    };
  }
}

/** Attributes, deltas and lengths of a record in a batch (KIP-98, record format 2) are varints: 21 bytes at most. */
const RECORD_OVERHEAD_BYTES = 21;
const HEADER_OVERHEAD_BYTES = 10;

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let size = RECORD_OVERHEAD_BYTES + Buffer.byteLength(key) + (value?.byteLength ?? 0);
  for (const name in headers) {
    size += HEADER_OVERHEAD_BYTES + Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  }
  return size;
}
