import type { Position } from '@millrace/runtime/kafka/types.ts';

interface Entry {
  readonly offset: bigint;
  done: boolean;
}

/**
 * Which offsets may be committed: those before which everything is settled, partition by partition, although records
 * settle in any order.
 *
 * A record: taken → done. A partition's position moves to the last record before the first one that is not done.
 * One object serves one assignment; after a rebalance a new one begins, and what settles late on the old one moves nothing.
 */
export class Positions {
  readonly #waiting = new Map<string, Entry[]>();
  readonly #reached = new Map<string, Position>();
  #outstanding = 0;

  /** Records taken and not settled. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Notes a record, in offset order a partition; returns what to call, once, when it is settled. */
  take(topic: string, partition: number, offset: bigint): () => void {
    const key = `${topic}/${partition}`;
    let queue = this.#waiting.get(key);
    if (queue === undefined) {
      queue = [];
      this.#waiting.set(key, queue);
    }
    const entry = { offset, done: false };
    queue.push(entry);
    this.#outstanding++;
    return () => {
      if (entry.done) return;
      entry.done = true;
      this.#outstanding--;
      // Mostly the head and its followers are done together: one splice, then.
      let settled = 0;
      while (settled < queue.length && queue[settled]!.done) settled++;
      if (settled === 0) return;
      const [last] = queue.splice(0, settled).slice(-1);
      this.#reached.set(key, { topic, partition, offset: last!.offset });
    };
  }

  /** Positions reached since the last call. Give them back with `restore` when the commit failed. */
  reached(): readonly Position[] {
    const positions = [...this.#reached.values()];
    this.#reached.clear();
    return positions;
  }

  restore(positions: readonly Position[]): void {
    for (const position of positions) {
      const key = `${position.topic}/${position.partition}`;
      if (!this.#reached.has(key)) this.#reached.set(key, position);
    }
  }
}
