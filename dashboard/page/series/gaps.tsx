/** Where readings are missing, and whose silence it was. */
import type { Gap } from '../../src/answers.ts';
import { chooseSpan } from '../chart/span-picker.tsx';
import { serverNow } from '../data/clock.ts';
import { plural } from '../show/quantity.ts';
import { fixedSpan } from '../show/span.ts';
import { clockTime, duration } from '../show/time.ts';

const maxShown = 12;

export interface GapsProps {
  readonly gaps: readonly Gap[];
  readonly truncated: boolean;
  readonly atLeastMs: number;
}

export function Gaps({ gaps, truncated, atLeastMs }: GapsProps) {
  const now = serverNow();
  if (gaps.length === 0) return <p class="all-well">None of {duration(atLeastMs)} or more.</p>;
  const newest = [...gaps].sort((a, b) => b.from - a.from);
  return (
    <>
      <ul class="gaps">
        {newest.slice(0, maxShown).map(({ from, to, missing, silent, open }) => (
          <li key={from}>
            <button
              type="button"
              class="plain-button"
              onClick={() => chooseSpan(fixedSpan(from - (to - from), to + (to - from)))}
            >
              {clockTime(from, now, { seconds: false })},{' '}
              {open ? `for ${duration(to - from)} and going on` : duration(to - from)}
            </button>
            <span class="quiet">
              {missing === null ? '' : `${plural(missing, 'reading')} missing · `}
              {silent === 'gateway' ? 'the whole gateway was silent' : 'the sensor alone was silent'}
            </span>
          </li>
        ))}
      </ul>
      {(gaps.length > maxShown || truncated) && (
        <p class="quiet">
          The newest {maxShown} of {gaps.length}
          {truncated ? ' and more' : ''}; a shorter time shows them all.
        </p>
      )}
    </>
  );
}
