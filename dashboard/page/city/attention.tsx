/** What someone should look at, the worst first: alerts, gateways away, holes, clocks. */
import type { ComponentChildren } from 'preact';
import { subjectName, subjectPath } from '../alerts/subject.ts';
import { linkTo } from '../app/location.ts';
import { useCity } from '../data/city.ts';
import { Age } from '../show/age.tsx';
import { Severity } from '../show/marks.tsx';
import { plural, quantityText } from '../show/quantity.ts';
import { moveBetweenRows } from '../show/rows.ts';
import { duration } from '../show/time.ts';

const maxShown = 12;
const rank = { critical: 0, warning: 1, info: 3 } as const;

interface Matter {
  readonly key: string;
  readonly rank: number;
  readonly href: string;
  readonly mark: ComponentChildren;
  readonly title: string;
  readonly text: ComponentChildren;
}

export function Attention() {
  const alerts = useCity(city => city.alerts);
  const gateways = useCity(city => city.gateways);
  const matters: Matter[] = [
    ...alerts.map(alert => ({
      key: alert.id,
      rank: rank[alert.severity] + (alert.acknowledged === null ? 0 : 4),
      href: subjectPath(alert),
      mark: <Severity severity={alert.severity} />,
      title: alert.message ?? alert.rule,
      text: (
        <>
          {subjectName(alert)}
          {alert.value === null ? '' : ` · ${quantityText(alert.value, alert.unit)}`}
          {alert.raisedAt !== null && (
            <>
              {' '}
              · <Age at={alert.raisedAt} ago />
            </>
          )}
          {alert.acknowledged !== null && ` · acknowledged by ${alert.acknowledged.by}`}
        </>
      ),
    })),
    ...gateways
      .filter(({ state }) => state === 'silent' || state === 'offline')
      .map(({ gateway, state, lastSeen, series }) => ({
        key: `state ${gateway}`,
        rank: 1.5,
        href: linkTo('/gateways', { q: gateway }),
        mark: <Severity severity="warning" word={state === 'silent' ? 'Silent' : 'Offline'} />,
        title: gateway,
        text: (
          <>
            last seen <Age at={lastSeen} ago />, {plural(series, 'series', 'series')}
          </>
        ),
      })),
    ...gateways
      .filter(({ missing, dropped }) => (missing ?? 0) > 0 || (dropped ?? 0) > 0)
      .map(({ gateway, missing, dropped }) => ({
        key: `holes ${gateway}`,
        rank: 2,
        href: linkTo('/gateways', { q: gateway }),
        mark: <Severity severity="warning" word="Holes" />,
        title: gateway,
        text: [
          (missing ?? 0) > 0 ? `${plural(missing!, 'reading')} missing` : '',
          (dropped ?? 0) > 0 ? `${plural(dropped!, 'reading')} given up` : '',
        ]
          .filter(text => text !== '')
          .join(', '),
      })),
    ...gateways
      .filter(({ clock }) => clock === 'unsynced')
      .map(({ gateway, clockOffsetMs }) => ({
        key: `clock ${gateway}`,
        rank: 2.5,
        href: linkTo('/gateways', { q: gateway }),
        mark: <Severity severity="info" word="Clock" />,
        title: gateway,
        text: `not synchronised${clockOffsetMs === null ? '' : `, off by ${duration(Math.abs(clockOffsetMs))}`}; its readings are in no statistic`,
      })),
  ].sort((a, b) => a.rank - b.rank);

  return (
    <section class="panel attention" aria-labelledby="attention-title">
      <div class="panel-head">
        <h2 id="attention-title">Needs attention</h2>
        <span class="quiet">{matters.length === 0 ? '' : matters.length}</span>
      </div>
      {matters.length === 0 ? (
        <p class="all-well">Nothing. All gateways report, nothing is missing, no alert is raised.</p>
      ) : (
        <ul class="matters" onKeyDown={moveBetweenRows}>
          {matters.slice(0, maxShown).map(({ key, href, mark, title, text }) => (
            <li key={key}>
              <a href={href} data-row>
                {mark}
                <span class="matter-title">{title}</span>
                <span class="matter-text quiet">{text}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      {matters.length > maxShown && (
        <p class="panel-foot">
          <a href={linkTo('/alerts')}>All alerts</a> · <a href={linkTo('/gateways')}>all gateways</a>
        </p>
      )}
    </section>
  );
}
