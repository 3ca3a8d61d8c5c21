import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, TransientError } from './errors.ts';
import type { Logger } from './log.ts';

export interface RetryOptions {
  readonly log: Logger;
  /** Ends the wait; `keepTrying` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** First wait, ms; doubles up to `maxDelayMs`, with jitter of ±50 % so that a city's gateways do not come back in step. */
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
}

/** Tries until it succeeds or fails with anything but a `TransientError`. Says once that it waits and once that it goes on. */
export async function keepTrying<T>(
  what: string,
  attempt: () => Promise<T>,
  { log, signal, minDelayMs = 100, maxDelayMs = 5000 }: RetryOptions,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    try {
      const result = await attempt();
      if (tries > 0) log.info({ tries }, `${what}: works again`);
      return result;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (tries === 0) log.warn(`${what}: ${messageOf(error)}; trying again until it works`);
      // The timer rejects with an AbortError of its own; the caller knows the signal's reason.
      await wait(backoffMs(tries, minDelayMs, maxDelayMs), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

/** Exponential backoff with jitter: `min · 2^tries`, at most `max`, ± 50 %. */
export function backoffMs(tries: number, minMs: number, maxMs: number, random: () => number = Math.random): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(tries, 30)) * (0.5 + random());
}
