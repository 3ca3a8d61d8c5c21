/**
 * The order of sending. Of a connection, the **live** lane is what was sealed since it opened, and the **backlog** lane
 * what was there before; live goes first, each lane in the order of sealing. Of the backlog, the **records** of what was
 * given up come out of order, before everything else: until they are sent, what they say counts as unsent, and whoever
 * adds up cannot tell it from what is on its way. They take the backlog's share of the window, so live batches get past many.
 *
 * Why the claims stay true: a batch claims that every reading before an instant was sent before it. What was sealed
 * without a connection goes in order, after all it speaks of. What is sealed while older batches wait to be sent claims no
 * more than was declared before the oldest of them was sealed, and they hold nothing earlier: so it may overtake them.
 * When the connection is lost, live batches without PUBACK become backlog, and a claim that was true stays true in order.
 * Records claim nothing and hold no reading: where they stand changes no claim.
 */
import type { SealedBatch } from './seal.ts';

export interface LaneSource {
  /** Ready to be published: batches with `afterId < id < beforeId`, oldest first, at most `limit`; undefined: not now. */
  take(afterId: number, beforeId: number, limit: number): readonly SealedBatch[] | undefined;
  /** The same of records alone. */
  takeRecords(afterId: number, beforeId: number, limit: number): readonly SealedBatch[] | undefined;
  /** `declaredUs` of the first of those batches. */
  declaredUs(afterId: number, beforeId: number): number | undefined;
}

/** Batches read at once; at most 1 MiB each, mostly a few hundred bytes. */
const readAhead = 16;

/** States: **closed** (no connection) ⇄ **open**. */
export class Lanes {
  readonly #source: LaneSource;
  #isOpen = false;
  /** Smaller ids are backlog. */
  #firstLiveId = Number.POSITIVE_INFINITY;
  #records: SealedBatch[] = [];
  #live: SealedBatch[] = [];
  #backlog: SealedBatch[] = [];
  /** Ids of records that the backlog leaves out. */
  readonly #sentFirst = new Set<number>();
  /** Read up to here. */
  #recordId = -1;
  #liveId = -1;
  #backlogId = -1;
  /** How many batches sealed now would be published at once. */
  #room = 0;

  constructor(source: LaneSource) {
    this.#source = source;
  }

  /** A connection opened: everything with an id below `nextId` is unsent backlog. */
  open(nextId: number): void {
    this.close();
    this.#isOpen = true;
    this.#firstLiveId = nextId;
    this.#liveId = nextId - 1;
  }

  close(): void {
    this.#isOpen = false;
    this.#firstLiveId = Number.POSITIVE_INFINITY;
    this.#records = [];
    this.#live = [];
    this.#backlog = [];
    this.#sentFirst.clear();
    this.#recordId = -1;
    this.#backlogId = -1;
    this.#room = 0;
  }

  isLive(batch: Pick<SealedBatch, 'id'>): boolean {
    return batch.id >= this.#firstLiveId;
  }

  /** What to publish next, whereupon it counts as sent on this connection; undefined: nothing, or only backlog that may not go. */
  next(mayTakeBacklog: boolean): SealedBatch | undefined {
    if (!this.#isOpen) return undefined;
    if (!mayTakeBacklog) return this.#nextLive();
    return this.#nextRecord() ?? this.#nextLive() ?? this.#nextOfBacklog();
  }

  #nextRecord(): SealedBatch | undefined {
    if (this.#records.length === 0 && this.#recordId !== Number.POSITIVE_INFINITY) {
      // One that could not be taken may have gone with the backlog in the meantime.
      const afterId = Math.max(this.#recordId, this.#backlogId);
      const taken = this.#source.takeRecords(afterId, this.#firstLiveId, readAhead);
      if (taken === undefined) return undefined;
      this.#records = [...taken];
      for (const { id } of taken) this.#sentFirst.add(id);
      this.#recordId = taken.at(-1)?.id ?? Number.POSITIVE_INFINITY;
    }
    return this.#records.shift();
  }

  #nextLive(): SealedBatch | undefined {
    if (this.#live.length === 0) {
      this.#live = [...(this.#source.take(this.#liveId, Number.POSITIVE_INFINITY, readAhead) ?? [])];
      this.#liveId = this.#live.at(-1)?.id ?? this.#liveId;
    }
    return this.#live.shift();
  }

  #nextOfBacklog(): SealedBatch | undefined {
    while (this.#backlog.length === 0 && this.#backlogId !== Number.POSITIVE_INFINITY) {
      const taken = this.#source.take(this.#backlogId, this.#firstLiveId, readAhead);
      if (taken === undefined) return undefined;
      this.#backlog = taken.filter(({ id }) => !this.#sentFirst.has(id));
      this.#backlogId = taken.at(-1)?.id ?? Number.POSITIVE_INFINITY;
    }
    return this.#backlog.shift();
  }

  /** `next` had nothing: this many batches sealed now would go at once. */
  wait(room: number): void {
    this.#room = this.#live.length > 0 ? 0 : room;
  }

  get room(): number {
    return this.#room;
  }

  /** There is a connection, and all of its backlog was sent. */
  get isClear(): boolean {
    return this.#isOpen && this.#backlogId === Number.POSITIVE_INFINITY;
  }

  /** A batch sealed now may claim no more than this, µs. */
  get claimLimitUs(): number {
    if (!this.#isOpen || this.isClear) return Number.POSITIVE_INFINITY;
    const [next] = this.#backlog;
    return next?.declaredUs ?? this.#source.declaredUs(this.#backlogId, this.#firstLiveId) ?? Number.POSITIVE_INFINITY;
  }
}
