/** Completeness of a source that is sent readings and never asks: what is older than the usual delay has come. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Emit } from './source.ts';

/** Declares now − `latenessMs` every `everyMs` (10 s); resolves at abort. */
export async function declareSteadily(
  emit: Emit,
  options: { latenessMs: number; nowUs: () => number; signal: AbortSignal; everyMs?: number },
): Promise<void> {
  const { latenessMs, nowUs, signal, everyMs = 10_000 } = options;
  while (!signal.aborted) {
    await emit([], { completeThroughUs: nowUs() - latenessMs * 1000 });
    await wait(everyMs, undefined, { signal }).catch(() => {});
  }
}
