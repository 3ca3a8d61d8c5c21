/** When the next commit is due: at the earliest of what was asked for since the last one. */
export class CommitTimer {
  readonly #commit: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(commit: () => void) {
    this.#commit = commit;
  }

  /** A commit not later than in `ms`; 0: after the events of this turn. */
  within(ms: number): void {
    const dueMs = performance.now() + ms;
    if (dueMs >= this.#dueMs) return;
    this.stop();
    this.#dueMs = dueMs;
    if (ms > 0) this.#timer = setTimeout(this.#commit, ms);
    else this.#immediate = setImmediate(this.#commit);
  }

  /** Nothing is due any longer. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
