/** Says when nothing new comes, since when, and that what is shown is from before. */
import { useCity } from '../data/city.ts';
import { serverNow } from '../data/clock.ts';
import { Age } from '../show/age.tsx';
import { clockTime } from '../show/time.ts';

export function Notice() {
  const state = useCity(city => city.state);
  const loaded = useCity(city => city.loaded);
  const outage = state.kind === 'outage' || state.kind === 'lost' ? state : undefined;
  return (
    <>
      {/* Always there, so that a screen reader notices what comes into it; the running age stands outside. */}
      <p class="visually-hidden" role="status">
        {outage === undefined ? '' : `Not live: ${outage.message}`}
      </p>
      {outage !== undefined && (
        <div class="notice">
          <strong>Not live</strong> since {clockTime(outage.since, serverNow())} (<Age at={outage.since} />
          ). {outage.message} {loaded ? 'What you see is from before.' : 'There is nothing to show yet.'} The page goes
          on by itself as soon as it can.
        </div>
      )}
    </>
  );
}
