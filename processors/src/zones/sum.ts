/** Statistics of several sensors over one window, from their panes or from the sums of others. */
import type { Pane } from '../pane.ts';
import { Sketch } from '../sketch.ts';

/** What a zone needs of a sensor's pane. */
export type SensorPane = Pick<Pane, 'count' | 'mean' | 'min' | 'max' | 'sketch'>;

type Summand = Pick<ZoneSum, 'sensors' | 'count' | 'mean' | 'meanOfMeans' | 'min' | 'max' | 'sketch'>;

/** Of no sensor at first. What is added in another order gives the same but for the last bits of the means. */
export class ZoneSum {
  /** With at least one reading. */
  sensors = 0;
  count = 0;
  /** Of all readings. */
  mean = 0;
  /** Of the sensors' means, each sensor alike. */
  meanOfMeans = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  #sketch: Sketch | undefined = new Sketch();
  #packed: Uint8Array | undefined;

  /** Of all readings; undefined: not of all of them, and so of no use. */
  get sketch(): Sketch | undefined {
    if (this.#packed !== undefined) this.#sketch = Sketch.decode(this.#packed);
    this.#packed = undefined;
    return this.#sketch;
  }

  set sketch(sketch: Sketch | undefined) {
    this.#sketch = sketch;
    this.#packed = undefined;
  }

  addSensor({ count, mean, min, max, sketch }: SensorPane): void {
    this.add({ sensors: 1, count, mean, meanOfMeans: mean, min, max, sketch });
  }

  add(other: Summand): void {
    if (other.count === 0) return;
    this.sensors += other.sensors;
    this.count += other.count;
    this.mean = between(this.mean, other.mean, other.count / this.count);
    this.meanOfMeans = between(this.meanOfMeans, other.meanOfMeans, other.sensors / this.sensors);
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    if (other.sketch === undefined) this.sketch = undefined;
    else this.sketch?.merge(other.sketch);
  }

  /** @returns within 1 % of the value at the rank, between the extremes; null when not computed. */
  quantile(q: number): number | null {
    if (this.count === 0 || this.sketch === undefined) return null;
    return Math.min(this.max, Math.max(this.min, this.sketch.quantile(q)));
  }

  /** Takes a fifth of the memory until it is used again. */
  pack(): void {
    this.#packed ??= this.#sketch?.encode();
    this.#sketch = undefined;
  }
}

/** Two parts by their share, after Chan, Golub, LeVeque; not by a difference or a sum, which overflow near the largest double. */
const between = (a: number, b: number, share: number): number =>
  share === 1 ? b : a === b ? a : a * (1 - share) + b * share;
