/**
 * How much backlog may be in flight beside live batches. LEDBAT's controller (RFC 6817, section 2.4.2), counted in batches:
 * the window grows while acknowledgements come about as fast as the fastest one, and shrinks in proportion to how much
 * longer they take, since what delays a batch of the backlog delays the live batch behind it as well.
 */

/** Half of what a reading waits for the group commit by default. */
const leastTargetMs = 25;

/** Belongs to one connection: another may take another path. */
export class Pacer {
  readonly #most: number;
  #window = 1;
  /** The fastest acknowledgement. */
  #baseMs = Number.POSITIVE_INFINITY;

  /** `most`: batches in flight at most, at least 1. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Batches of the backlog that may be in flight. */
  get window(): number {
    return Math.floor(this.#window);
  }

  /** A batch was acknowledged so long after it was published. */
  onAcknowledged(delayMs: number): void {
    this.#baseMs = Math.min(this.#baseMs, delayMs);
    const targetMs = Math.max(leastTargetMs, this.#baseMs);
    const offTarget = (targetMs - (delayMs - this.#baseMs)) / targetMs;
    // At most one batch more a round trip, and one less for each target that the delay is beyond it.
    this.#window = Math.min(this.#most, Math.max(1, this.#window + offTarget / this.#window));
  }
}
