import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../errors.ts';

/**
 * `promise`, or a TransientError after `deadlineMs`. The promise goes on alone then, and what becomes of it is ignored.
 */
export async function within<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TransientError(`${what}: no answer within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits, or returns early when `signal` is aborted. */
export async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {}).catch(() => {});
}

/** Delays of a retry: doubling from `firstMs` to `maxMs`, each shortened by up to a fifth so that clients spread. */
export function* backoff(firstMs: number, maxMs: number): Generator<number, never> {
  for (let delay = firstMs; ; delay = Math.min(delay * 2, maxMs)) yield delay * (1 - Math.random() / 5);
}
