/**
 * How much backlog may be in flight beside live batches. LEDBAT's controller (RFC 6817, section 2.4.2), counted in batches:
 * the window grows while acknowledgements come about as fast as the fastest one, and shrinks in proportion to how much
 * longer they take, since what delays a batch of the backlog delays the live batch behind it as well.
 */

/** What a reading waits for the group commit by default: with as much again it takes about twice its usual time. */
const leastTargetMs = 50;
/** Of the most, the part that always goes: else a busy path would let the backlog grow for ever. */
const leastShare = 1 / 3;

/** Belongs to one connection: another may take another path. */
export class Pacer {
  readonly #most: number;
  readonly #least: number;
  #window: number;
  /** The fastest acknowledgement. */
  #baseMs = Number.POSITIVE_INFINITY;

  /** `most`: batches in flight at most, at least 1. */
  constructor(most: number) {
    this.#most = most;
    this.#least = Math.max(1, Math.floor(most * leastShare));
    this.#window = this.#least;
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
    this.#window = Math.min(this.#most, Math.max(this.#least, this.#window + offTarget / this.#window));
  }
}
