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
  isReady = false;
  readonly #ended = new AbortController();
  /** First offset handed over of each partition, by `partition/topic`: below it the owner before us has committed. */
  readonly #first = new Map<string, bigint>();
  /** Offset after all that is handled, or for nobody to handle, and the newest high watermark; by `partition/topic`. */
  readonly #done = new Map<string, bigint>();
  readonly #highWatermark = new Map<string, bigint>();

  constructor(partitions: ReadonlyMap<string, readonly number[]>, prepare: (generation: Generation) => Promise<void>) {
    this.partitions = partitions;
    this.ready = prepare(this);
    // Each batch awaits it as well, as long as it is not.
    this.ready.then(
      () => {
        this.isReady = true;
      },
      () => {},
    );
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Records behind the newest fetched high watermark, as far as handled. */
  get lag(): number {
    let lag = 0;
    for (const id of this.#highWatermark.keys()) lag += this.#lagOf(id) ?? 0;
    return lag;
  }

  lagOf(topic: string, partition: number): number | undefined {
    return this.#lagOf(`${partition}/${topic}`);
  }

  #lagOf(id: string): number | undefined {
    const highWatermark = this.#highWatermark.get(id);
    const done = this.#done.get(id) ?? this.#first.get(id);
    if (highWatermark === undefined || done === undefined) return undefined;
    return Math.max(0, Number(highWatermark - done));
  }

  end(reason: Error): void {
    this.#ended.abort(reason);
  }

  handedOver(topic: string, partition: number, firstOffset: bigint): void {
    const id = `${partition}/${topic}`;
    if (!this.#first.has(id)) this.#first.set(id, firstOffset);
  }

  /** Fetched up to what was then the high watermark. */
  fetched(topic: string, partition: number, highWatermark: bigint): void {
    this.#highWatermark.set(`${partition}/${topic}`, highWatermark);
  }

  /** Handled, or nothing of it was for the handler. */
  done(topic: string, partition: number, next: bigint): void {
    this.#done.set(`${partition}/${topic}`, next);
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
