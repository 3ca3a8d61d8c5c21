/** What the outbox holds, counted: known without asking the file. */
import type { Interval } from '@millrace/wire/intervals.ts';
import type { SealedBatch } from './seal.ts';
import type { StoredBatch } from './store.ts';
import { Unsent } from './unsent.ts';

export interface Level {
  readonly batches: number;
  readonly readings: number;
  readonly bytes: number;
}

type Range = Pick<SealedBatch, 'id' | 'firstSeq' | 'lastSeq'>;

export class Inventory {
  /** −1: none was found. */
  readonly lastId: number = -1;
  /** The newest batch that holds no reading and was never published. */
  readonly openRecordId: number | undefined;
  readonly #level = { batches: 0, readings: 0, bytes: 0 };
  readonly #unsent = new Unsent();
  #firstLiveId = Number.POSITIVE_INFINITY;
  #backlogReadings = 0;

  constructor(found: Iterable<StoredBatch>) {
    for (const batch of found) {
      this.lastId = batch.id;
      if (batch.lastSeq < batch.firstSeq && batch.published === 0) this.openRecordId = batch.id;
      this.add(batch, batch.bytes);
    }
  }

  get level(): Level {
    return this.#level;
  }

  /** Readings of the backlog lane; without a connection, all. */
  get backlogReadings(): number {
    return this.#backlogReadings;
  }

  get unsent(): readonly Interval[] {
    return this.#unsent.ranges;
  }

  /** Batches with smaller ids are backlog. */
  splitAt(firstLiveId: number): void {
    this.#firstLiveId = firstLiveId;
    this.#backlogReadings = this.#level.readings;
  }

  add(batch: Range, bytes: number): void {
    this.#count(batch, bytes, 1);
    this.#unsent.add(batch.firstSeq, batch.lastSeq);
  }

  remove(batch: Range, bytes: number): void {
    this.#count(batch, bytes, -1);
    this.#unsent.remove(batch.firstSeq, batch.lastSeq);
    if (this.#level.readings === 0) this.#unsent.clear();
  }

  #count({ id, firstSeq, lastSeq }: Range, bytes: number, sign: 1 | -1): void {
    const readings = sign * (lastSeq - firstSeq + 1);
    this.#level.batches += sign;
    this.#level.readings += readings;
    this.#level.bytes += sign * bytes;
    if (id < this.#firstLiveId) this.#backlogReadings += readings;
  }
}
