/** What is in flight in the whole bridge, and whose turn it is when there is room again. */

export interface Cap {
  readonly messages: number;
  /** Of whole PUBLISH packets. */
  readonly bytes: number;
}

/** A connection that has publishes which were not let in. */
export interface Waiter {
  /** Lets in what the caps allow, at most this many frames. Waits again when the turn ended before its frames did. */
  admit(frames: number): void;
}

/** So that one client's backlog does not keep the others waiting. */
const framesATurn = 32;

/**
 * Counts publishes from the moment they are let in until their PUBACK (or, for one whose client is gone, until Kafka
 * has answered): that is how long they take memory. A publish is let in while the counts are below the cap, so the cap
 * is exceeded by one message at most, and a message larger than the cap still gets through.
 *
 * open → full (`take` reached the cap) → in turns (`give` made room; those who waited go first) → open.
 */
export class InFlight {
  readonly #cap: Cap;
  readonly #waiters = new Set<Waiter>();
  #messages = 0;
  #bytes = 0;
  #inTurns = false;
  #scheduled = false;

  constructor(cap: Cap) {
    this.#cap = cap;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#messages >= this.#cap.messages || this.#bytes >= this.#cap.bytes;
  }

  /** Whether a newcomer has to wait: there is no room, or others waited for it before. */
  get crowded(): boolean {
    return this.full || (this.#inTurns && this.#waiters.size > 0);
  }

  take(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
    this.#inTurns ||= this.full;
  }

  give(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    this.#schedule();
  }

  /** In the order of asking; asking again changes nothing. */
  wait(waiter: Waiter): void {
    this.#waiters.add(waiter);
    this.#schedule();
  }

  forget(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiters.size === 0 || this.full) return;
    this.#scheduled = true;
    // After this turn of the event loop: one answer of Kafka gives room many times over.
    setImmediate(() => {
      this.#scheduled = false;
      // A set also visits what is added on the way: whoever waits again comes behind those who wait already.
      for (const waiter of this.#waiters) {
        if (this.full) return;
        this.#waiters.delete(waiter);
        waiter.admit(framesATurn);
      }
      this.#inTurns = false;
    });
  }
}
