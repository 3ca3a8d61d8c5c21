import type { Pending } from './pending.ts';
import type { Part } from './producer-session.ts';

export interface BatchLimits {
  /** Of one partition's part of a request, before compression. The broker refuses a larger batch, kafkajs splits none. */
  readonly maxPartBytes: number;
  readonly maxPartRecords: number;
  /** Of all parts together. */
  readonly maxRequestBytes: number;
}

/** A part of a request with the records it was made of. */
export interface PendingPart extends Part {
  readonly records: readonly Pending[];
}

interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  records: Pending[];
  /** Index of the first record still waiting: taking from the front does not move the rest. */
  head: number;
}

export function toPart(records: readonly Pending[]): PendingPart {
  const first = records[0];
  if (!first) throw new RangeError('a part has records');
  return { topic: first.record.topic, partition: first.partition, records, messages: records.map(r => r.toMessage()) };
}

/** Records waiting for a lane's next request, in order for each partition. */
export class WaitingRecords {
  readonly #queues = new Map<string, PartitionQueue>();
  #count = 0;
  #sizeBytes = 0;

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(pending: Pending): void {
    const id = `${pending.partition}/${pending.record.topic}`;
    let queue = this.#queues.get(id);
    if (!queue) {
      queue = { topic: pending.record.topic, partition: pending.partition, records: [], head: 0 };
      this.#queues.set(id, queue);
    }
    queue.records.push(pending);
    this.#count++;
    this.#sizeBytes += pending.sizeBytes;
  }

  /** Takes the next request's parts: of each partition as much as fits, a record larger than a part alone. */
  take(limits: BatchLimits): PendingPart[] {
    const parts: PendingPart[] = [];
    let requestBytes = 0;
    const rest: [string, PartitionQueue][] = [];
    for (const [id, queue] of this.#queues) {
      if (requestBytes >= limits.maxRequestBytes) break;
      const taken: Pending[] = [];
      let partBytes = 0;
      for (let next = queue.records[queue.head]; next; next = queue.records[++queue.head]) {
        const full = partBytes + next.sizeBytes > limits.maxPartBytes || taken.length >= limits.maxPartRecords;
        if (taken.length > 0 && full) break;
        taken.push(next);
        partBytes += next.sizeBytes;
        this.#count--;
        this.#sizeBytes -= next.sizeBytes;
      }
      requestBytes += partBytes;
      parts.push(toPart(taken));
      this.#queues.delete(id);
      if (queue.head < queue.records.length) {
        rest.push([id, { ...queue, records: queue.records.slice(queue.head), head: 0 }]);
      }
    }
    // A partition with more waits behind the others: each gets its turn when requests are full.
    for (const [id, queue] of rest) this.#queues.set(id, queue);
    return parts;
  }

  /** Removes and returns the records for which `expired` holds; of one partition they are the oldest. */
  expire(expired: (pending: Pending) => boolean): Pending[] {
    const gone: Pending[] = [];
    for (const [id, queue] of this.#queues) {
      for (let next = queue.records[queue.head]; next && expired(next); next = queue.records[++queue.head]) {
        gone.push(next);
        this.#count--;
        this.#sizeBytes -= next.sizeBytes;
      }
      if (queue.head >= queue.records.length) this.#queues.delete(id);
    }
    return gone;
  }
}
