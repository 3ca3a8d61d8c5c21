/** What the outbox holds, counted: known without asking the file. */
import type { DroppedRange } from '@millrace/wire/batch.ts';
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
  /** Ids of those that were found and hold no reading, oldest first. */
  readonly withoutReadings: readonly number[];
  readonly #level = { batches: 0, readings: 0, bytes: 0 };
  readonly #unsent = new Unsent();
  #firstLiveId = Number.POSITIVE_INFINITY;
  #backlogReadings = 0;

  constructor(found: Iterable<StoredBatch>) {
    const withoutReadings: number[] = [];
    for (const batch of found) {
      this.lastId = batch.id;
      if (batch.lastSeq < batch.firstSeq) withoutReadings.push(batch.id);
      this.add(batch, batch.bytes);
    }
    this.withoutReadings = withoutReadings;
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

  /** It has its PUBACK. */
  remove(batch: Range, bytes: number): void {
    this.#count(batch, bytes, -1);
    if (batch.lastSeq >= batch.firstSeq) this.#unsent.remove([[batch.firstSeq, batch.lastSeq]]);
    if (this.#level.batches === 0) this.#unsent.clear();
  }

  /** It was given up: its readings stay unsent until they are `said`. */
  giveUp(batch: Range, bytes: number): void {
    this.#count(batch, bytes, -1);
  }

  /** These were given up, and whoever adds up does not know it yet. */
  unsaid(ranges: readonly DroppedRange[]): void {
    for (const { firstSeq, lastSeq } of ranges) this.#unsent.add(firstSeq, lastSeq);
  }

  /** The record of them has its PUBACK. `ranges` are sorted and disjoint. */
  said(ranges: readonly DroppedRange[]): void {
    this.#unsent.remove(ranges.map(({ firstSeq, lastSeq }): Interval => [firstSeq, lastSeq]));
  }

  #count({ id, firstSeq, lastSeq }: Range, bytes: number, sign: 1 | -1): void {
    const readings = sign * (lastSeq - firstSeq + 1);
    this.#level.batches += sign;
    this.#level.readings += readings;
    this.#level.bytes += sign * bytes;
    if (id < this.#firstLiveId) this.#backlogReadings += readings;
  }
}
