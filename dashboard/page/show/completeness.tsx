/** How much of what was to come has come: beside every number. */
import type { Completeness } from '../../src/answers.ts';
import { serverNow } from '../data/clock.ts';
import { percent, whole } from './quantity.ts';
import { clockTime } from './time.ts';

/** Classes of completeness; the limits are those of the calendar's legend. */
export function completenessClass(ratio: number | null): 'full' | 'high' | 'middle' | 'low' | 'none' | 'unknown' {
  if (ratio === null) return 'unknown';
  if (ratio >= 1) return 'full';
  if (ratio >= 0.99) return 'high';
  if (ratio >= 0.9) return 'middle';
  return ratio > 0 ? 'low' : 'none';
}

/** More than were to come can come: a sensor may be a little fast, and the ends of a span cut a reading off. */
export const countText = ({ count, expected }: Pick<Completeness, 'count' | 'expected'>): string =>
  count > expected
    ? `${whole(count)} readings, ${whole(expected)} were to come`
    : `${whole(count)} of ${whole(expected)} readings`;

export function completenessTitle({ from, to, count, expected }: Completeness): string {
  const now = serverNow();
  const span = [from, to].map(at => clockTime(at, now, { seconds: false })).join(' to ');
  return `${countText({ count, expected })}, ${span}`;
}

/** A bar and a number; `null`: nobody knows how many were to come. */
export function CompletenessMark({
  of,
  label = false,
}: {
  readonly of: Completeness | null | undefined;
  /** Says the word as well, where no column head does. */
  readonly label?: boolean;
}) {
  if (of === null || of === undefined || of.expected === 0)
    return (
      <span
        class="completeness unknown"
        title="The cadence is unknown, so nobody can say how many readings were to come"
      >
        {label ? 'completeness unknown' : '–'}
        {!label && <span class="visually-hidden">completeness unknown</span>}
      </span>
    );
  return (
    <span class={`completeness ${completenessClass(of.ratio)}`} title={completenessTitle(of)}>
      <svg class="bar" viewBox="0 0 32 6" aria-hidden="true" focusable="false">
        <rect class="bar-ground" width="32" height="6" rx="1" />
        <rect class="bar-part" width={Math.max(0, Math.min(1, of.ratio)) * 32} height="6" rx="1" />
      </svg>
      <span class="completeness-text">
        {percent(Math.min(1, of.ratio))}
        {label ? ' complete' : <span class="visually-hidden"> complete</span>}
      </span>
    </span>
  );
}

export function sumCompleteness(parts: readonly (Completeness | null)[]): Completeness | null {
  const known = parts.filter(part => part !== null && part.expected > 0) as Completeness[];
  if (known.length === 0) return null;
  const count = known.reduce((sum, part) => sum + part.count, 0);
  const expected = known.reduce((sum, part) => sum + part.expected, 0);
  return {
    from: known.reduce((least, part) => Math.min(least, part.from), Number.POSITIVE_INFINITY),
    to: known.reduce((most, part) => Math.max(most, part.to), 0),
    count,
    expected,
    ratio: count / expected,
  };
}
