import { TransientError } from '@millrace/runtime/errors.ts';

/** Lets `width` callers through at a time and keeps at most `maxWaiting` in line; the next one is turned away. */
export class Turnstile {
  readonly #width: number;
  readonly #maxWaiting: number;
  readonly #line: (() => void)[] = [];
  #inside = 0;

  constructor(width: number, maxWaiting: number) {
    this.#width = width;
    this.#maxWaiting = maxWaiting;
  }

  /** Dispose of the pass to let the next one in. */
  async enter(): Promise<Disposable> {
    if (this.#inside < this.#width) this.#inside++;
    else if (this.#line.length >= this.#maxWaiting) {
      throw new TransientError('Too many queries wait for the database; try again in a moment.');
    } else await new Promise<void>(resolve => this.#line.push(resolve));
    return { [Symbol.dispose]: () => this.#leave() };
  }

  #leave(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#inside--;
    else next(); // The place goes straight to the next in line.
  }
}
