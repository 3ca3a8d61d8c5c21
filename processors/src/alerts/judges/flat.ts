import { showDuration } from '../durations.ts';
import { showTime } from '../messages.ts';
import type { Condition } from '../rules.ts';
import type { SeriesUnit } from '../series-unit.ts';
import type { Judge, Kept, Verdict } from './judge.ts';

type Flat = Extract<Condition, { kind: 'flat' }>;

/**
 * Follows the run of readings that differ by no more than the tolerance, lowest from highest. A reading that differs more
 * from one of them begins the next run.
 */
export class FlatJudge implements Judge {
  measured = 0;
  historyDirty = false;
  readonly #flat: Flat;
  readonly #tolerance: number;
  readonly #unit: SeriesUnit;
  #fromUs = 0;
  #toUs = 0;
  #min = 0;
  #max = 0;
  #count = 0;

  constructor(flat: Flat, unit: SeriesUnit) {
    this.#flat = flat;
    this.#tolerance = unit.difference(flat.tolerance);
    this.#unit = unit;
  }

  judge(timeUs: number, value: number): Verdict {
    const min = Math.min(this.#min, value);
    const max = Math.max(this.#max, value);
    // 20.1 − 20 is a little more than 0.1 in doubles.
    const rounding = 2 * Number.EPSILON * Math.max(Math.abs(min), Math.abs(max));
    if (this.#count === 0 || max - min > this.#tolerance + rounding) {
      this.#fromUs = timeUs;
      this.#min = this.#max = value;
      this.#count = 0;
    } else {
      this.#min = min;
      this.#max = max;
    }
    this.#count++;
    this.#toUs = timeUs;
    this.measured = value;
    if (this.#count === 1) return 'within';
    return timeUs - this.#fromUs >= this.#flat.lastsUs && this.#count >= this.#flat.readings ? 'beyond' : 'unknown';
  }

  raisedPhrase(): string {
    const by = this.#tolerance === 0 ? '' : ` by more than ${this.#unit.show(this.#tolerance)}`;
    const lasts = showDuration(this.#toUs - this.#fromUs);
    return `is ${this.#unit.show(this.measured)} and has not changed${by} since ${showTime(this.#fromUs)}: ${this.#count} readings in ${lasts}`;
  }

  clearedPhrase(): string {
    return `is ${this.#unit.show(this.measured)}: it moves again`;
  }

  kept(): Kept | undefined {
    return this.#count === 0 ? undefined : [this.#fromUs, this.#min, this.#max, this.#count];
  }

  history(): Kept | undefined {
    return undefined;
  }

  restore(kept: Kept | undefined): void {
    if (kept === undefined) return;
    [this.#fromUs, this.#min, this.#max, this.#count] = kept as [number, number, number, number];
  }
}
