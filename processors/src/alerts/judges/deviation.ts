import { showDuration } from '../durations.ts';
import type { Condition } from '../rules.ts';
import type { SeriesUnit } from '../series-unit.ts';
import { Baseline } from './baseline.ts';
import type { Judge, Kept, Verdict } from './judge.ts';

type Deviation = Extract<Condition, { kind: 'deviation' }>;

/** At less than this the spread of ordinary readings would shrink itself away. */
const clipped = 2;

/**
 * How many standard deviations a reading lies from the mean of those before it.
 *
 * A reading far off enters the baseline only as far as `clipped` standard deviations (winsorizing: Dixon, Annals of
 * Mathematical Statistics 31, 1960). Were it to enter as it is, a fault would hide itself behind its own spread within
 * minutes; were it kept out, a series that has changed for good would deviate for ever. So the baseline follows slowly: for
 * `deviates: 4` a step by 5, 10, 30 standard deviations stays raised for 0.3, 0.8, 1.7 times the baseline's length
 * (simulated, normal noise, 60 readings).
 */
export class DeviationJudge implements Judge {
  measured = 0;
  readonly #deviation: Deviation;
  readonly #atLeast: number;
  readonly #unit: SeriesUnit;
  readonly #baseline: Baseline;
  /** Of the last judgement, for the sentence. */
  #mean = 0;
  #sd = 0;
  #judged = false;

  constructor(deviation: Deviation, unit: SeriesUnit) {
    this.#deviation = deviation;
    this.#atLeast = unit.difference(deviation.atLeast);
    this.#unit = unit;
    this.#baseline = new Baseline(deviation.overUs);
  }

  judge(timeUs: number, value: number, raised: boolean): Verdict {
    const { level, clear, readings } = this.#deviation;
    this.measured = value;
    this.#baseline.advance(timeUs);
    const { count, mean, m2 } = this.#baseline.moments();
    this.#mean = mean;
    this.#sd = count < 2 ? 0 : Math.sqrt(m2 / (count - 1));
    const unit = Math.max(this.#sd, this.#atLeast / level);
    const limit = (raised ? clear : level) * unit;
    // One that has never moved does not say how far is far.
    this.#judged = count >= readings && limit > 0;
    const distance = value - mean;
    const most = Math.max(clipped, level / 2) * unit;
    this.#baseline.add(this.#judged && Math.abs(distance) > most ? mean + Math.sign(distance) * most : value);
    if (!this.#judged) return raised ? 'within' : 'unknown';
    return Math.abs(distance) > limit ? 'beyond' : 'within';
  }

  raisedPhrase(): string {
    const distance = Math.abs(this.measured - this.#mean);
    const [mean, sd] = [this.#mean, this.#sd].map(value => this.#unit.show(value, 4));
    const far =
      this.#sd === 0
        ? this.#unit.show(distance)
        : `${Number((distance / this.#sd).toPrecision(3))} standard deviations`;
    return `is ${this.#unit.show(this.measured)}, ${far} from its mean of ${mean} (the last ${showDuration(this.#deviation.overUs)}, standard deviation ${sd})`;
  }

  clearedPhrase(): string {
    const is = `is ${this.#unit.show(this.measured)}`;
    return this.#judged
      ? `${is}, back near its mean of ${this.#unit.show(this.#mean, 4)}`
      : `${is}, and there are too few readings to compare it with`;
  }

  get historyDirty(): boolean {
    return this.#baseline.dirty;
  }

  set historyDirty(dirty: boolean) {
    this.#baseline.dirty = dirty;
  }

  kept(): Kept | undefined {
    const open = this.#baseline.open();
    return open === undefined ? undefined : [open];
  }

  history(): Kept | undefined {
    const closed = this.#baseline.closed();
    return closed.length === 0 ? undefined : [this.#deviation.overUs, closed];
  }

  restore(kept: Kept | undefined, history: Kept | undefined): void {
    // Baselines of another length are divided otherwise.
    const same = history === undefined || history[0] === this.#deviation.overUs;
    if (kept === undefined || !same) return;
    this.#baseline.restore(kept[0] as never, (history?.[1] ?? []) as never);
  }
}
