/**
 * What was given up, as the batches that say so: they hold ranges and no reading, and are never given up themselves. They
 * claim nothing either, so they may be sent before everything else.
 */
import { type DroppedRange, decodeBatch } from '@millrace/wire/batch.ts';
import type { SealedBatch } from './seal.ts';

/** A range takes 20 to 30 bytes: so many stay within a page or two, which each further drop writes anew. */
const openRanges = 100;
/** The wire takes no more in one batch. */
const maxRanges = 1000;

export interface DropRecord {
  /** What the new batches say, one list a batch. */
  readonly lists: readonly (readonly DroppedRange[])[];
  /** The batch that the first of them replaces. */
  readonly replaces: Replaced | undefined;
}

export interface Replaced extends Pick<SealedBatch, 'id' | 'firstSeq' | 'lastSeq'> {
  readonly bytes: number;
}

/** Drops of one outage end up in one batch: as long as it was not published, it is sealed anew with what came since. */
export class DropRecords {
  #open: { readonly batch: Replaced; readonly ranges: readonly DroppedRange[] } | undefined;
  /** Ids of those without PUBACK, oldest first. */
  readonly #waiting = new Set<number>();

  /** `drops` are not empty. */
  record(drops: readonly DroppedRange[]): DropRecord {
    const merged = mergeRanges([...(this.#open?.ranges ?? []), ...drops]);
    if (this.#open !== undefined && merged.length <= openRanges) return { lists: [merged], replaces: this.#open.batch };
    const own = mergeRanges(drops);
    const lists = Array.from({ length: Math.ceil(own.length / maxRanges) }, (_, i) =>
      own.slice(i * maxRanges, (i + 1) * maxRanges),
    );
    return { lists, replaces: undefined };
  }

  /** This batch without readings is in the file. @returns the ranges that it says. */
  stored({ id, firstSeq, lastSeq, bytes, storedBytes }: SealedBatch, isPublished: boolean): readonly DroppedRange[] {
    const { dropped: ranges, completeThroughUs } = decodeBatch(bytes);
    if (ranges.length === 0) return ranges; // A claim alone.
    // What an earlier version sealed may claim something; then it keeps its place in the order.
    if (completeThroughUs === 0) this.#waiting.add(id);
    if (!isPublished) this.#open = { batch: { id, firstSeq, lastSeq, bytes: storedBytes }, ranges };
    return ranges;
  }

  /** This batch without readings has its PUBACK. @returns the ranges that it said. */
  acknowledged({ id, bytes }: SealedBatch): readonly DroppedRange[] {
    this.forgotten(id);
    return decodeBatch(bytes).dropped;
  }

  /** It is not in the file any longer. */
  forgotten(id: number): void {
    this.#waiting.delete(id);
    if (this.#open?.batch.id === id) this.#open = undefined;
  }

  /** Ids of those that wait for their PUBACK and may be sent before everything else: `afterId < id < beforeId`, oldest first. */
  waiting(afterId: number, beforeId: number, limit: number): number[] {
    return this.#waiting
      .values()
      .filter(id => id > afterId && id < beforeId)
      .take(limit)
      .toArray();
  }

  /** These batches are published, as they are. */
  published(ids: readonly number[]): void {
    if (this.#open !== undefined && ids.includes(this.#open.batch.id)) this.#open = undefined;
  }
}

/** In the order of sequence numbers; neighbours with the same reason joined. */
function mergeRanges(ranges: readonly DroppedRange[]): DroppedRange[] {
  const merged: DroppedRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.firstSeq - b.firstSeq)) {
    const last = merged.at(-1);
    if (last?.reason === range.reason && last.lastSeq + 1 === range.firstSeq)
      merged[merged.length - 1] = { ...last, lastSeq: range.lastSeq };
    else merged.push(range);
  }
  return merged;
}

/** Readings by reason, with those of `drops`. */
export function sumByReason(
  before: Readonly<Record<string, number>>,
  drops: readonly DroppedRange[],
): Readonly<Record<string, number>> {
  const sums = { ...before };
  for (const { firstSeq, lastSeq, reason } of drops) sums[reason] = (sums[reason] ?? 0) + lastSeq - firstSeq + 1;
  return sums;
}
