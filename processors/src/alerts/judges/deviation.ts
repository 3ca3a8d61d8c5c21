import { showDuration } from '../durations.ts';
import type { Condition } from '../rules.ts';
import type { SeriesUnit } from '../series-unit.ts';
import { Baseline } from './baseline.ts';
import type { Judge, Kept, Verdict } from './judge.ts';

type Deviation = Extract<Condition, { kind: 'deviation' }>;

/**
 * How many standard deviations a reading lies from the mean of those before it. Readings that deviate do not enter the
 * baseline, which waits for them as it was: it would follow them, and the alert end itself within minutes. A deviation
 * that has lasted as long as the baseline is the new baseline.
 */
export class DeviationJudge implements Judge {
  measured = 0;
  readonly #deviation: Deviation;
  readonly #atLeast: number;
  readonly #unit: SeriesUnit;
  readonly #baseline: Baseline;
  /** Since when readings have deviated. */
  #excessSinceUs: number | undefined;
  /** Of the last judgement, for the sentence. */
  #mean = 0;
  #sd = 0;
  #settled = false;

  constructor(deviation: Deviation, unit: SeriesUnit) {
    this.#deviation = deviation;
    this.#atLeast = unit.difference(deviation.atLeast);
    this.#unit = unit;
    this.#baseline = new Baseline(deviation.overUs);
  }

  judge(timeUs: number, value: number, raised: boolean): Verdict {
    const { level, clear, overUs, readings } = this.#deviation;
    this.measured = value;
    this.#settled = false;
    this.#baseline.advance(this.#excessSinceUs ?? timeUs);
    const { count, mean, m2 } = this.#baseline.moments();
    this.#mean = mean;
    this.#sd = count < 2 ? 0 : Math.sqrt(m2 / (count - 1));
    const limit = raised
      ? Math.max(clear * this.#sd, (this.#atLeast * clear) / level)
      : Math.max(level * this.#sd, this.#atLeast);
    // One that has never moved does not say how far is far.
    const judged = count >= readings && limit > 0;
    if (judged && Math.abs(value - mean) > limit) {
      this.#excessSinceUs ??= timeUs;
      if (timeUs - this.#excessSinceUs < overUs) return 'beyond';
      this.#settled = true;
      this.#baseline.clear();
    }
    this.#excessSinceUs = undefined;
    this.#baseline.add(timeUs, value);
    return judged || raised ? 'within' : 'unknown';
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
    return this.#settled
      ? `${is}, and after ${showDuration(this.#deviation.overUs)} of it that is its new baseline`
      : `${is}, back near its mean of ${this.#unit.show(this.#mean, 4)}`;
  }

  get historyDirty(): boolean {
    return this.#baseline.dirty;
  }

  set historyDirty(dirty: boolean) {
    this.#baseline.dirty = dirty;
  }

  kept(): Kept | undefined {
    const open = this.#baseline.open();
    return open === undefined ? undefined : [this.#excessSinceUs ?? null, open];
  }

  history(): Kept | undefined {
    const closed = this.#baseline.closed();
    return closed.length === 0 ? undefined : [this.#deviation.overUs, closed];
  }

  restore(kept: Kept | undefined, history: Kept | undefined): void {
    // Baselines of another length are divided otherwise.
    const same = history === undefined || history[0] === this.#deviation.overUs;
    if (kept === undefined || !same) return;
    this.#excessSinceUs = (kept[0] as number | null) ?? undefined;
    this.#baseline.restore(kept[1] as never, (history?.[1] ?? []) as never);
  }
}
