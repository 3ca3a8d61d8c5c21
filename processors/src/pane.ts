/** Statistics of the readings of one series in one pane: the pieces that windows are made of. */
import type { Sketch } from './sketch.ts';

/** `first` and `last` by event time, ties by arrival. */
export interface Pane {
  /** Start of the first pane that is in it, µs since the Unix epoch. */
  startUs: number;
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
  /** How much a counter rose from `first` to `last`, see {@link stepOf}; NaN for what is no counter. */
  increase: number;
  /** Of all its readings; undefined: not computed, or not of all of them. */
  sketch: Sketch | undefined;
}

export function emptyPane(startUs: number): Pane {
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
    increase: Number.NaN,
    sketch: undefined,
  };
}

/**
 * A counter's rise from one reading to the next in event time. One that fell was reset to zero between the two, and has
 * risen to where it is: what it counted before the reset and after the earlier reading is unknown, and not in the sum.
 */
export const stepOf = (earlier: number, later: number): number => (later >= earlier ? later - earlier : later);

/**
 * Adds a pane that lies after `into`, or nowhere in time when neither is of a counter. Mean and deviation: Chan, Golub,
 * LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", COMPSTAT 1982.
 */
export function mergePane(into: Pane, from: Pane): void {
  if (from.count === 0) return;
  if (into.count === 0) {
    const { startUs } = into;
    Object.assign(into, from, { startUs: Math.min(startUs, from.startUs), sketch: from.sketch?.clone() });
    return;
  }
  into.increase += stepOf(into.last, from.first) + from.increase;
  const count = into.count + from.count;
  const delta = from.mean - into.mean;
  into.m2 += from.m2 + delta * delta * ((into.count * from.count) / count);
  into.mean += delta * (from.count / count);
  into.count = count;
  into.min = Math.min(into.min, from.min);
  into.max = Math.max(into.max, from.max);
  if (from.firstUs < into.firstUs) {
    into.firstUs = from.firstUs;
    into.first = from.first;
  }
  if (from.lastUs >= into.lastUs) {
    into.lastUs = from.lastUs;
    into.last = from.last;
  }
  if (into.sketch !== undefined && from.sketch !== undefined) into.sketch.merge(from.sketch);
  else into.sketch = undefined;
}

/** Sample standard deviation (n − 1); null for a single reading. */
export const deviationOf = ({ count, m2 }: Pane): number | null =>
  count < 2 ? null : Math.sqrt(Math.max(0, m2) / (count - 1));

/** Rise of a counter a second, between the first and the last reading; null for what is no counter, and for an instant. */
export const rateOf = ({ increase, firstUs, lastUs }: Pane): number | null =>
  Number.isNaN(increase) || lastUs <= firstUs ? null : (increase * 1e6) / (lastUs - firstUs);

/** A quantile of all readings, between their extremes; null where there is no sketch of all of them. */
export const quantileOf = ({ sketch, min, max }: Pane, q: number): number | null =>
  sketch === undefined ? null : Math.min(max, Math.max(min, sketch.quantile(q)));
