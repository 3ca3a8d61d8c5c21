/** The gateway's durable queue: readings go in by group commit, sealed batches come out by `lanes`, and leave on PUBACK. */
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { Interval } from '@millrace/wire/intervals.ts';
import type { Reading } from '../reading.ts';
import { Admission } from './admission.ts';
import { type Append, AppendQueue } from './append-queue.ts';
import { Capacity, isDiskError, openStoreWithReserve } from './capacity.ts';
import { CommitPlanner } from './commit.ts';
import { CommitTimer } from './commit-timer.ts';
import { Contents } from './contents.ts';
import { Declarations, type Note } from './declarations.ts';
import { sumByReason } from './dropped.ts';
import type { Level } from './inventory.ts';
import { Lanes } from './lanes.ts';
import type { PriorityOf } from './priorities.ts';
import type { State } from './schema.ts';
import type { Origin, SealedBatch } from './seal.ts';
import type { Store, StoredBatch, StoredBytes } from './store.ts';
import { type DropPolicy, VictimSearch } from './victims.ts';

export interface OutboxOptions {
  readonly path: string;
  readonly origin: Origin;
  /** Names of the sources whose declarations count for `complete_through`. */
  readonly sources: readonly string[];
  /** Bytes of batches held at most, as they lie in the file; one batch is always taken. */
  readonly maxBytes: number;
  /** What was sealed longer ago is given up, by the outbox's own clock; 0: never. */
  readonly maxAgeMs: number;
  /** With less than this free on its file system the outbox does not grow. */
  readonly minFreeBytes: number;
  readonly dropPolicy: DropPolicy;
  /** Absent: all readings matter the same. */
  readonly priorityOf?: PriorityOf;
  /** An append waits at most this long for company. */
  readonly groupCommitMs: number;
  /** This many readings do not wait any longer. */
  readonly groupCommitReadings: number;
  readonly log: Logger;
}

/** A delete alone costs as much as a commit with readings; what a crash brings again in the meantime changes nothing. */
const coalesceDeletesMs = 2000;
const retryWriteMs = 1000;
/** Batches given up for their age in one transaction. */
const maxGroupBatches = 100;

/**
 * States: **open** (appends are committed within `groupCommitMs`) ⇄ **full** (appends wait for PUBACKs or room on the disk) or
 * **unwritable** (a full disk or an I/O error: appends wait); in both, a write is tried each second; any of them → **draining** (an append is
 * committed at once or rejected) → **closed**. Any other error of the database → **failed**: everything is rejected.
 */
export class Outbox implements AsyncDisposable {
  readonly boot: number;
  /** Rejects when the database breaks in a way that waiting does not mend. */
  readonly failed: Promise<never>;
  /** What is sent next. */
  readonly lanes = new Lanes({
    take: (afterId, beforeId, limit) => this.#take(() => this.#contents.page(afterId, limit, beforeId)),
    takeRecords: (afterId, beforeId, limit) => this.#take(() => this.#contents.pageOfRecords(afterId, limit, beforeId)),
    declaredUs: (afterId, beforeId) => this.#store.declaredUs(afterId, beforeId),
  });
  readonly #options: OutboxOptions;
  readonly #store: Store;
  readonly #fail: (error: unknown) => void;
  readonly #declarations: Declarations;
  readonly #admission: Admission;
  readonly #capacity: Capacity;
  readonly #search: VictimSearch;
  readonly #planner: CommitPlanner;
  readonly #contents: Contents;
  readonly #appends = new AppendQueue();
  readonly #timer = new CommitTimer(() => this.#commit());
  readonly #startedMs = performance.now();
  #ageTimer: NodeJS.Timeout | undefined;
  #state: 'open' | 'full' | 'unwritable' | 'draining' | 'closed' | 'failed' = 'open';
  /** As it is on disk. */
  #kept: State;
  #wanted = 0;
  /** The most that a batch sealed by this process claims, µs. */
  #claimedUs = 0;
  #silentUntilMs = 0;
  #listener: () => void = () => {};

  constructor(store: Store, options: OutboxOptions) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    this.#fail = reject;
    this.#store = store;
    this.#options = options;
    this.#kept = store.found;
    this.boot = store.found.boot;
    this.#declarations = new Declarations(options.sources, new Map(Object.entries(store.found.sources)));
    this.#admission = new Admission(options.log);
    this.#capacity = new Capacity(store, options);
    this.#search = new VictimSearch(store, options.dropPolicy);
    // Batches are only split where a priority decides something.
    const priorityOf = options.dropPolicy === 'lowest-priority' ? options.priorityOf : undefined;
    this.#contents = new Contents(store);
    this.#planner = new CommitPlanner(options.origin, priorityOf, this.#search, this.#contents.records);
  }

  /** What waits for its PUBACK. `lastSeq` is −1 before the first reading; `completeThroughUs` is what the sources declared. */
  get level(): Level & { lastSeq: number; completeThroughUs: number } {
    const { nextSeq, completeThroughUs } = this.#kept;
    return { ...this.#contents.level, lastSeq: nextSeq - 1, completeThroughUs };
  }

  /** Readings refused because no batch may hold them. */
  get refused(): number {
    return this.#admission.refused;
  }

  /** Readings given up since the boot, by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return this.#kept.dropped;
  }

  /** Sequence numbers without PUBACK, theirs or that of the record of their drop, as `GatewayStatus.unsent` has them. */
  get unsent(): readonly Interval[] {
    return this.#contents.unsent;
  }

  /** Every reading before has a PUBACK or was given up, µs; 0: not declared. */
  get sentThroughUs(): number {
    return Math.min(this.#kept.completeThroughUs, this.#contents.declaredUs ?? Number.POSITIVE_INFINITY);
  }

  /** Readings that were there before the connection opened; without one, all. */
  get backlogReadings(): number {
    return this.#contents.backlogReadings;
  }

  /** How long the oldest batch has been here, by the outbox's own clock, ms; 0 when there is none. */
  get oldestMs(): number {
    const sealedUs = this.#contents.level.batches === 0 ? undefined : this.#store.oldestSealedUs();
    return sealedUs === undefined ? 0 : Math.max(0, (this.#clockUs - sealedUs) / 1000);
  }

  /** True, or what keeps an append from being committed. */
  get writable(): true | string {
    if (this.#state === 'open') return true;
    return this.#state === 'full' ? this.#capacity.fullAt(this.#contents.level) : this.#state;
  }

  /** Where the source stood at its last committed append. */
  cursor(source: string): string | undefined {
    return this.#declarations.cursor(source);
  }

  /** Called after batches were sealed or forgotten; there is one listener. */
  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  /** A connection opened: what is here is its backlog. */
  openLanes(): void {
    this.#contents.splitAt(this.#contents.nextId);
    this.lanes.open(this.#contents.nextId);
    this.#timer.within(coalesceDeletesMs);
  }

  /** It closed: what is not acknowledged has to be sent again. */
  closeLanes(): void {
    this.#contents.splitAt(Number.POSITIVE_INFINITY);
    this.lanes.close();
  }

  /**
   * Resolves once the readings, and the note, are on disk. Waits while the outbox is full and may give up nothing.
   * A reading that no batch may hold (no finite number, no unit…) is refused alone, counted, and said once a series.
   * @throws {TransientError} when the outbox closes before it could be done; then nothing of it was taken.
   */
  append(source: string, readings: readonly Reading[], note: Note = {}): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'failed')
      return Promise.reject(new TransientError(`the outbox is ${this.#state}`));
    return new Promise((resolve, reject) => {
      const taken = this.#admission.admit(source, readings);
      this.#appends.push({ source, readings: taken, note, resolve, reject });
      if (this.#state === 'draining') this.#commit();
      else if (this.#state === 'open')
        this.#timer.within(
          this.#appends.readings >= this.#options.groupCommitReadings ? 0 : this.#options.groupCommitMs,
        );
      else this.#timer.within(retryWriteMs);
    });
  }

  /** The source will give nothing more: `complete_through` does not wait for it. */
  finish(source: string): void {
    this.#declarations.finish(source);
  }

  /** Batches with an id above `afterId`, oldest first; those acknowledged are left out. */
  page(afterId: number, limit: number): StoredBytes[] {
    return this.#contents.page(afterId, limit, Number.POSITIVE_INFINITY);
  }

  /** The broker has it. Its row goes with the next commit; a crash before that means one more resend of the same bytes. */
  acknowledge(batch: SealedBatch): void {
    if (!this.#contents.acknowledge(batch)) return;
    if (this.#state === 'full' && this.#excessOf(this.#wanted) <= 0) this.#commit();
    else this.#timer.within(coalesceDeletesMs);
    this.#listener();
  }

  /** Gives up what is too old, from now on in time. */
  watchAge(): void {
    const { maxAgeMs } = this.#options;
    if (maxAgeMs === 0) return;
    this.#ageTimer = setInterval(() => this.#commit(), Math.min(60_000, Math.max(10, maxAgeMs / 10)));
    this.#ageTimer.unref();
    this.#timer.within(0);
  }

  /** From now on an append is committed at once, or rejected when that is not possible. */
  drain(): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#state = 'draining';
    this.#commit();
  }

  // oxlint-disable-next-line require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.drain();
    this.#timer.stop();
    clearInterval(this.#ageTimer);
    if (this.#state !== 'failed') this.#state = 'closed';
    this.#store[Symbol.dispose]();
  }

  get #clockUs(): number {
    return this.#store.found.clockUs + Math.round((performance.now() - this.#startedMs) * 1000);
  }

  /** Bytes beyond what may be held, if so many more were. */
  #excessOf(bytes: number): number {
    // What was acknowledged is forgotten in the same transaction, before.
    return this.#capacity.excessOf(bytes, this.#contents.level, this.#contents.acknowledgedBytes);
  }

  /** Batches that may be published from now on: it is on disk that they may be. */
  #take(read: () => readonly StoredBytes[]): readonly SealedBatch[] | undefined {
    if (this.#state === 'closed' || this.#state === 'failed') return undefined;
    try {
      const batches = read();
      const unmarked = batches.filter(({ published }) => published === 0).map(({ id }) => id);
      if (unmarked.length > 0) {
        this.#capacity.publish(unmarked);
        this.#contents.records.published(unmarked);
      }
      return batches;
    } catch (error) {
      this.#cannotWrite(error);
      return undefined;
    }
  }

  #commit(): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#timer.stop();
    try {
      while (this.#commitGroup());
    } catch (error) {
      this.#cannotWrite(error);
    }
    if (this.#state === 'draining') this.#appends.reject('the agent is stopping and the outbox cannot take more');
    this.#listener();
  }

  /** One transaction; false when there is nothing to do, or what is gathered has to wait. */
  #commitGroup(): boolean {
    const group = this.#appends.group();
    const tooOld = this.#tooOld();
    const isIdle =
      group.length === 0 && tooOld.length === 0 && this.#contents.acknowledgedIds.length === 0 && !this.#owesClaim;
    // A disk that could not be written is tried with the state alone: nobody may be waiting, and it is to be said when it can.
    if (isIdle && this.#state !== 'unwritable') return false;
    const lacking = this.#commitWith(group, tooOld);
    if (lacking === 0) return true;
    this.#becomeFull(lacking);
    if (tooOld.length > 0 || this.#contents.acknowledgedIds.length > 0) this.#commitWith([], tooOld);
    return false;
  }

  /** The backlog is gone, and what was sealed while it waited claims less than could be claimed now. */
  get #owesClaim(): boolean {
    return this.lanes.isClear && this.#claimedUs < this.#kept.completeThroughUs;
  }

  /** 0 when it is done, or the bytes that would have to be free for it. */
  #commitWith(group: readonly Append[], tooOld: readonly StoredBatch[]): number {
    const readings = group.flatMap(append => append.readings);
    const sources = this.#declarations.changedBy(group);
    const { completeThroughUs: declaredUs, nextSeq } = this.#kept;
    const completeThroughUs = Math.max(declaredUs, this.#declarations.claim(sources));
    const { claimLimitUs, room } = this.lanes;
    const plan = this.#planner.plan({
      readings,
      numbering: {
        boot: this.boot,
        firstId: this.#contents.nextId,
        firstSeq: nextSeq,
        declaredUs,
        completeBeforeUs: Math.min(declaredUs, claimLimitUs),
        completeAfterUs: Math.min(completeThroughUs, claimLimitUs),
      },
      tooOld,
      claimAlone: this.#owesClaim,
      excessOf: bytes => this.#excessOf(bytes),
    });
    if (typeof plan === 'number') return plan;
    const state: State = {
      ...this.#kept,
      nextSeq: nextSeq + readings.length,
      completeThroughUs,
      clockUs: this.#clockUs,
      dropped: sumByReason(this.#kept.dropped, plan.drops),
      sources: this.#declarations.statesWith(sources),
    };
    this.#store.write({ batches: plan.batches, published: room, forget: this.#contents.leaving(plan), state });
    this.#kept = state;
    this.#claimedUs = Math.max(this.#claimedUs, plan.claimedUs);
    this.#declarations.keep(sources);
    this.#contents.changed(plan, room);
    if (plan.drops.length > 0) this.#sayDropped();
    if (group.length > 0 || this.#state === 'unwritable') this.#becomeOpen();
    this.#appends.done(group);
    return 0;
  }

  #tooOld(): StoredBatch[] {
    const { maxAgeMs } = this.#options;
    return maxAgeMs === 0 ? [] : this.#search.sealedBefore(this.#clockUs - maxAgeMs * 1000, maxGroupBatches);
  }

  #becomeFull(wanted: number): void {
    this.#wanted = wanted;
    // PUBACKs make room, and so does whoever empties a disk that is nearly full: of that nobody tells.
    this.#timer.within(retryWriteMs);
    if (this.#state !== 'open' && this.#state !== 'unwritable') return;
    this.#state = 'full';
    this.#options.log.warn(
      this.level,
      `the outbox is ${this.writable}: sources wait until the broker has acknowledged some of it`,
    );
  }

  #becomeOpen(): void {
    if (this.#state !== 'full' && this.#state !== 'unwritable') return;
    this.#options.log.info(this.level, `the outbox takes readings again; it was ${this.#state}`);
    this.#state = 'open';
  }

  /** Each drop is in a batch and in the metrics; the log says it once a minute. */
  #sayDropped(): void {
    if (performance.now() < this.#silentUntilMs) return;
    this.#silentUntilMs = performance.now() + 60_000;
    this.#options.log.warn({ ...this.level, dropped: this.#kept.dropped }, 'the outbox gives up readings');
  }

  #cannotWrite(error: unknown): void {
    if (!isDiskError(error)) return this.#break(error);
    let forgotten: readonly number[];
    do {
      forgotten = this.#capacity.forgetOnFullDisk(this.#contents.acknowledgedIds);
      this.#contents.forgotten(forgotten);
    } while (this.#state === 'draining' && forgotten.length > 0);
    if (this.#state === 'draining') return;
    if (this.#state !== 'unwritable')
      this.#options.log.error(`the outbox cannot be written (${messageOf(error)}): sources wait; trying each second`);
    this.#state = 'unwritable';
    // The pages of what was forgotten may take what is waiting.
    this.#timer.within(forgotten.length > 0 ? 0 : retryWriteMs);
  }

  #break(error: unknown): void {
    this.#state = 'failed';
    this.#timer.stop();
    this.#appends.reject(`the outbox failed: ${messageOf(error)}`);
    this.#fail(error);
  }
}

/**
 * Opens the outbox and finds what a former run left in it.
 * @throws {ConfigError} when the path cannot be used, or another agent uses it.
 */
export function openOutbox(options: OutboxOptions): Outbox {
  const store = openStoreWithReserve(options.path);
  const { setAside, found } = store;
  if (setAside !== undefined)
    options.log.error(
      setAside,
      `the outbox was damaged (${setAside.reason}); it was set aside as ${setAside.path}, and a new one with a new boot takes its place`,
    );
  const outbox = new Outbox(store, options);
  const { readings } = outbox.level;
  options.log.info({ boot: found.boot, waiting: readings, nextSeq: found.nextSeq }, 'outbox open');
  outbox.watchAge();
  return outbox;
}
