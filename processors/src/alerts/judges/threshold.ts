import { showTime } from '../messages.ts';
import type { Condition } from '../rules.ts';
import type { SeriesUnit } from '../series-unit.ts';
import type { Judge, Kept, Verdict } from './judge.ts';

type Threshold = Extract<Condition, { kind: 'threshold' }>;

/** Beyond while the value is above (below) the level; once raised, until it has come back to `clear`. */
export class ThresholdJudge implements Judge {
  measured = 0;
  historyDirty = false;
  readonly #side: Threshold['side'];
  readonly #level: number;
  readonly #clear: number;
  readonly #unit: SeriesUnit;

  constructor({ side, level, clear }: Threshold, unit: SeriesUnit) {
    this.#side = side;
    this.#level = unit.level(level);
    this.#clear = unit.level(clear);
    this.#unit = unit;
  }

  judge(_timeUs: number, value: number, raised: boolean): Verdict {
    this.measured = value;
    const limit = raised ? this.#clear : this.#level;
    return (this.#side === 'above' ? value > limit : value < limit) ? 'beyond' : 'within';
  }

  raisedPhrase(sinceUs: number): string {
    return `is ${this.#unit.show(this.measured)}, ${this.#side} ${this.#unit.show(this.#level)} since ${showTime(sinceUs)}`;
  }

  clearedPhrase(): string {
    return `is ${this.#unit.show(this.measured)}, no longer ${this.#side} ${this.#unit.show(this.#clear)}`;
  }

  kept(): Kept | undefined {
    return undefined;
  }

  history(): Kept | undefined {
    return undefined;
  }

  restore(): void {}
}
