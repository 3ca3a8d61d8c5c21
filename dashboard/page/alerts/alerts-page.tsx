/** Alerts: those raised now, and those that were. */
import { useEffect, useMemo } from 'preact/hooks';
import type { Alert } from '../../src/answers.ts';
import { setQuery, usePlace } from '../app/location.ts';
import { apiPath, useAsk } from '../data/ask.ts';
import { useCity } from '../data/city.ts';
import { Empty, Failure, Skeleton } from '../show/blank.tsx';
import { FilterChip, SearchField } from '../show/filters.tsx';
import { plural } from '../show/quantity.ts';
import { AlertRows } from './alert-rows.tsx';

const states = { raised: 'Raised now', cleared: 'Cleared', all: 'All' } as const;
const rank = { critical: 0, warning: 1, info: 2 } as const;

/** Not acknowledged before acknowledged, the severe before the mild, the new before the old. */
function byUrgency(a: Alert, b: Alert): number {
  if (a.state === 'cleared' && b.state === 'cleared') return newestFirst(a, b);
  return (
    Number(a.state === 'cleared') - Number(b.state === 'cleared') ||
    Number(a.acknowledged !== null) - Number(b.acknowledged !== null) ||
    rank[a.severity] - rank[b.severity] ||
    (b.raisedAt ?? 0) - (a.raisedAt ?? 0)
  );
}

const newestFirst = (a: Alert, b: Alert): number => (b.clearedAt ?? b.raisedAt ?? 0) - (a.clearedAt ?? a.raisedAt ?? 0);

export function AlertsPage() {
  const { query } = usePlace();
  const raised = useCity(city => city.alerts);
  const loaded = useCity(city => city.loaded);
  const state = (query.get('state') ?? 'raised') as keyof typeof states;
  const [severity, gateway, zone, search] = ['severity', 'gateway', 'zone', 'q'].map(name => query.get(name) ?? '') as [
    string,
    string,
    string,
    string,
  ];
  const live = state === 'raised';
  const asked = useAsk<{ alerts: Alert[]; truncated: boolean }>(
    live ? undefined : apiPath('alerts', { state, severity, gateway, limit: 500 }),
    { everyMs: 30_000 },
  );
  // What was raised a moment ago, or has been cleared since.
  const signature = raised.map(({ id, acknowledged }) => `${id}${acknowledged?.at}`).join();
  useEffect(() => {
    if (asked.answer !== undefined) asked.reload();
  }, [signature]);

  const shown = useMemo(() => {
    const text = search.toLowerCase();
    return (live ? raised : (asked.answer?.alerts ?? []))
      .filter(
        one =>
          (severity === '' || one.severity === severity) &&
          (gateway === '' || one.gateway === gateway) &&
          (zone === '' || one.zone === zone) &&
          [one.message, one.rule, one.gateway, one.sensor, one.metric, one.zone].join(' ').toLowerCase().includes(text),
      )
      .sort(state === 'cleared' ? newestFirst : byUrgency);
  }, [live, raised, asked.answer, severity, gateway, zone, search, state]);
  const waiting = live ? !loaded : asked.answer === undefined && asked.error === undefined;
  const filtered = severity !== '' || gateway !== '' || zone !== '' || search !== '';

  return (
    <section class="panel" aria-labelledby="alerts-title">
      <div class="panel-head">
        <h1 id="alerts-title">Alerts</h1>
        <span class="quiet" role="status">
          {waiting ? '' : plural(shown.length, 'alert')}
          {asked.answer?.truncated && !live ? ' and more; the newest are here' : ''}
        </span>
      </div>
      <div class="filters">
        <div class="segments" role="group" aria-label="State">
          {Object.entries(states).map(([key, name]) => (
            <button
              key={key}
              type="button"
              aria-pressed={state === key}
              onClick={() => setQuery({ state: key === 'raised' ? undefined : key }, 'push')}
            >
              {name}
            </button>
          ))}
        </div>
        <label class="field">
          <span>Severity</span>
          <select value={severity} onChange={event => setQuery({ severity: event.currentTarget.value })}>
            <option value="">all</option>
            <option value="critical">critical</option>
            <option value="warning">warning</option>
            <option value="info">info</option>
          </select>
        </label>
        <SearchField value={search} placeholder="Message, rule, sensor …" />
        <FilterChip name="gateway" value={gateway} />
        <FilterChip name="zone" value={zone} />
      </div>
      {asked.error !== undefined && !live && <Failure error={asked.error} retry={asked.reload} />}
      {waiting && <Skeleton rows={5} label="alerts" />}
      {!waiting && shown.length === 0 && (
        <Empty title={filtered ? 'No alert matches' : live ? 'No alert is raised' : 'No alerts'}>
          {filtered ? (
            <button
              type="button"
              class="button"
              onClick={() => setQuery({ severity: '', gateway: '', zone: '', q: '' })}
            >
              Show all
            </button>
          ) : (
            <p>
              Rules say what raises one: a YAML file named by <code>processors.rules</code>.
            </p>
          )}
        </Empty>
      )}
      {shown.length > 0 && <AlertRows alerts={shown} onAcknowledged={asked.reload} />}
    </section>
  );
}
