import type { Position } from './types.ts';

interface Waiting {
  /** Next offset to read, by `partition/topic`. */
  readonly next: Map<string, Position>;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * One commit under way at a time; what is asked for meanwhile is merged into the next, the highest offset of each
 * partition. A commit costs the coordinator a write with `acks=all`, so sinks may ask as often as they like.
 */
export class Commits {
  readonly #write: (next: readonly Position[]) => Promise<void>;
  #waiting: Waiting | undefined;
  #underWay: Promise<void> = Promise.resolve();

  /** @param write commits `offset` of each position as the next offset to read. */
  constructor(write: (next: readonly Position[]) => Promise<void>) {
    this.#write = write;
  }

  commit(positions: readonly Position[]): Promise<void> {
    if (positions.length === 0) return Promise.resolve();
    if (!this.#waiting) {
      const waiting: Waiting = { next: new Map(), done: Promise.withResolvers() };
      this.#waiting = waiting;
      this.#underWay = this.#underWay.then(() => this.#send(waiting));
    }
    for (const { topic, partition, offset } of positions) {
      const id = `${partition}/${topic}`;
      const next = offset + 1n;
      const known = this.#waiting.next.get(id);
      if (!known || known.offset < next) this.#waiting.next.set(id, { topic, partition, offset: next });
    }
    return this.#waiting.done.promise;
  }

  /** Resolves when nothing is under way or waiting. Never rejects. */
  async settled(): Promise<void> {
    while (this.#waiting) await this.#underWay;
    await this.#underWay;
  }

  async #send(waiting: Waiting): Promise<void> {
    this.#waiting = undefined;
    try {
      await this.#write([...waiting.next.values()]);
      waiting.done.resolve();
    } catch (error) {
      waiting.done.reject(error);
    }
  }
}
