import { setTimeout as wait } from 'node:timers/promises';
import { AgentAway, ask, type Mistake, Refused } from './door.ts';
import type { Reading } from './readings.ts';

export interface OutgoingOptions {
  readonly socket: string;
  /** Readings that may wait for the agent; a message beyond is refused at once. */
  readonly limit: number;
  /** Called whenever one of the numbers, or `why`, has changed. */
  readonly onChange: () => void;
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
}

interface Item {
  readonly readings: readonly Reading[];
  /** Monotonic, ms. */
  readonly arrivedAt: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** As many readings as the agent commits without waiting for more (`groupCommitReadings`). */
const maxTogether = 500;

/** A reading younger than this is dated by the agent, which knows more of its clock than this process. */
const freshMs = 1000;

/**
 * The messages on their way to the agent, in their order: at most `limit` readings wait, what came together goes together.
 *
 *     idle ──take──► sending ──202──► idle, or sending what came meanwhile
 *                    │   ▲ └──400──► the next ones alone, so that only the wrong one fails
 *                    ▼   │
 *                   waiting (agent away or outbox full; pauses grow to maxDelayMs)
 *
 * `close` sends what is there as long as the agent takes it; the rest fails with a sentence.
 */
export class Outgoing {
  /** Readings on the agent's disk. */
  taken = 0;
  /** Readings given up, each with an error of its message. */
  failed = 0;
  /** Readings here. */
  waiting = 0;
  /** Why they wait, while they must. */
  why: string | undefined;

  readonly #options: OutgoingOptions;
  readonly #queue: Item[] = [];
  readonly #closing = new AbortController();
  /** So many messages go alone, as one of them was refused in company. */
  #alone = 0;
  #running: Promise<void> | undefined;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /** Resolves once the readings are on the agent's disk. */
  take(readings: readonly Reading[]): Promise<void> {
    const { limit } = this.#options;
    if (this.waiting + readings.length > limit || this.#closing.signal.aborted) {
      this.failed += readings.length;
      this.#options.onChange();
      const why = this.why === undefined ? '' : `: ${this.why}`;
      return Promise.reject(
        new Error(
          this.#closing.signal.aborted
            ? 'the flow is being stopped'
            : `not taken: ${this.waiting} readings wait already, and at most ${limit} may${why}`,
        ),
      );
    }
    return new Promise<void>((resolve, reject) => {
      this.waiting += readings.length;
      this.#queue.push({ readings, arrivedAt: performance.now(), resolve, reject });
      this.#options.onChange();
      this.#running ??= this.#run().finally(() => (this.#running = undefined));
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let tries = 0; this.#queue.length > 0; ) {
      const together = this.#next();
      try {
        await this.#send(together);
        tries = 0;
        this.why = undefined;
        this.#settle(together);
      } catch (error) {
        if (error instanceof AgentAway && !this.#closing.signal.aborted) {
          this.why = error.message;
          this.#options.onChange();
          await this.#pause(tries++, error.retryAfterMs);
        } else if (error instanceof AgentAway) {
          this.#settle([...this.#queue], new Error(`not taken before the flow was stopped: ${error.message}`));
        } else if (error instanceof Refused && together.length > 1) this.#alone = together.length;
        else this.#settle(together, asOfMessage(error as Error, together[0]!));
      }
    }
  }

  #next(): Item[] {
    if (this.#alone > 0) return this.#queue.slice(0, 1);
    let readings = 0;
    const end = this.#queue.findIndex(item => (readings += item.readings.length) > maxTogether);
    return this.#queue.slice(0, end === -1 ? undefined : Math.max(end, 1));
  }

  async #send(items: readonly Item[]): Promise<void> {
    const body = items.flatMap(({ readings, arrivedAt }) => {
      const ageMs = performance.now() - arrivedAt;
      // By its age, not by the clock when it came: the clock may have been set right since.
      const time = ageMs < freshMs ? {} : { time: new Date(Date.now() - ageMs).toISOString() };
      return readings.map(reading => ({ ...time, ...reading }));
    });
    const slow = setTimeout(() => {
      this.why ??= 'the agent does not answer: its outbox may be full';
      this.#options.onChange();
    }, freshMs);
    // Without a timeout: an agent that is only slow would take the readings, and then the same ones again.
    const answer = (await ask(this.#options.socket, { method: 'POST', path: '/readings', body, timeoutMs: 0 }).finally(
      () => clearTimeout(slow),
    )) as { taken?: unknown } | undefined;
    if (answer?.taken !== body.length)
      throw new Error(`the agent took ${String(answer?.taken)} of ${body.length} readings, and did not say which`);
  }

  #settle(items: readonly Item[], error?: Error): void {
    for (const { readings, resolve, reject } of items) {
      this.#queue.shift();
      this.#alone = Math.max(0, this.#alone - 1);
      this.waiting -= readings.length;
      if (error === undefined) this.taken += readings.length;
      else this.failed += readings.length;
      if (error === undefined) resolve();
      else reject(error);
    }
    this.#options.onChange();
  }

  async #pause(tries: number, retryAfterMs: number | undefined): Promise<void> {
    const { minDelayMs = 200, maxDelayMs = 5000 } = this.#options;
    const growing = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(tries, 20)) * (0.75 + Math.random() / 2);
    const delayMs = Math.min(maxDelayMs, Math.max(growing, retryAfterMs ?? 0));
    await wait(delayMs, undefined, { signal: this.#closing.signal }).catch(() => {}); // Closing: the next try is the last.
  }
}

/** The door counts within a request; in the message of one reading there is nothing to count. */
function asOfMessage(error: Error, { readings }: Item): Error {
  if (!(error instanceof Refused) || readings.length !== 1) return error;
  return new Refused(
    error.mistakes.map(({ at, message }): Mistake => ({ at: at.replace(/^(\[0\]|0\b)\.?/, ''), message })),
  );
}
