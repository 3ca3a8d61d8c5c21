/**
 * Chance without memory: every draw is a hash of a seed and of what it is for, so that any reading can be made again
 * without those before it. Finalizer of MurmurHash3 (32 bit), one round a key.
 */
export type Seed = number;

export function hash(seed: Seed, ...keys: readonly number[]): number {
  let h = seed | 0;
  for (const key of keys) {
    // Times do not fit 32 bits; their upper part counts too.
    h = scramble(h ^ Math.imul(key | 0, 0xcc9e2d51) ^ Math.imul(Math.floor(key / 2 ** 32), 0x1b873593));
  }
  return h >>> 0;
}

function scramble(value: number): number {
  let h = (value + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** From 0 to below 1. */
export const chance = (seed: Seed, ...keys: readonly number[]): number => hash(seed, ...keys) / 2 ** 32;

/** Mean 0, deviation 1, never beyond ±3.5: the sum of four uniform ones is near enough to a normal one. */
export function normal(seed: Seed, ...keys: readonly number[]): number {
  const h = hash(seed, ...keys);
  const g = scramble(h);
  const sum = (h & 0xffff) + (h >>> 16) + (g & 0xffff) + (g >>> 16);
  return (sum / 0xffff - 2) * Math.sqrt(3);
}

/** A curve from −1 to 1 without jumps or corners, new about each whole `x`. */
export function smooth(seed: Seed, key: number, x: number): number {
  const at = Math.floor(x);
  const part = x - at;
  const ease = part * part * (3 - 2 * part);
  const from = chance(seed, key, at);
  return 2 * (from + (chance(seed, key, at + 1) - from) * ease) - 1;
}
