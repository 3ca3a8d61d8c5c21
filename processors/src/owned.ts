/** A partition that this process owns: its task, how far it has come, and what of it is not committed yet. */
import type { GroupPosition, OutgoingRecord, RecordBatch, Transactions } from '@millrace/runtime/kafka/types.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import type { Task } from './task.ts';

/** Where the task's input is kept in the state: Kafka forgets the offsets of a group that was away for a week. */
const nextKey = '@next';

interface Commit {
  readonly records: readonly OutgoingRecord[];
  readonly next: bigint;
  readonly rows: number;
}

export interface OwnedOptions {
  readonly partition: number;
  readonly groupId: string;
  readonly inputTopic: string;
  readonly stateTopic: string;
  readonly transactions: Transactions;
  /** µs since the Unix epoch. */
  readonly wallClockUs: () => number;
  readonly onUnusable: (offset: bigint, error: RejectedError) => void;
}

/** restoring (`restore`) → active (`process`, `commit`) → lost (fenced: everything here stands on a past that is gone). */
export class OwnedPartition<T extends Task> {
  readonly task: T;
  readonly #options: OwnedOptions;
  /** Everything before it is in the task. */
  #next = 0n;
  /** `#next` of the last commit. */
  #committed = 0n;
  /** Where the partition ended when it began. */
  #end = 0n;
  #nowUs = 0;
  /** Flushed by the task, and not known to be committed. */
  #uncertain = false;
  #committing: Promise<number> | undefined;
  #lost = false;

  constructor(task: T, options: OwnedOptions) {
    this.task = task;
    this.#options = options;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** Whether all that was sent is known to be committed, so that it can go on after a rebalance. */
  get certain(): boolean {
    return !this.#lost && !this.#uncertain;
  }

  lose(): void {
    this.#lost = true;
  }

  /** @param key as the state topic has it: `<partition>/<key>`. */
  restore(key: string, value: Uint8Array): void {
    const own = key.slice(key.indexOf('/') + 1);
    if (own === nextKey) this.#next = BigInt(Buffer.from(value).toString());
    else this.task.restore(own, value);
  }

  /**
   * Begins, with all of the state restored.
   * @param next where the group stands, if it does. @param end of the partition now.
   * @returns false when the partition ends before what has been read of it: it was made anew, and is read from its start.
   */
  begin(next: bigint | null, end: bigint): boolean {
    if (next !== null && next > this.#next) this.#next = next;
    const asBefore = this.#next <= end;
    if (!asBefore) this.#next = 0n;
    this.#committed = this.#next;
    this.#end = end;
    return asBefore;
  }

  /** @returns how many items the records held; those that the task has seen already are left out. */
  process({ records }: RecordBatch): number {
    let items = 0;
    for (const record of records) {
      if (record.offset < this.#next) continue;
      this.#next = record.offset + 1n;
      if (record.timestampMs * 1000 > this.#nowUs) this.#nowUs = record.timestampMs * 1000;
      if (record.value === null) continue;
      try {
        items += this.task.process(record);
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error;
        this.#options.onUnusable(record.offset, error);
      }
    }
    return items;
  }

  /**
   * Commits what changed, if anything did; while a commit is under way, does nothing.
   * @param lag records not yet processed; undefined: nothing was fetched yet. Infinity while what Kafka has does not reach
   * us: silence then means nothing.
   * @returns rows published. @throws {FencedError} and is lost.
   */
  async commit(lag: number | undefined, signal: AbortSignal): Promise<number> {
    if (this.#committing !== undefined || !this.certain) return 0;
    this.#committing = this.#commitNow(lag, signal).finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  /** Resolves when no commit is under way. */
  async settled(): Promise<void> {
    await this.#committing?.catch(() => {});
  }

  async #commitNow(lag: number | undefined, signal: AbortSignal): Promise<number> {
    const { groupId, inputTopic: topic, partition, transactions } = this.#options;
    const commit = this.#flush(lag);
    if (commit === undefined) return 0;
    this.#uncertain = true;
    const group: GroupPosition = { groupId, topic, partition, next: commit.next };
    await transactions.commit(commit.records, group, signal);
    this.#uncertain = false;
    this.#committed = commit.next;
    return commit.rows;
  }

  #flush(lag: number | undefined): Commit | undefined {
    const { partition, stateTopic: topic, wallClockUs } = this.#options;
    if (lag === undefined ? this.#next >= this.#end : lag === 0) this.#nowUs = Math.max(this.#nowUs, wallClockUs());
    const next = this.#next;
    const { results, rows, state } = this.task.flush({ monotonicMs: performance.now(), nowUs: this.#nowUs });
    if (next === this.#committed && results.length === 0 && state.size === 0) return undefined;
    const records = [...results];
    for (const [key, value] of state) records.push({ topic, partition, key: `${partition}/${key}`, value });
    records.push({ topic, partition, key: `${partition}/${nextKey}`, value: Buffer.from(String(next)) });
    return { records, next, rows };
  }
}
