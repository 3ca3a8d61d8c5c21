/** A condition of a rule on the readings of one series. */
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { Rule } from '../rules.ts';
import type { SeriesUnit } from '../series-unit.ts';
import { DeviationJudge } from './deviation.ts';
import { FlatJudge } from './flat.ts';
import { RateJudge } from './rate.ts';
import { ThresholdJudge } from './threshold.ts';

/** `unknown`: there is not enough to judge by; what is raised stays raised. */
export type Verdict = 'beyond' | 'within' | 'unknown';

/** What a judge goes by, as its state keeps it: JSON, all numbers finite. */
export type Kept = readonly unknown[];

export interface Judge {
  /**
   * Takes the next reading, not older than the one before.
   * @param raised whether there is an alert already: then the level that clears it decides (hysteresis).
   */
  judge(timeUs: number, value: number, raised: boolean): Verdict;
  /** What the last judgement compared, finite: the alert's value. */
  readonly measured: number;
  /** Of the last judgement, after the series' name: `is 82 °C, above 80 °C since …`. */
  raisedPhrase(sinceUs: number): string;
  /** `is 74 °C, no longer above 75 °C` */
  clearedPhrase(): string;
  /** What changes with most readings; undefined: as at the beginning. */
  kept(): Kept | undefined;
  /** What changes seldom and is larger; undefined: none. */
  history(): Kept | undefined;
  /** The history changed since this was last set to false. */
  historyDirty: boolean;
  /** Takes both back, before the first reading. */
  restore(kept: Kept | undefined, history: Kept | undefined): void;
}

export function judgeOf({ condition }: Rule, unit: SeriesUnit): Judge {
  switch (condition.kind) {
    case 'threshold':
      return new ThresholdJudge(condition, unit);
    case 'rate':
      return new RateJudge(condition, unit);
    case 'flat':
      return new FlatJudge(condition, unit);
    case 'deviation':
      return new DeviationJudge(condition, unit);
    case 'silence':
      throw new InvariantError('silence is not judged by readings');
  }
}
