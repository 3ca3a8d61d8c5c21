/** What one commit does: which batches are sealed, what has to go for them, and what is said of it. */
import type { DroppedRange } from '@millrace/wire/batch.ts';
import type { Reading } from '../reading.ts';
import type { DropRecords, Replaced } from './dropped.ts';
import type { PriorityOf } from './priorities.ts';
import { type NewBatch, type Numbering, type Origin, seal, sealWithoutReadings } from './seal.ts';
import type { StoredBatch } from './store.ts';
import { noVictims, type VictimSearch, type Victims } from './victims.ts';

export interface CommitPlan {
  /** In the order of their ids. */
  readonly batches: readonly NewBatch[];
  /** Batches of the file that are given up. */
  readonly victims: readonly StoredBatch[];
  /** Id of a batch that one of the new ones says all of. */
  readonly replaced: Replaced | undefined;
  readonly drops: readonly DroppedRange[];
  /** The most that one of the batches claims, µs; 0: there is none. */
  readonly claimedUs: number;
}

export interface CommitInput {
  readonly readings: readonly Reading[];
  readonly numbering: Numbering;
  /** Batches of the file that are too old. */
  readonly tooOld: readonly StoredBatch[];
  /** What may be claimed is to be said, if need be by a batch that holds nothing else; where drops are said, by the next commit. */
  readonly claimAlone: boolean;
  /** Sealed bytes that would have to go before so many more are taken; 0 or less: none. */
  readonly excessOf: (bytes: number) => number;
}

/** Room that is made beforehand for the batch that says the drops; with many ranges it may take a little more. */
const recordBytes = 256;

/** Makes the plan of each commit; `plan` changes nothing. */
export class CommitPlanner {
  readonly #origin: Origin;
  readonly #priorityOf: PriorityOf | undefined;
  readonly #search: VictimSearch;
  readonly #records: DropRecords;

  constructor(origin: Origin, priorityOf: PriorityOf | undefined, search: VictimSearch, records: DropRecords) {
    this.#origin = origin;
    this.#priorityOf = priorityOf;
    this.#search = search;
    this.#records = records;
  }

  /** The bytes that are lacking, when it has to wait. */
  plan({ readings, numbering, tooOld, claimAlone, excessOf }: CommitInput): CommitPlan | number {
    const sealed = seal(readings, this.#origin, numbering, this.#priorityOf);
    const bytes = sealed.reduce((sum, batch) => sum + batch.storedBytes, 0);
    const expired = tooOld.reduce((sum, batch) => sum + batch.bytes, 0);
    let victims: Victims | undefined = noVictims;
    if (readings.length > 0 && excessOf(bytes - expired) > 0)
      victims = this.#search.find(excessOf(bytes + recordBytes), sealed);
    if (victims === undefined) return bytes;
    const isTooOld = new Set(tooOld.map(({ id }) => id));
    const forRoom = victims.stored.filter(({ id }) => !isTooOld.has(id));
    const drops = [
      ...tooOld.map(batch => rangeOf(batch, 'TOO_OLD')),
      ...[...forRoom, ...victims.fresh].map(batch => rangeOf(batch, 'OUTBOX_FULL')),
    ];
    const kept = sealed.filter(batch => !victims.fresh.includes(batch));
    const last = kept.at(-1);
    const keptClaimUs = last === sealed.at(-1) ? numbering.completeAfterUs : numbering.completeBeforeUs;
    const plan = { victims: [...tooOld, ...forRoom], drops, claimedUs: last === undefined ? 0 : keptClaimUs };
    if (drops.length > 0) {
      const { lists, replaces } = this.#records.record(drops);
      const records = lists.map((list, i) =>
        sealWithoutReadings(list, 0, this.#origin, {
          ...numbering,
          firstSeq: numbering.firstSeq + readings.length,
          firstId: numbering.firstId + sealed.length + i,
        }),
      );
      return { ...plan, batches: [...kept, ...records], replaced: replaces };
    }
    if (!claimAlone || last !== undefined) return { ...plan, batches: kept, replaced: undefined };
    const claimedUs = numbering.completeBeforeUs;
    const claim = sealWithoutReadings([], claimedUs, this.#origin, numbering);
    return { ...plan, batches: [claim], replaced: undefined, claimedUs };
  }
}

function rangeOf({ firstSeq, lastSeq }: Pick<StoredBatch, 'firstSeq' | 'lastSeq'>, reason: string): DroppedRange {
  return { firstSeq, lastSeq, reason };
}
