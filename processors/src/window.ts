/** Running statistics of one window. */

/** In event time; `first` and `last` by timestamp, ties by arrival. */
export interface Window {
  readonly startUs: number;
  count: number;
  mean: number;
  /** Sum of squared deviations from the mean. */
  m2: number;
  min: number;
  max: number;
  firstUs: number;
  first: number;
  lastUs: number;
  last: number;
  revision: number;
  final: boolean;
  /** Changed since the last flush. Not part of the state. */
  dirty: boolean;
}

export function openWindow(startUs: number): Window {
  return {
    startUs,
    count: 0,
    mean: 0,
    m2: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    firstUs: Number.POSITIVE_INFINITY,
    first: 0,
    lastUs: Number.NEGATIVE_INFINITY,
    last: 0,
    revision: 0,
    final: false,
    dirty: false,
  };
}

/** Welford, Technometrics 4 (1962), 419–420: stable where the sum of squares is not. */
export function addToWindow(window: Window, timeUs: number, value: number): void {
  window.count++;
  const delta = value - window.mean;
  window.mean += delta / window.count;
  window.m2 += delta * (value - window.mean);
  if (value < window.min) window.min = value;
  if (value > window.max) window.max = value;
  if (timeUs < window.firstUs) {
    window.firstUs = timeUs;
    window.first = value;
  }
  if (timeUs >= window.lastUs) {
    window.lastUs = timeUs;
    window.last = value;
  }
  window.dirty = true;
}

/** Sample standard deviation (n − 1); null for a single reading. */
export const sampleDeviation = ({ count, m2 }: Window): number | null =>
  count < 2 ? null : Math.sqrt(Math.max(0, m2) / (count - 1));
