/**
 * Says what happens over and over: the first time at once, then at most once in `everyMs` with how often it happened
 * meanwhile. One line for each bad message would let a chatty client fill the disk with our log.
 */
export class Seldom {
  readonly #everyMs: number;
  readonly #nowMs: () => number;
  readonly #said = new Map<string, { atMs: number; unsaid: number }>();

  constructor(everyMs: number, nowMs: () => number = Date.now) {
    this.#everyMs = everyMs;
    this.#nowMs = nowMs;
  }

  /** @param say gets how many more there were since the last time it was called for this key. */
  tell(key: string, say: (unsaid: number) => void): void {
    const nowMs = this.#nowMs();
    const last = this.#said.get(key);
    if (last !== undefined && nowMs - last.atMs < this.#everyMs) {
      last.unsaid++;
      return;
    }
    // The keys are as many as the clients; those not heard of for long are let go.
    if (this.#said.size > 1000)
      for (const [old, { atMs }] of this.#said) if (nowMs - atMs >= this.#everyMs) this.#said.delete(old);
    this.#said.set(key, { atMs: nowMs, unsaid: 0 });
    say(last?.unsaid ?? 0);
  }
}
