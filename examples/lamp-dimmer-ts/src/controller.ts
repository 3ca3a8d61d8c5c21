/** The lamps' controller, over HTTP. An effect is put until it is taken: meanwhile nothing is committed, and nothing is lost. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Effect } from './decisions.ts';

const answerWithinMs = 10_000;
const firstPauseMs = 100;
const mostPauseMs = 5000;

/** @throws the signal's reason: the program ends, and what is not put comes again. */
export async function put(base: string, effect: Effect, signal: AbortSignal): Promise<void> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(mostPauseMs, 2 * pauseMs)) {
    const trouble = await attempt(base, effect, signal);
    if (trouble === undefined) return;
    if (pauseMs === firstPauseMs)
      console.error(`the controller does not take ${effect.key}: ${trouble}; trying until it does`);
    await wait(pauseMs, undefined, { signal });
  }
}

/** @returns why it may go better later; undefined when it is done with, one way or the other. */
async function attempt(base: string, { path, key, body }: Effect, signal: AbortSignal): Promise<string | undefined> {
  let response;
  try {
    response = await fetch(new URL(path, base), {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    });
  } catch (error) {
    signal.throwIfAborted();
    return String(error);
  }
  await response.body?.cancel();
  if (response.status >= 500 || response.status === 429) return `it answered ${response.status}`;
  if (!response.ok) console.error(`left out ${key}: the controller answered ${response.status}`);
  return undefined;
}
