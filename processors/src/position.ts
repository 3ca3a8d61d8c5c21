/** How far a partition has been read, and how far time has come in it. */
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';

/** Offsets of the records that a partition has. */
export interface Extent {
  readonly first: bigint;
  readonly end: bigint;
}

/** What is odd about where it begins: the partition was made anew, or so many records were deleted before they were read. */
export type Oddity = { readonly anew: true } | { readonly deletedUnread: bigint } | undefined;

export class Position {
  /** Everything before it has been read. */
  next = 0n;
  /** Where the partition ended when it was assigned. */
  #end = 0n;
  #nowUs = 0;

  /** @param next where to go on, if that is known better than from the state. */
  begin(next: bigint | null, { first, end }: Extent): Oddity {
    this.#end = end;
    if (next !== null && next > this.next) this.next = next;
    const before = this.next;
    if (before > end) {
      this.next = 0n;
      return { anew: true };
    }
    if (before >= first) return undefined;
    this.next = first;
    return before > 0n ? { deletedUnread: first - before } : undefined;
  }

  /** The partition stays over a rebalance: what has come meanwhile is to be read before time goes on. */
  goOn({ end }: Extent): void {
    this.#end = end;
  }

  /** @returns whether the record is new. */
  take({ offset, timestampMs }: IncomingRecord, wallUs: number): boolean {
    if (offset < this.next) return false;
    this.next = offset + 1n;
    // A bridge whose clock is ahead must not make the others' gateways late.
    this.#nowUs = Math.max(this.#nowUs, Math.min(timestampMs * 1000, wallUs));
    return true;
  }

  /** @param lag as for `OwnedPartition.commit`. @returns as `FlushClock.nowUs`. */
  timeUs(lag: number | undefined, wallUs: number): number {
    const allRead = lag === undefined ? this.next >= this.#end : lag === 0;
    if (allRead) this.#nowUs = Math.max(this.#nowUs, wallUs);
    return this.#nowUs;
  }
}
