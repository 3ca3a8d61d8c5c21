/** What was given up, as the batches that say so: they hold ranges and no reading, and are never given up themselves. */
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

  /** These batches are stored and not yet published. */
  stored(batches: readonly SealedBatch[]): void {
    const batch = batches.findLast(({ firstSeq, lastSeq }) => lastSeq < firstSeq);
    if (batch === undefined) return;
    const { id, firstSeq, lastSeq, bytes } = batch;
    this.#open = { batch: { id, firstSeq, lastSeq, bytes: bytes.length }, ranges: decodeBatch(bytes).dropped };
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
