import { setTimeout as wait } from 'node:timers/promises';
import { TransientError } from '@millrace/runtime/errors.ts';
import type { Alert, SeriesKey } from './answers.ts';
import type { Catalog } from './catalog.ts';
import type { Database } from './database.ts';
import { type AlertsQuery, iso, type Span, spanOf } from './parameters.ts';

interface ChangeRow extends SeriesKey {
  readonly ts: number;
  readonly rule: string | null;
  readonly severity: string | null;
  readonly state: string | null;
  readonly value: number | null;
  readonly message: string | null;
  readonly id: string | null;
}

interface AcknowledgementRow {
  readonly ts: number;
  readonly alert: string;
  readonly user: string;
  readonly note: string | null;
}

const dayMs = 86_400_000;
/** An alert that was raised before that, and never cleared, is not shown. */
const raisedLookbackMs = 400 * dayMs;
const defaultSpanMs = 7 * dayMs;
const maxAcknowledgements = 20_000;
const columns = 'ts, gateway, sensor, metric, rule, severity, state, value, message, id';

export interface Acknowledgement {
  readonly alert: string;
  readonly user: string;
  readonly note: string | undefined;
}

/** Alerts and who has seen them. */
export class Alerts {
  readonly #database: Database;
  readonly #catalog: Catalog;

  constructor(database: Database, catalog: Catalog) {
    this.#database = database;
    this.#catalog = catalog;
  }

  /** Those raised now, newest first. */
  async raised(now: number, limit: number): Promise<Alert[]> {
    const rows = await this.#database.query<ChangeRow>(
      `SELECT * FROM (SELECT ${columns} FROM alerts WHERE ts >= $1 LATEST ON ts PARTITION BY gateway, sensor, metric, rule)
       WHERE state = 'RAISED' ORDER BY ts DESC LIMIT $2`,
      [iso(now - raisedLookbackMs), limit],
    );
    return this.#complete(rows.map(row => alertOf([row])));
  }

  /** Newest change first. `truncated`: there are more than `limit`. */
  async list(query: AlertsQuery): Promise<{ alerts: Alert[]; truncated: boolean }> {
    const now = Date.now();
    const { from, to } = spanOf(query, defaultSpanMs);
    // Two rows an alert; the filters that a row knows are SQL's, the others' share is small.
    const most = 2 * query.limit + 1;
    const [changes, standing] = await Promise.all([
      this.#changes({ from, to }, most),
      query.state === 'cleared' || (query.to !== undefined && query.to < now) ? [] : this.raised(now, query.limit),
    ]);
    const byId = new Map<string, ChangeRow[]>();
    for (const row of changes) {
      const id = idOf(row);
      byId.set(id, [...(byId.get(id) ?? []), row]);
    }
    // Raised before the span and standing: in the list of what is raised, although nothing of it happened in the span.
    const found = [...byId.values()].map(alertOf);
    const all = [...(await this.#complete(found)), ...standing.filter(({ id }) => !byId.has(id))];
    const wanted = all.filter(alert => matches(alert, query)).sort((a, b) => changedAt(b) - changedAt(a));
    return { alerts: wanted.slice(0, query.limit), truncated: changes.length === most || wanted.length > query.limit };
  }

  #changes({ from, to }: Span, limit: number): Promise<ChangeRow[]> {
    return this.#database.query(`SELECT ${columns} FROM alerts WHERE ts >= $1 AND ts < $2 ORDER BY ts DESC LIMIT $3`, [
      iso(from),
      iso(to),
      limit,
    ]);
  }

  /** @returns false when there is no such alert. Resolves when everybody can see it. @throws {TransientError} */
  async acknowledge({ alert, user, note }: Acknowledgement): Promise<boolean> {
    const known = await this.#database.query('SELECT ts FROM alerts WHERE id = $1 LIMIT 1', [alert]);
    if (known.length === 0) return false;
    await this.#database.query('INSERT INTO acknowledgements (ts, alert, user, note) VALUES ($1, $2, $3, $4)', [
      iso(Date.now()),
      alert,
      user,
      note ?? '',
    ]);
    for (const deadline = Date.now() + 5_000; Date.now() < deadline; await wait(25)) {
      const rows = await this.#database.query(
        'SELECT ts FROM acknowledgements WHERE alert = $1 AND user = $2 LIMIT 1',
        [alert, user],
      );
      if (rows.length > 0) return true;
    }
    throw new TransientError('The database took the acknowledgement and does not show it yet.');
  }

  /** With the place and unit of their series, and who acknowledged them first. */
  async #complete(alerts: readonly Alert[]): Promise<Alert[]> {
    if (alerts.length === 0) return [];
    const since = Math.min(...alerts.map(changedAt));
    const rows = await this.#database.query<AcknowledgementRow>(
      'SELECT ts, alert, user, note FROM acknowledgements WHERE ts >= $1 ORDER BY ts DESC LIMIT $2',
      [iso(since - dayMs), maxAcknowledgements],
    );
    const first = new Map(rows.map(row => [row.alert, row])); // The oldest is last in the list, and stays in the map.
    return alerts.map(alert => {
      const seen = first.get(alert.id);
      const { unit = null, site = null, zone = null } = this.#catalog.describe(alert) ?? {};
      const acknowledged = seen === undefined ? null : { by: seen.user, at: seen.ts, note: seen.note || null };
      return { ...alert, unit, site, zone, acknowledged };
    });
  }
}

const changedAt = ({ raisedAt, clearedAt }: Alert): number => Math.max(raisedAt ?? 0, clearedAt ?? 0);

/** Alerts from before ids were stored are told apart by what they are about. */
const idOf = ({ id, gateway, sensor, metric, rule, ts }: ChangeRow): string =>
  id !== null && id !== '' ? id : [gateway, sensor, metric, rule, ts].join('/');

/** @param rows the changes of one alert, newest first. */
function alertOf(rows: readonly ChangeRow[]): Alert {
  const newest = rows[0]!;
  const at = (state: string): number | null => rows.find(row => row.state === state)?.ts ?? null;
  const clearedAt = at('CLEARED');
  return {
    id: idOf(newest),
    gateway: newest.gateway,
    sensor: newest.sensor ?? '',
    metric: newest.metric ?? '',
    unit: null,
    site: null,
    zone: null,
    rule: newest.rule ?? '',
    severity: severityOf(newest.severity),
    state: clearedAt === null ? 'raised' : 'cleared',
    raisedAt: at('RAISED'),
    clearedAt,
    value: newest.value,
    message: newest.message,
    acknowledged: null,
  };
}

function severityOf(text: string | null): Alert['severity'] {
  const word = text?.toLowerCase();
  return word === 'critical' || word === 'info' ? word : 'warning';
}

function matches({ state, severity, gateway, site }: Alert, query: AlertsQuery): boolean {
  return (
    (query.state === 'all' || state === query.state) &&
    (query.severity === undefined || severity === query.severity) &&
    (query.gateway === undefined || gateway === query.gateway) &&
    (query.site === undefined || site === query.site)
  );
}
