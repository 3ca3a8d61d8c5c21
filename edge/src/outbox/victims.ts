/** Whom a full outbox gives up: only what was never published, as anything else may be stored already. */
import { highestPriority } from './priorities.ts';
import type { NewBatch } from './seal.ts';
import type { Store, StoredBatch } from './store.ts';

export const dropPolicies = ['refuse', 'oldest', 'lowest-priority'] as const;
/** `refuse`: nothing is given up, appends wait. */
export type DropPolicy = (typeof dropPolicies)[number];

export interface Victims {
  readonly stored: readonly StoredBatch[];
  /** Of the batches that were to be stored. */
  readonly fresh: readonly NewBatch[];
}

export const noVictims: Victims = { stored: [], fresh: [] };

const pageRows = 64;

export class VictimSearch {
  readonly #store: Pick<Store, 'droppable'>;
  readonly #policy: DropPolicy;
  /** Where the search begins, by priority: what lies before was published or is gone, for good. */
  readonly #from = new Map<number | undefined, number>();

  constructor(store: Pick<Store, 'droppable'>, policy: DropPolicy) {
    this.#store = store;
    this.#policy = policy;
  }

  /** Batches of at least so many bytes, by the policy; undefined when there are not enough. */
  find(bytes: number, fresh: readonly NewBatch[]): Victims | undefined {
    if (this.#policy === 'refuse') return undefined;
    const isOldest = this.#policy === 'oldest';
    const priorities = isOldest ? [undefined] : Array.from({ length: highestPriority + 1 }, (_, i) => i);
    const victims = { stored: [] as StoredBatch[], fresh: [] as NewBatch[] };
    let missing = bytes;
    for (const priority of priorities) {
      for (const batch of this.#oldestFirst(priority)) {
        if (missing <= 0) return victims;
        victims.stored.push(batch);
        missing -= batch.bytes;
      }
      // The newest of its priority: given up before anything that matters more.
      for (const batch of isOldest ? [] : fresh.filter(one => one.priority === priority)) {
        if (missing <= 0) return victims;
        victims.fresh.push(batch);
        missing -= batch.storedBytes;
      }
    }
    return missing <= 0 ? victims : undefined;
  }

  /** Batches that were sealed before that time of the outbox's own clock, at most `limit`. */
  sealedBefore(sealedUs: number, limit: number): StoredBatch[] {
    const found: StoredBatch[] = [];
    for (const batch of this.#oldestFirst(undefined)) {
      if (batch.sealedUs >= sealedUs || found.length >= limit) break;
      found.push(batch);
    }
    return found;
  }

  *#oldestFirst(priority: number | undefined): Generator<StoredBatch> {
    let after = this.#from.get(priority) ?? -1;
    for (let isFirst = true; ; isFirst = false) {
      const page = this.#store.droppable(after, priority, pageRows);
      // With one that is found the next search begins: it may not be given up after all.
      if (isFirst && page[0] !== undefined) this.#from.set(priority, page[0].id - 1);
      yield* page;
      if (page.length < pageRows) return;
      after = page.at(-1)!.id;
    }
  }
}
