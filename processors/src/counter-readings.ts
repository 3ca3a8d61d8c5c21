/** The readings of a counter in one pane that still takes some, in event time: only from all of them is its rise exact. */
import type { ByteReader, ByteWriter } from './bytes.ts';
import { stepOf } from './pane.ts';

/**
 * Of more readings the older half is summed up and given up, so that a counter that is read all the time cannot fill the
 * memory. One that then arrives from among those counts in every statistic but the rate.
 */
const maxReadings = 512;

export class CounterReadings {
  readonly #timesUs: number[] = [];
  readonly #values: number[] = [];
  /** Rise up to the first one that is kept. */
  #before = 0;
  #folded = false;
  /** Rise from the first to the last. */
  #increase = 0;

  /** @returns the rise from the earliest reading to the latest. */
  add(timeUs: number, value: number): number {
    const [times, values] = [this.#timesUs, this.#values];
    const last = times.length - 1;
    if (last < 0 || timeUs >= times[last]!) {
      if (last >= 0) this.#increase += stepOf(values[last]!, value);
      times.push(timeUs);
      values.push(value);
    } else if (!this.#folded || timeUs >= times[0]!) {
      // Behind those of the same time: ties are by arrival.
      const at = times.findLastIndex(time => time <= timeUs) + 1;
      times.splice(at, 0, timeUs);
      values.splice(at, 0, value);
      this.#sumUp();
    }
    if (times.length > maxReadings) this.#fold();
    return this.#before + this.#increase;
  }

  write(to: ByteWriter, startUs: number): void {
    to.whole(this.#timesUs.length);
    to.byte(this.#folded ? 1 : 0);
    if (this.#folded) to.decimal(this.#before);
    let beforeUs = startUs;
    for (const [i, timeUs] of this.#timesUs.entries()) {
      to.whole(timeUs - beforeUs);
      to.decimal(this.#values[i]!);
      beforeUs = timeUs;
    }
  }

  static read(from: ByteReader, startUs: number): CounterReadings {
    const one = new CounterReadings();
    const length = from.whole();
    one.#folded = from.byte() === 1;
    if (one.#folded) one.#before = from.decimal();
    let timeUs = startUs;
    for (let i = 0; i < length; i++) {
      timeUs += from.whole();
      one.#timesUs.push(timeUs);
      one.#values.push(from.decimal());
    }
    one.#sumUp();
    return one;
  }

  /** From the left, as they would have come in order: the same sum to the last bit. */
  #sumUp(): void {
    this.#increase = 0;
    for (let i = 1; i < this.#values.length; i++) this.#increase += stepOf(this.#values[i - 1]!, this.#values[i]!);
  }

  #fold(): void {
    const half = this.#values.length >>> 1;
    for (let i = 1; i <= half; i++) this.#before += stepOf(this.#values[i - 1]!, this.#values[i]!);
    this.#timesUs.splice(0, half);
    this.#values.splice(0, half);
    this.#folded = true;
    this.#sumUp();
  }
}
