import type { Assignment, Position } from './types.ts';

/**
 * What a member owns between two rebalances.
 *
 * preparing (`onAssigned` runs) → active → ended (rebalance, lost session, or close).
 */
export class Generation implements Assignment {
  readonly partitions: ReadonlyMap<string, readonly number[]>;
  /** Resolves when batches may be handed over. */
  readonly ready: Promise<void>;
  readonly #ended = new AbortController();
  /** First offset handed over of each partition, by `partition/topic`: below it the owner before us has committed. */
  readonly #first = new Map<string, bigint>();
  readonly #lag = new Map<string, bigint>();

  constructor(partitions: ReadonlyMap<string, readonly number[]>, prepare: (generation: Generation) => Promise<void>) {
    this.partitions = partitions;
    this.ready = prepare(this);
    this.ready.catch(() => {}); // each batch awaits it as well
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Records behind the newest fetched high watermark, as far as handed over. */
  get lag(): number {
    let lag = 0;
    for (const records of this.#lag.values()) lag += Number(records);
    return lag;
  }

  end(reason: Error): void {
    this.#ended.abort(reason);
  }

  handedOver(topic: string, partition: number, firstOffset: bigint): void {
    const id = `${partition}/${topic}`;
    if (!this.#first.has(id)) this.#first.set(id, firstOffset);
  }

  reached(topic: string, partition: number, lastOffset: bigint, highWatermark: bigint): void {
    const behind = highWatermark - lastOffset - 1n;
    this.#lag.set(`${partition}/${topic}`, behind > 0n ? behind : 0n);
  }

  /**
   * Of these positions (next offset to read) those that are ours to commit. A handler of an earlier generation may be
   * late: what it has to say about a partition that went away and came back must not move the group back.
   */
  ours(next: readonly Position[]): Position[] {
    return next.filter(({ topic, partition, offset }) => {
      if (!this.partitions.get(topic)?.includes(partition)) return false;
      const first = this.#first.get(`${partition}/${topic}`);
      return first === undefined || offset > first;
    });
  }
}
