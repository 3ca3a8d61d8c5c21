/** A partition that this process owns: its task, how far it has come, and what of it is not committed yet. */
import { setImmediate } from 'node:timers/promises';
import type { GroupPosition, OutgoingRecord, RecordBatch, Transactions } from '@millrace/runtime/kafka/types.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { type Extent, type Oddity, Position } from './position.ts';
import type { Task } from './task.ts';

/** Where the task's input is kept in the state: Kafka forgets the offsets of a group that was away for a week. */
const nextKey = '@next';
/** Beyond it a stretch of work lets heartbeats through. */
const stretchMs = 50;

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

/**
 * restoring (`restore`, `begin`) → certain (`process`) ⇄ committing → certain | lost.
 *
 * Lost: fenced, or the task has failed in the middle of its work. What is in memory is of no more use then, and nothing of
 * it may be committed: the state as Kafka has it is the truth.
 */
export class OwnedPartition<T extends Task> {
  readonly task: T;
  readonly #options: OwnedOptions;
  #state: 'certain' | 'committing' | 'lost' = 'certain';
  /** Everything before it is in the task. */
  readonly #position = new Position();
  /** `next` of the last commit. */
  #committed = 0n;
  #committing: Promise<number> | undefined;
  #committingSinceMs = 0;

  constructor(task: T, options: OwnedOptions) {
    this.task = task;
    this.#options = options;
  }

  get lost(): boolean {
    return this.#state === 'lost';
  }

  /** Whether all that was sent is known to be committed, so that it can go on after a rebalance. */
  get certain(): boolean {
    return this.#state === 'certain';
  }

  /** How long the commit under way has been, ms; 0: there is none. */
  get committingMs(): number {
    return this.#committing === undefined ? 0 : performance.now() - this.#committingSinceMs;
  }

  lose(): void {
    this.#state = 'lost';
  }

  /** Takes the state's entries, by key as the topic has them: `<partition>/<key>`. Lets other work through meanwhile. */
  async restore(entries: ReadonlyMap<string, Uint8Array>, signal: AbortSignal): Promise<void> {
    let since = performance.now();
    for (const [key, value] of entries) {
      const own = key.slice(key.indexOf('/') + 1);
      if (own === nextKey) this.#position.next = BigInt(Buffer.from(value).toString());
      else this.task.restore(own, value);
      if (performance.now() - since < stretchMs) continue;
      await setImmediate();
      signal.throwIfAborted();
      since = performance.now();
    }
    this.task.restored?.();
  }

  /** Begins, with all of the state restored. @param next where the group stands, if it does. */
  begin(next: bigint | null, extent: Extent): Oddity {
    const oddity = this.#position.begin(next, extent);
    this.#committed = this.#position.next;
    return oddity;
  }

  goOn(extent: Extent): void {
    this.#position.goOn(extent);
  }

  /** @returns how many items the records held; those that the task has seen already are left out. */
  process({ records }: RecordBatch): number {
    const { wallClockUs, onUnusable } = this.#options;
    const wallUs = wallClockUs();
    let items = 0;
    for (const record of records) {
      if (!this.#position.take(record, wallUs) || record.value === null) continue;
      try {
        items += this.task.process(record);
      } catch (error) {
        if (!(error instanceof RejectedError)) {
          // The record is neither in the task nor left out for good.
          this.lose();
          throw error;
        }
        onUnusable(record.offset, error);
      }
    }
    return items;
  }

  /**
   * Commits what changed, if anything did; while a commit is under way, or when it is lost, does nothing.
   * @param lag records not yet processed; undefined: nothing was fetched yet. Infinity while what Kafka has does not reach
   * us: silence then means nothing.
   * @returns rows published. @throws whatever ends it: then it is lost.
   */
  async commit(lag: number | undefined, signal: AbortSignal): Promise<number> {
    if (!this.certain) return 0;
    this.#committingSinceMs = performance.now();
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
    const { groupId, inputTopic: topic, partition, stateTopic, transactions, wallClockUs } = this.#options;
    this.#state = 'committing';
    try {
      const { next } = this.#position;
      const nowUs = this.#position.timeUs(lag, wallClockUs());
      const { results, rows, state } = this.task.flush({ monotonicMs: performance.now(), nowUs });
      if (next !== this.#committed || results.length > 0 || state.size > 0) {
        const records: OutgoingRecord[] = [...results];
        for (const [key, value] of state)
          records.push({ topic: stateTopic, partition, key: `${partition}/${key}`, value });
        records.push({
          topic: stateTopic,
          partition,
          key: `${partition}/${nextKey}`,
          value: Buffer.from(String(next)),
        });
        const group: GroupPosition = { groupId, topic, partition, next };
        await transactions.commit(records, group, signal);
        this.#committed = next;
      }
      if (this.#state === 'committing') this.#state = 'certain';
      return rows;
    } catch (error) {
      this.lose();
      throw error;
    }
  }
}
