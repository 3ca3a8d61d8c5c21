/** The time in the simulated city, ms since the Unix epoch: the wall's, or that of a day which is played again. */
import { dayAfter } from './local-time.ts';

export interface VirtualClock {
  now(): number;
  /** Where the play ends; undefined: it does not. */
  readonly endMs: number | undefined;
  /** Seconds of the city in one of ours; infinite: as fast as it is taken. */
  readonly speed: number;
}

export const wallClock: VirtualClock = { now: () => Date.now(), endMs: undefined, speed: 1 };

/** One local day from its midnight on. */
export function dayClock(midnightMs: number, speed: number): VirtualClock {
  const endMs = dayAfter(midnightMs);
  const startedMs = performance.now();
  const now = (): number =>
    speed === Number.POSITIVE_INFINITY ? endMs : Math.min(endMs, midnightMs + (performance.now() - startedMs) * speed);
  return { now, endMs, speed };
}
