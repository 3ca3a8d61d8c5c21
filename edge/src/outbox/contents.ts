/** What lies in the outbox's file, and what is known of it without asking: counts, records of drops, what leaves next. */
import type { Interval } from '@millrace/wire/intervals.ts';
import type { CommitPlan } from './commit.ts';
import { DropRecords } from './dropped.ts';
import { Inventory, type Level } from './inventory.ts';
import type { SealedBatch } from './seal.ts';
import type { Store, StoredBytes } from './store.ts';

const holdsNoReading = ({ firstSeq, lastSeq }: Pick<SealedBatch, 'firstSeq' | 'lastSeq'>): boolean =>
  lastSeq < firstSeq;

export class Contents {
  readonly records = new DropRecords();
  readonly #store: Store;
  readonly #inventory: Inventory;
  /** With their PUBACK; their rows go with the next commit. */
  readonly #acknowledged = new Map<number, SealedBatch>();
  #nextId: number;

  constructor(store: Store) {
    this.#store = store;
    this.#inventory = new Inventory(store.batches());
    this.#nextId = this.#inventory.lastId + 1;
    for (const id of this.#inventory.withoutReadings)
      for (const batch of store.page(id - 1, id + 1, 1))
        this.#inventory.unsaid(this.records.stored(batch, batch.published === 1));
  }

  /** Of the batch that is sealed next. */
  get nextId(): number {
    return this.#nextId;
  }

  get level(): Level {
    return this.#inventory.level;
  }

  /** Sequence numbers without PUBACK, theirs or that of the record of their drop. */
  get unsent(): readonly Interval[] {
    return this.#inventory.unsent;
  }

  get backlogReadings(): number {
    return this.#inventory.backlogReadings;
  }

  /** What was declared before the oldest batch was sealed, µs. */
  get declaredUs(): number | undefined {
    return this.#store.declaredUs(-1, this.#nextId);
  }

  /** Batches with smaller ids are backlog. */
  splitAt(firstLiveId: number): void {
    this.#inventory.splitAt(firstLiveId);
  }

  /** Batches with `afterId < id < beforeId`, oldest first; those acknowledged are left out. */
  page(afterId: number, limit: number, beforeId: number): StoredBytes[] {
    if (afterId >= this.#nextId - 1) return [];
    // Acknowledged rows may still lie in the file: ask for as many more.
    const rows = this.#store.page(afterId, beforeId, limit + this.#acknowledged.size);
    return rows.filter(({ id }) => !this.#acknowledged.has(id)).slice(0, limit);
  }

  /** Of these, the records of drops that may be sent before everything else. */
  pageOfRecords(afterId: number, limit: number, beforeId: number): StoredBytes[] {
    return this.records.waiting(afterId, beforeId, limit).flatMap(id => this.#store.page(id - 1, id + 1, 1));
  }

  /** @returns false when it had been acknowledged before. */
  acknowledge(batch: SealedBatch): boolean {
    if (this.#acknowledged.has(batch.id)) return false;
    this.#acknowledged.set(batch.id, batch);
    this.#inventory.remove(batch, batch.storedBytes);
    if (holdsNoReading(batch)) this.#inventory.said(this.records.acknowledged(batch));
    return true;
  }

  get acknowledgedIds(): readonly number[] {
    return [...this.#acknowledged.keys()];
  }

  get acknowledgedBytes(): number {
    return this.#acknowledged.values().reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  }

  /** Their rows are gone. */
  forgotten(ids: readonly number[]): void {
    for (const id of ids) this.#acknowledged.delete(id);
  }

  /** Ids of the rows that go with the plan. */
  leaving({ victims, replaced }: CommitPlan): readonly number[] {
    return [...this.#acknowledged.keys(), ...victims.map(({ id }) => id), ...(replaced ? [replaced.id] : [])];
  }

  /** After the commit of the plan, of whose batches the first `published` are published at once. */
  changed({ batches, victims, replaced }: CommitPlan, published: number): void {
    this.#acknowledged.clear();
    this.#nextId = Math.max(this.#nextId, (batches.at(-1)?.id ?? -1) + 1);
    for (const victim of victims) this.#inventory.giveUp(victim, victim.bytes);
    if (replaced !== undefined) {
      this.#inventory.giveUp(replaced, replaced.bytes);
      this.records.forgotten(replaced.id);
    }
    for (const [i, batch] of batches.entries()) {
      this.#inventory.add(batch, batch.storedBytes);
      if (holdsNoReading(batch)) this.#inventory.unsaid(this.records.stored(batch, i < published));
    }
  }
}
