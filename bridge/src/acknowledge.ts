/**
 * PUBACK in arrival order. Aedes handles all packets of one socket read concurrently and answers in the order of their
 * callbacks; [MQTT-4.6.0-2] asks for the order of arrival.
 */
export type Release = (error?: Error) => void;

interface Slot {
  readonly release: Release;
  readonly arrivedAtMs: number;
  /** undefined: still waiting; null: stored; an error: the connection must end. */
  outcome: Error | null | undefined;
}

/** One per client. A slot waits → is settled → is released once every slot before it has been. */
export class AckQueue {
  readonly #slots: Slot[] = [];

  get length(): number {
    return this.#slots.length;
  }

  /** Arrival of the oldest that has no PUBACK yet. */
  get oldestAtMs(): number | undefined {
    return this.#slots[0]?.arrivedAtMs;
  }

  /** Takes a place in the line; the answer settles it. */
  enter(release: Release, arrivedAtMs: number): Release {
    const slot: Slot = { release, arrivedAtMs, outcome: undefined };
    this.#slots.push(slot);
    return error => {
      slot.outcome = error ?? null;
      while (this.#slots[0]?.outcome !== undefined) {
        const { release, outcome } = this.#slots.shift()!;
        if (outcome === null) release();
        else release(outcome);
      }
    };
  }
}
