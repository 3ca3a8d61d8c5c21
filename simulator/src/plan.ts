/**
 * What goes wrong at a post between two boots: outages and what they cost, clocks, faults of sensors. Decided for a whole
 * boot from the seed, so that whoever asks, whenever, gets the same answer.
 */
import { Clock, type ClockState } from '@millrace/wire/batch.ts';
import type { Post } from './city.ts';
import { nextBootStart } from './local-time.ts';
import { chance, hash, type Seed } from './random.ts';

const minuteMs = 60_000;
/** A batch holds the readings of so long. */
export const slotMs = minuteMs / 2;
/** The outbox of a post holds this much: of a longer outage the beginning is given up. */
const outboxMs = 60 * minuteMs;
/** Between the end of an outage and that of the boot, for the backlog. */
const quietMs = 20 * minuteMs;

/** From … to below, ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export type FaultKind = 'stuck' | 'drift' | 'spikes' | 'dropout';

export interface Fault extends Span {
  readonly kind: FaultKind;
  /** Which way a drift goes. */
  readonly sign: 1 | -1;
}

export interface BootPlan {
  readonly startMs: number;
  readonly endMs: number;
  /** Random, below 2^53. */
  readonly boot: number;
  /** Without connection. */
  readonly outage: Span | undefined;
  /** Readings that the outbox could not keep: the beginning of the outage. */
  readonly dropped: Span | undefined;
  /** Until then the clock was not, or only afterwards, right. */
  readonly clock: { readonly state: ClockState; readonly untilMs: number; readonly offsetMs: number };
  /** By series. */
  readonly faults: readonly (Fault | undefined)[];
}

export function planBoot(seed: Seed, post: Post, startMs: number): BootPlan {
  const draw = (...keys: number[]): number => chance(seed, post.key, startMs, ...keys);
  const endMs = nextBootStart(startMs);
  const outage = planOutage(draw, startMs, endMs);
  const droppedMs = outage === undefined ? 0 : outage.toMs - outage.fromMs - outboxMs;
  return {
    startMs,
    endMs,
    // Two draws make 53 bits; never 0.
    boot: (hash(seed, post.key, startMs, 3) % 2 ** 21) * 2 ** 32 + hash(seed, post.key, startMs, 4) + 1,
    outage,
    dropped: outage && droppedMs > 0 ? { fromMs: outage.fromMs, toMs: outage.fromMs + droppedMs } : undefined,
    clock: planClock(seed, post, draw, startMs),
    faults: post.sensors.map((_, i) => planFault(draw, i, startMs, endMs)),
  };
}

type Draw = (...keys: number[]) => number;

/** One boot in eight: mostly minutes, now and then an hour or two. */
function planOutage(draw: Draw, startMs: number, endMs: number): Span | undefined {
  if (draw(10) > 0.125) return undefined;
  const fromMs = toSlot(startMs + (0.04 + 0.55 * draw(11)) * (endMs - startMs));
  const lengthMs = 2 * minuteMs * 70 ** draw(12);
  return { fromMs, toMs: toSlot(Math.min(fromMs + lengthMs, endMs - quietMs)) + slotMs };
}

/** One post in twenty-five has no battery in its clock and boots, one time in two, before the time servers answer. */
function planClock(seed: Seed, post: Post, draw: Draw, startMs: number): BootPlan['clock'] {
  const synced = { state: Clock.SYNCED, untilMs: startMs, offsetMs: 0 };
  if (chance(seed, post.key, 20) > 0.04 || draw(21) > 0.5) return synced;
  const untilMs = toSlot(startMs + (4 + 30 * draw(22)) * minuteMs);
  // Most can date what they took afterwards. Those that cannot are minutes behind: since they were switched off.
  if (draw(23) < 0.5) return { state: Clock.CORRECTED, untilMs, offsetMs: 0 };
  return { state: Clock.UNSYNCED, untilMs, offsetMs: -Math.round((1 + 80 * draw(24)) * 60) * 1000 };
}

const faultKinds: readonly FaultKind[] = ['stuck', 'drift', 'spikes', 'dropout'];

/** One series in forty. */
function planFault(draw: Draw, series: number, startMs: number, endMs: number): Fault | undefined {
  if (draw(30, series) > 0.025) return undefined;
  const fromMs = toSlot(startMs + 0.85 * draw(31, series) * (endMs - startMs));
  const toMs = Math.min(endMs, fromMs + (12 + 80 * draw(32, series) ** 2) * minuteMs);
  return { kind: faultKinds[Math.floor(draw(33, series) * 4)]!, fromMs, toMs, sign: draw(34, series) < 0.5 ? 1 : -1 };
}

const toSlot = (ms: number): number => Math.floor(ms / slotMs) * slotMs;

export const isIn = (span: Span | undefined, ms: number): boolean =>
  span !== undefined && ms >= span.fromMs && ms < span.toMs;
