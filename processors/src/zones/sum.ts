/** Statistics of several sensors over one window, from their panes or from the sums of others. */
import type { Pane } from '../pane.ts';
import { Sketch } from '../sketch.ts';
import { ExactSum } from './exact-sum.ts';

/** What a zone needs of a sensor's pane. */
export type SensorPane = Pick<Pane, 'count' | 'mean' | 'min' | 'max' | 'sketch'>;

/** A sensor, a part, or the like. */
type Summand = Pick<ZoneSum, 'sensors' | 'count' | 'mean' | 'meanOfMeans' | 'min' | 'max' | 'sketch'>;

/** Sums are kept this much smaller: values near the largest double must not overflow them. */
const scale = 2 ** -53;

/** Of no sensor at first. In whatever order its summands are added: it is the same to the last bit. */
export class ZoneSum {
  /** With at least one reading. */
  sensors = 0;
  count = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** Of all readings, and of the sensors' means; scaled. */
  readings = new ExactSum();
  means = new ExactSum();
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

  /** Of all readings. */
  get mean(): number {
    return this.#between(this.readings.value / this.count / scale);
  }

  /** Of the sensors' means, each sensor alike. */
  get meanOfMeans(): number {
    return this.#between(this.means.value / this.sensors / scale);
  }

  addSensor({ count, mean, min, max, sketch }: SensorPane): void {
    this.add({ sensors: 1, count, mean, meanOfMeans: mean, min, max, sketch });
  }

  add({ sensors, count, mean, meanOfMeans, min, max, sketch }: Summand): void {
    if (count === 0) return;
    this.readings.add(mean * scale * count);
    this.means.add(meanOfMeans * scale * sensors);
    this.#addRest(sensors, count, min, max, sketch);
  }

  merge(other: ZoneSum): void {
    if (other.count === 0) return;
    this.readings.merge(other.readings);
    this.means.merge(other.means);
    this.#addRest(other.sensors, other.count, other.min, other.max, other.sketch);
  }

  /** @returns within 1 % of the value at the rank, between the extremes; null when not computed. */
  quantile(q: number): number | null {
    if (this.count === 0 || this.sketch === undefined) return null;
    return this.#between(this.sketch.quantile(q));
  }

  /** Takes a fifth of the memory until it is used again. */
  pack(): void {
    this.#packed ??= this.#sketch?.encode();
    this.#sketch = undefined;
  }

  #addRest(sensors: number, count: number, min: number, max: number, sketch: Sketch | undefined): void {
    this.sensors += sensors;
    this.count += count;
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
    if (sketch === undefined) this.sketch = undefined;
    else this.sketch?.merge(sketch);
  }

  /** What rounding puts outside of the extremes. 0 without readings. */
  #between(value: number): number {
    return this.count === 0 ? 0 : Math.min(this.max, Math.max(this.min, value));
  }
}
