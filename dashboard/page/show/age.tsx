/** How old a value is, going on by itself. */
import type { Series } from '../../src/answers.ts';
import { useClock } from '../data/clock.ts';
import { duration, fullTime } from './time.ts';

/** `ago`: with the word. The time itself is in the title. */
export function Age({ at, ago = false }: { readonly at: number; readonly ago?: boolean }) {
  const text = useClock(now => duration(now - at));
  return (
    <time class="age" dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {ago ? `${text} ago` : text}
    </time>
  );
}

export const isStale = ({ at, staleAfterMs }: Pick<Series, 'at' | 'staleAfterMs'>, now: number): boolean =>
  now - at > staleAfterMs;

export function useStale(series: Pick<Series, 'at' | 'staleAfterMs'> | undefined): boolean {
  return useClock(now => series !== undefined && isStale(series, now));
}

/** Age of a series' newest value, marked when it is stale. */
export function ValueAge({ series, ago = false }: { readonly series: Series; readonly ago?: boolean }) {
  const stale = useStale(series);
  return (
    <span class={stale ? 'value-age stale' : 'value-age'}>
      {stale && <span class="tag stale-tag">stale</span>}
      <Age at={series.at} ago={ago} />
    </span>
  );
}
