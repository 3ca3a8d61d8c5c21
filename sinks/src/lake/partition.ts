/** One Kafka partition on its way into the lake. */
import { randomUUID } from 'node:crypto';
import type { Batch } from '@millrace/wire/batch.ts';
import type { Taken } from '../sink.ts';
import { carryOut, nextCompaction } from './compaction.ts';
import { fileName } from './names.ts';
import type { ObjectStore } from './objects.ts';
import { readingsEncoder } from './parquet/readings.ts';
import { type Plan, PlanLog, type Standing } from './plan-log.ts';
import { Rows } from './rows.ts';
import { Seen } from './seen.ts';

/** Folders that a range of records has opened at which it is cut: each is a file. */
const maxFolders = 256;
/** After so long in a plan's work it is asked whether the partition is still ours. */
const trustedForMs = 60_000;
/** A folder whose one file has waited so long for a second one is forgotten. */
const forgottenAfterMs = 7 * 86_400_000;

export interface PartitionOptions {
  readonly store: ObjectStore;
  /** Topic and partition, as in the names of files. */
  readonly source: string;
  readonly maxAgeDays: number;
  /** Longest time from the first row of a file to its making. */
  readonly flushMs: number;
  /** Tries until it is done; rejects with a FencedError, and when the sink stops. */
  readonly persist: <T>(attempt: () => Promise<T>) => Promise<T>;
  /** Told of records whose rows are in the lake now. */
  readonly stored: (taken: Taken, rows: number) => void;
  /** Told once, when it cannot go on. */
  readonly failed: (error: unknown) => void;
}

export interface KafkaStanding {
  /** Offset behind the last record of the partition. */
  readonly end: bigint;
  /** Where the group goes on; null when it has never committed. */
  readonly committed: bigint | null;
}

interface Piece {
  readonly taken: Taken;
  readonly rows: number;
}

/** Records in offset order that have rows, and these. */
interface Range {
  readonly rows: Rows;
  readonly pieces: Piece[];
  readonly first: bigint;
  last: bigint;
}

/** The newest plan, which may not have been carried out to its end. Its records come again, or its offset is committed. */
interface Pending {
  readonly plan: Plan;
  readonly first: bigint;
  readonly last: bigint;
}

const nothing: Standing = { next: 0n, seen: [], folders: new Map() };

/**
 * Rows: filling → sealed → planned (their range is written down) → files made → records settled.
 *
 * After a start, records of the newest plan come again unless their offsets were committed: then they are taken into the
 * same range, and make the same files. A record before or after it is already stored, or new.
 */
export class PartitionWriter {
  readonly source: string;
  readonly #options: PartitionOptions;
  readonly #log: PlanLog;
  /** After the last plan that is carried out, or will have been by then. */
  #standing: Standing;
  #seen: Seen;
  #next: bigint;
  #pending: Pending | undefined;
  #filling: Range | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sealedRows = 0;
  #trustedAtMs = performance.now();
  #work: Promise<void> = Promise.resolve();

  /** @throws {FencedError} @throws {TransientError} */
  static async open(
    options: PartitionOptions,
    { end, committed }: KafkaStanding,
  ): Promise<{ writer: PartitionWriter; isReset: boolean }> {
    const { store, source } = options;
    const {
      log,
      newest = { ...nothing, number: 0, work: undefined },
      before = nothing,
    } = await PlanLog.open(store, source, randomUUID());
    const { work } = newest;
    if (work?.kind === 'compact') await carryOut(store, work);
    // The topic was made anew, or has lost its end: offsets mean other records now, and only the readings' identity tells.
    const isReset = newest.next > end;
    if (isReset)
      return { isReset, writer: new PartitionWriter(options, log, { ...newest, seen: before.seen, next: 0n }) };
    const isDone = work?.kind !== 'append' || (committed !== null && committed >= newest.next);
    if (isDone) return { isReset, writer: new PartitionWriter(options, log, newest) };
    const pending = { plan: { ...newest, work }, first: BigInt(work.first), last: BigInt(work.last) };
    return { isReset, writer: new PartitionWriter(options, log, { ...before, next: pending.first }, pending) };
  }

  private constructor(options: PartitionOptions, log: PlanLog, standing: Standing, pending?: Pending) {
    this.source = options.source;
    this.#options = options;
    this.#log = log;
    this.#standing = standing;
    this.#seen = new Seen(standing.seen);
    this.#next = standing.next;
    this.#pending = pending;
  }

  /** In memory and not sealed. */
  get fillingRows(): number {
    return this.#filling?.rows.count ?? 0;
  }

  /** Sealed and not in the lake. */
  get sealedRows(): number {
    return this.#sealedRows;
  }

  get hasManyFolders(): boolean {
    return (this.#filling?.rows.folders.size ?? 0) >= maxFolders;
  }

  /** @returns how many rows of the record are new; none: it is settled. */
  take(taken: Taken, batch: Batch, receivedUs: number): number {
    const { offset } = taken.record;
    if (this.#pending !== undefined && offset > this.#pending.last) this.#passPending(this.#pending);
    if (offset < this.#next || batch.value.length === 0) {
      taken.settled();
      return 0;
    }
    const fresh = this.#seen.take(batch.gateway, batch.boot, batch.firstSeq, batch.value.length);
    if (fresh.length === 0) {
      taken.settled();
      return 0;
    }
    if (this.#filling === undefined) {
      this.#filling = { rows: new Rows(this.#maxAgeDays), pieces: [], first: offset, last: offset };
      this.#timer = setTimeout(() => this.seal(), this.#options.flushMs);
    }
    const { rows, pieces } = this.#filling;
    const before = rows.count;
    rows.add(batch, receivedUs, fresh);
    pieces.push({ taken, rows: rows.count - before });
    this.#filling.last = offset;
    if (this.#pending !== undefined && offset === this.#pending.last) this.#passPending(this.#pending);
    return rows.count - before;
  }

  /** Cuts behind the last record. What belongs to a plan that is not complete yet cannot be cut, and comes again. */
  seal(): void {
    if (this.#pending === undefined && this.#filling !== undefined) this.#seal(this.#filling);
  }

  /** Resolves when all that is sealed is in the lake; rejects when it will not be. */
  drained(): Promise<void> {
    return this.#work;
  }

  /** Lets go of what is not sealed; it comes again. */
  close(): void {
    clearTimeout(this.#timer);
    this.#filling = undefined;
  }

  /** Has files made one in each folder to which none has come for so long. */
  compact(nowMs: number, quietForMs: number): Promise<void> {
    return this.#enqueue(async () => {
      // Where the partition stands is not known before its newest plan is carried out.
      if (this.#pending !== undefined) return;
      for (const [folder, [files, atMs]] of this.#standing.folders)
        if (files > 1 && nowMs - atMs >= quietForMs) await this.#compactFolder(folder);
    });
  }

  get #maxAgeDays(): number {
    const work = this.#pending?.plan.work;
    return work?.kind === 'append' ? work.maxAgeDays : this.#options.maxAgeDays;
  }

  /** The newest plan is behind us: all its records have come, or none, since it was carried out before. */
  #passPending({ plan, first, last }: Pending): void {
    clearTimeout(this.#timer);
    const range = this.#filling;
    this.#pending = undefined;
    this.#filling = undefined;
    this.#seen = new Seen(plan.seen);
    this.#next = plan.next;
    if (range === undefined) this.#standing = plan;
    else {
      this.#sealedRows += range.rows.count;
      void this.#enqueue(() => this.#makeFiles(plan, { ...range, first, last }));
    }
  }

  #seal(range: Range): void {
    clearTimeout(this.#timer);
    this.#filling = undefined;
    this.#sealedRows += range.rows.count;
    this.#next = range.last + 1n;
    const seen = this.#seen.stored();
    void this.#enqueue(async () => {
      const plan: Plan = {
        number: this.#log.next,
        work: {
          kind: 'append',
          first: String(range.first),
          last: String(range.last),
          maxAgeDays: this.#options.maxAgeDays,
        },
        next: range.last + 1n,
        seen,
        folders: withFiles(this.#standing.folders, [...range.rows.folders.keys()], Date.now()),
      };
      await this.#options.persist(() => this.#log.append(plan));
      this.#trustedAtMs = performance.now();
      await this.#makeFiles(plan, range);
    });
  }

  async #makeFiles(plan: Plan, { rows, pieces, first, last }: Range): Promise<void> {
    const { store, source, persist, stored } = this.#options;
    const encode = readingsEncoder(rows);
    for (const [folder, own] of rows.folders) {
      const name = fileName({
        folder,
        source,
        offsets: [first, last],
        plans: [plan.number, plan.number],
        rows: own.count,
      });
      const bytes = await encode(own);
      // Whoever slept must not bring back a file that compaction has replaced meanwhile.
      await this.#trust();
      // When it is there already, it is this one.
      await persist(() => store.create(name, bytes));
    }
    this.#standing = plan;
    this.#sealedRows -= rows.count;
    // From the last to the first: positions then move once.
    for (const piece of pieces.reverse()) stored(piece.taken, piece.rows);
  }

  async #trust(): Promise<void> {
    if (performance.now() - this.#trustedAtMs < trustedForMs) return;
    await this.#options.persist(() => this.#log.verify());
    this.#trustedAtMs = performance.now();
  }

  async #compactFolder(folder: string): Promise<void> {
    const { store, source, persist } = this.#options;
    const [, atMs] = this.#standing.folders.get(folder)!;
    const folders = new Map(this.#standing.folders).set(folder, [1, atMs]);
    this.#standing = { ...this.#standing, folders };
    for (;;) {
      const found = await persist(() => nextCompaction(store, folder, source));
      if (found === undefined) return;
      const { seen, next } = this.#standing;
      await persist(() => this.#log.append({ number: this.#log.next, work: found.work, seen, next, folders }));
      await persist(() => carryOut(store, found.work, found.bytes));
    }
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done;
    done.catch(error => this.#options.failed(error));
    return done;
  }
}

function withFiles(
  folders: Standing['folders'],
  more: readonly string[],
  nowMs: number,
): Map<string, readonly [number, number]> {
  const all = new Map([...folders].filter(([, [files, atMs]]) => files > 1 || nowMs - atMs < forgottenAfterMs));
  for (const folder of more) all.set(folder, [(all.get(folder)?.[0] ?? 0) + 1, nowMs]);
  return all;
}
