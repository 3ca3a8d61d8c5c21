/** The fleet: who reports, how much waits in each outbox, whose clock is wrong, where readings are missing. */
import { useMemo } from 'preact/hooks';
import type { Gateway } from '../../src/answers.ts';
import { linkTo, setQuery, usePlace } from '../app/location.ts';
import { useCity } from '../data/city.ts';
import { serverNow } from '../data/clock.ts';
import { Age } from '../show/age.tsx';
import { Empty, Skeleton, Welcome } from '../show/blank.tsx';
import { CompletenessMark, sumCompleteness } from '../show/completeness.tsx';
import { Choice, SearchField } from '../show/filters.tsx';
import { GatewayState } from '../show/marks.tsx';
import { quantityText, whole } from '../show/quantity.ts';
import { moveBetweenRows } from '../show/rows.ts';
import { clockTime, duration } from '../show/time.ts';
import './gateways.css';

const stateRank = { offline: 0, silent: 1, unknown: 2, online: 3 } as const;
const states = ['online', 'silent', 'offline', 'unknown'] as const;
const holesOf = ({ missing, dropped }: Gateway): number => (missing ?? 0) + (dropped ?? 0);

/** What the columns are sorted by; the worst first. */
const orders: Readonly<Record<string, (a: Gateway, b: Gateway) => number>> = {
  name: () => 0,
  state: (a, b) => stateRank[a.state] - stateRank[b.state],
  seen: (a, b) => a.lastSeen - b.lastSeen,
  outbox: (a, b) => (b.outboxReadings ?? -1) - (a.outboxReadings ?? -1),
  holes: (a, b) => holesOf(b) - holesOf(a),
  clock: (a, b) => Math.abs(b.clockOffsetMs ?? 0) - Math.abs(a.clockOffsetMs ?? 0),
  stale: (a, b) => b.staleSeries - a.staleSeries,
};

export function GatewaysPage() {
  const { query } = usePlace();
  const gateways = useCity(city => city.gateways);
  const series = useCity(city => city.series);
  const loaded = useCity(city => city.loaded);
  const [search, state, site, sort] = ['q', 'state', 'site', 'sort'].map(name => query.get(name) ?? '') as [
    string,
    string,
    string,
    string,
  ];
  const order = sort in orders ? sort : 'state';
  const shown = useMemo(() => {
    const text = search.toLowerCase();
    return gateways
      .filter(
        one =>
          (state === '' || one.state === state) &&
          (site === '' || one.site === site) &&
          `${one.gateway} ${one.site} ${one.version} ${one.clock}`.toLowerCase().includes(text),
      )
      .sort((a, b) => orders[order]!(a, b) || (a.gateway < b.gateway ? -1 : 1));
  }, [gateways, search, state, site, order]);
  const completeness = useMemo(() => {
    const by = Map.groupBy(series, one => one.gateway);
    return new Map([...by].map(([gateway, own]) => [gateway, sumCompleteness(own.map(one => one.completeness))]));
  }, [series]);
  const sites = [...new Set(gateways.map(one => one.site).filter(one => one !== null))].sort();

  if (!loaded) return <Skeleton rows={12} label="gateways" />;
  if (gateways.length === 0) return <Welcome />;
  const head = (key: string, name: string, right = true) => (
    <th scope="col" class={right ? 'right' : ''} aria-sort={order === key ? 'descending' : 'none'}>
      <button type="button" class="sort" onClick={() => setQuery({ sort: key === 'state' ? undefined : key })}>
        {name}
      </button>
    </th>
  );
  return (
    <section class="panel" aria-labelledby="gateways-title">
      <div class="panel-head">
        <h1 id="gateways-title">Gateways</h1>
        <span class="quiet" role="status">
          {shown.length === gateways.length
            ? whole(gateways.length)
            : `${whole(shown.length)} of ${whole(gateways.length)}`}
        </span>
      </div>
      <div class="filters">
        <div class="segments" role="group" aria-label="State">
          <button type="button" aria-pressed={state === ''} onClick={() => setQuery({ state: undefined })}>
            all
          </button>
          {states.map(one => (
            <button key={one} type="button" aria-pressed={state === one} onClick={() => setQuery({ state: one })}>
              {one} {whole(gateways.filter(gateway => gateway.state === one).length)}
            </button>
          ))}
        </div>
        {sites.length > 1 && <Choice name="site" label="Site" value={site} options={sites} />}
        <SearchField value={search} placeholder="Name, site, version …" />
      </div>
      {shown.length === 0 ? (
        <Empty title="No gateway matches">
          <button type="button" class="button" onClick={() => setQuery({ q: '', state: '', site: '' })}>
            Show all gateways
          </button>
        </Empty>
      ) : (
        <table class="rows gateway-rows" onKeyDown={moveBetweenRows}>
          <thead>
            <tr>
              {head('name', 'Gateway', false)}
              {head('state', 'State', false)}
              {head('seen', 'Last seen')}
              {head('stale', 'Series')}
              <th scope="col" class="right">
                Hour complete
              </th>
              {head('holes', 'Holes')}
              {head('outbox', 'Outbox')}
              {head('clock', 'Clock', false)}
              <th scope="col">Version</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(one => (
              <tr key={one.gateway}>
                <th scope="row" data-label="Gateway">
                  <a href={linkTo('/series', { gateway: one.gateway })} data-row>
                    {one.gateway}
                  </a>
                  {one.site !== null && <span class="quiet"> {one.site}</span>}
                </th>
                <td data-label="State">
                  <GatewayState state={one.state} />
                </td>
                <td class="right" data-label="Last seen">
                  <Age at={one.lastSeen} />
                </td>
                <td class="right" data-label="Series">
                  {whole(one.series)}
                  {one.staleSeries > 0 && <span class="tag stale-tag">{whole(one.staleSeries)} stale</span>}
                </td>
                <td class="right" data-label="Hour complete">
                  <CompletenessMark of={completeness.get(one.gateway)} />
                </td>
                <td class="right" data-label="Holes">
                  <Holes gateway={one} />
                </td>
                <td class="right" data-label="Outbox">
                  {one.outboxReadings === null ? (
                    <span class="quiet">unknown</span>
                  ) : (
                    <span title={`${whole(one.outboxReadings)} readings wait on the gateway`}>
                      {whole(one.outboxReadings)}
                      {one.outboxBytes !== null && <span class="quiet"> · {quantityText(one.outboxBytes, 'By')}</span>}
                    </span>
                  )}
                </td>
                <td data-label="Clock">
                  <Clock gateway={one} />
                </td>
                <td data-label="Version">{one.version ?? <span class="quiet">unknown</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="panel-foot quiet">
        Holes: readings of the gateway’s newest boot that neither arrived nor were given up (<em>missing</em>), and
        those it gave up for want of room (<em>dropped</em>). Outbox: readings that wait on the gateway for an
        acknowledgement. Silent: it missed its next reports.
      </p>
    </section>
  );
}

function Holes({ gateway: { missing, dropped, missingAt } }: { readonly gateway: Gateway }) {
  if (missing === null && dropped === null) return <span class="quiet">unknown</span>;
  const at = missingAt === null ? '' : `as of ${clockTime(missingAt, serverNow())}`;
  const parts = [
    (missing ?? 0) > 0 ? `${whole(missing!)} missing` : '',
    (dropped ?? 0) > 0 ? `${whole(dropped!)} dropped` : '',
  ].filter(part => part !== '');
  if (parts.length === 0)
    return (
      <span class="good-text" title={at}>
        none
      </span>
    );
  return (
    <span class="bad-text" title={at}>
      {parts.join(', ')}
    </span>
  );
}

const clockTitles: Readonly<Record<string, string>> = {
  synced: 'Kept right by a time server',
  corrected: 'Was wrong; its readings were given the right time afterwards',
  unsynced: 'Its readings are in no statistic until it is right',
};

function Clock({ gateway: { clock, clockOffsetMs } }: { readonly gateway: Gateway }) {
  if (clock === null) return <span class="quiet">unknown</span>;
  const off =
    clockOffsetMs === null || Math.abs(clockOffsetMs) < 1
      ? ''
      : ` ${clockOffsetMs > 0 ? '+' : '−'}${offset(Math.abs(clockOffsetMs))}`;
  return (
    <span class={clock === 'unsynced' ? 'warn-text' : ''} title={clockTitles[clock] ?? ''}>
      {clock}
      <span class="quiet">{off}</span>
    </span>
  );
}

const offset = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : duration(ms));
