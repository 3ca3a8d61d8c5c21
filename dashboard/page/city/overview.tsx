/** Four numbers of the whole city. */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { linkTo } from '../app/location.ts';
import { useCity } from '../data/city.ts';
import { useClock } from '../data/clock.ts';
import { isStale } from '../show/age.tsx';
import { completenessTitle, sumCompleteness } from '../show/completeness.tsx';
import { percent, plural, whole } from '../show/quantity.ts';

export function Overview() {
  const gateways = useCity(city => city.gateways);
  const series = useCity(city => city.series);
  const alerts = useCity(city => city.alerts);
  const truncated = useCity(city => city.truncated);
  const stale = useClock(now => series.filter(one => isStale(one, now)).length);
  const total = useMemo(() => sumCompleteness(series.map(one => one.completeness)), [series]);
  const online = gateways.filter(({ state }) => state === 'online').length;
  const worst = alerts.some(({ severity }) => severity === 'critical');
  const open = alerts.filter(({ acknowledged }) => acknowledged === null).length;
  return (
    <ul class="overview">
      <Tile href={linkTo('/gateways')} name="Gateways online" tone={online === gateways.length ? 'good' : 'warn'}>
        <Figure value={whole(online)} of={`of ${whole(gateways.length)}`} />
        <p>
          {online === gateways.length
            ? 'all report'
            : plural(gateways.length - online, 'does not', 'do not') + ' report'}
        </p>
      </Tile>
      <Tile
        href={linkTo('/series', stale > 0 ? { stale: 1 } : {})}
        name="Series fresh"
        tone={stale === 0 ? 'good' : 'warn'}
      >
        <Figure value={whole(series.length - stale)} of={`of ${whole(series.length)}${truncated ? '+' : ''}`} />
        <p>{stale === 0 ? 'none is stale' : `${plural(stale, 'is', 'are')} stale`}</p>
      </Tile>
      <Tile
        href={linkTo('/completeness')}
        name="Complete, last full hour"
        tone={total === null ? 'plain' : total.ratio >= 0.99 ? 'good' : 'warn'}
      >
        {total === null ? (
          <Figure value="–" of="" />
        ) : (
          <Figure value={percent(Math.min(1, total.ratio))} of="" title={completenessTitle(total)} />
        )}
        <p>
          {total === null ? 'no cadence is known yet' : `${whole(total.count)} of ${whole(total.expected)} readings`}
        </p>
      </Tile>
      <Tile href={linkTo('/alerts')} name="Alerts raised" tone={alerts.length === 0 ? 'good' : worst ? 'bad' : 'warn'}>
        <Figure value={whole(alerts.length)} of="" />
        <p>
          {alerts.length === 0
            ? 'nothing is wrong'
            : open === 0
              ? 'all acknowledged'
              : `${whole(open)} not acknowledged`}
        </p>
      </Tile>
    </ul>
  );
}

interface TileProps {
  readonly href: string;
  readonly name: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
  readonly children: ComponentChildren;
}

function Tile({ href, name, tone, children }: TileProps) {
  return (
    <li class={`tile ${tone}`}>
      <a href={href}>
        <h2>{name}</h2>
        {children}
      </a>
    </li>
  );
}

function Figure({ value, of, title }: { readonly value: string; readonly of: string; readonly title?: string }) {
  return (
    <p class="figure" {...(title === undefined ? {} : { title })}>
      <strong>{value}</strong> {of}
    </p>
  );
}
