import { showDuration } from '../durations.ts';
import { showTime } from '../messages.ts';
import type { Condition } from '../rules.ts';
import type { SeriesUnit } from '../series-unit.ts';
import type { Judge, Kept, Verdict } from './judge.ts';

type Rate = Extract<Condition, { kind: 'rate' }>;
type Sample = readonly [timeUs: number, value: number];

/** So many readings are kept of the stretch, one each part of it: the stretch is met to a sixteenth. */
const samplesKept = 16;

/**
 * The rate of change between the newest reading and the last kept one at least `over` before it, divided by the time that
 * really lies between the two. Where there is none, the oldest within `over` will do from half of it on; over more than
 * twice of it, after a gap, nothing is judged.
 */
export class RateJudge implements Judge {
  measured = 0;
  historyDirty = false;
  readonly #rate: Rate;
  readonly #level: number;
  readonly #clear: number;
  readonly #unit: SeriesUnit;
  #samples: Sample[] = [];
  #elapsedUs = 0;

  constructor(rate: Rate, unit: SeriesUnit) {
    this.#rate = rate;
    this.#level = unit.difference(rate.level);
    this.#clear = unit.difference(rate.clear);
    this.#unit = unit;
  }

  judge(timeUs: number, value: number, raised: boolean): Verdict {
    const { overUs, perUs, direction } = this.#rate;
    const [reference, referenceValue] = this.#reference(timeUs) ?? [timeUs, value];
    this.#keep(timeUs, value);
    this.#elapsedUs = timeUs - reference;
    if (this.#elapsedUs < overUs / 2) return 'unknown';
    this.measured = finite(((value - referenceValue) / this.#elapsedUs) * perUs);
    const amount =
      direction === 'changes' ? Math.abs(this.measured) : direction === 'rises' ? this.measured : -this.measured;
    return amount > (raised ? this.#clear : this.#level) ? 'beyond' : 'within';
  }

  raisedPhrase(sinceUs: number): string {
    return `${this.#moves()}, faster than ${this.#per(this.#level)} since ${showTime(sinceUs)}`;
  }

  clearedPhrase(): string {
    return `${this.#moves()}, no longer faster than ${this.#per(this.#clear)}`;
  }

  kept(): Kept | undefined {
    return undefined;
  }

  history(): Kept | undefined {
    return this.#samples.length === 0 ? undefined : [this.#rate.overUs, this.#samples];
  }

  restore(_kept: Kept | undefined, history: Kept | undefined): void {
    // Kept for another stretch, they lie too far apart or too close.
    if (history?.[0] === this.#rate.overUs) this.#samples = [...(history[1] as Sample[])];
  }

  #reference(timeUs: number): Sample | undefined {
    const { overUs } = this.#rate;
    const samples = this.#samples;
    while (
      (samples.length > 1 && samples[1]![0] <= timeUs - overUs) ||
      (samples.length > 0 && samples[0]![0] < timeUs - 2 * overUs)
    )
      samples.shift(); // No change to be written: whoever takes them back drops it again.
    return samples[0];
  }

  #keep(timeUs: number, value: number): void {
    const slotUs = this.#rate.overUs / samplesKept;
    const last = this.#samples.at(-1);
    if (last !== undefined && Math.floor(last[0] / slotUs) === Math.floor(timeUs / slotUs)) return;
    this.#samples.push([timeUs, value]);
    this.historyDirty = true;
  }

  #moves(): string {
    const verb = this.measured < 0 ? 'falls' : 'rises';
    return `${verb} by ${this.#per(Math.abs(this.measured), 4)} (over the last ${showDuration(this.#elapsedUs)})`;
  }

  #per(rate: number, digits?: number): string {
    return `${this.#unit.show(rate, digits)} in ${showDuration(this.#rate.perUs)}`;
  }
}

const finite = (value: number): number =>
  Number.isFinite(value) ? value : value < 0 ? -Number.MAX_VALUE : Number.MAX_VALUE;
