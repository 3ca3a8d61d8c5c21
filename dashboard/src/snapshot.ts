import type { Gateway, Series } from './answers.ts';
import type { Database } from './database.ts';
import { clockSlackMs, NewestReadings, seriesId } from './newest.ts';
import { closedMinutes, gatewayStates, type MinuteRow, type ReadingRow, type StatusRow } from './queries.ts';
import { SharedResults } from './shared-results.ts';

/** All that the page lists, of one moment. */
export interface Snapshot {
  readonly now: number;
  readonly gateways: readonly Gateway[];
  readonly series: readonly Series[];
  readonly truncated: boolean;
}

export interface SnapshotOptions {
  readonly refreshMs: number;
  readonly lookbackHours: number;
  readonly maxSeries: number;
}

const minuteMs = 60_000;
/** Completeness of a minute longer ago says nothing about now. */
const minutesLookbackMs = 60 * minuteMs;
/** Gateways report every minute; after two missed reports, "online" is no longer believed. */
const silentAfterMs = 2.5 * minuteMs;
const staleWhenCadenceUnknownMs = 5 * minuteMs;

/** Gives the newest snapshot, at most `refreshMs` old, to whoever asks. */
export function openSnapshots(database: Database, options: SnapshotOptions): () => Promise<Snapshot> {
  const lookbackMs = options.lookbackHours * 60 * minuteMs;
  const newest = new NewestReadings(database, lookbackMs, options.maxSeries);
  // A little less than the refresh, so that a timer which fires a millisecond early does not get the previous one.
  const results = new SharedResults<Snapshot>(options.refreshMs * 0.9, 1);

  const load = async (): Promise<Snapshot> => {
    const now = Date.now();
    const to = now + clockSlackMs;
    const [{ rows, truncated }, minutes, states] = await Promise.all([
      newest.refresh(now),
      closedMinutes(database, { from: now - minutesLookbackMs, to }, options.maxSeries),
      gatewayStates(database, { from: now - lookbackMs, to }, options.maxSeries),
    ]);
    const minuteOf = new Map(minutes.map(row => [seriesId(row), row]));
    return {
      now,
      truncated,
      series: rows.map(row => seriesOf(row, minuteOf.get(seriesId(row)))),
      gateways: gatewaysOf(states, rows, now),
    };
  };
  return () => results.get('', load);
}

function seriesOf(row: ReadingRow, minute: MinuteRow | undefined): Series {
  const { gateway, sensor, metric, unit, zone, value, quality, ts } = row;
  const expected = minute?.expected ?? 0;
  const expectedMs = expected > 0 ? Math.round(minuteMs / expected) : null;
  return {
    gateway,
    sensor,
    metric,
    unit,
    zone,
    value,
    at: ts,
    quality,
    expectedMs,
    staleAfterMs: expectedMs === null ? staleWhenCadenceUnknownMs : staleAfterMs(expectedMs),
    completeness:
      minute === undefined || expected === 0
        ? null
        : { at: minute.ts, count: minute.count, expected, ratio: minute.completeness ?? minute.count / expected },
  };
}

/** Three missed readings; never below 10 s, which the way through the pipeline may take without anything being wrong. */
function staleAfterMs(expectedMs: number): number {
  return Math.max(3 * expectedMs, 10_000);
}

/** Those that reported a state, and those known by their readings only. */
function gatewaysOf(states: readonly StatusRow[], readings: readonly ReadingRow[], now: number): Gateway[] {
  const newestOf = new Map<string, ReadingRow>();
  for (const row of readings) {
    if (row.ts > (newestOf.get(row.gateway)?.ts ?? 0)) newestOf.set(row.gateway, row);
  }
  const stateOf = new Map(states.map(row => [row.gateway, row]));
  return [...new Set([...stateOf.keys(), ...newestOf.keys()])].sort().map(gateway => {
    const status = stateOf.get(gateway);
    const reading = newestOf.get(gateway);
    return {
      gateway,
      site: status?.site ?? reading?.site ?? null,
      state: status === undefined ? 'unknown' : believed(status, now),
      lastSeen: Math.max(status?.ts ?? 0, reading?.ts ?? 0),
      lastReading: reading?.ts ?? null,
      outboxReadings: status?.outbox_readings ?? null,
      dropped: status?.dropped ?? null,
      missing: status?.missing ?? null,
      missingAt: status?.ledger_at ?? null,
      clock: status?.clock?.toLowerCase() ?? null,
      version: status?.version ?? null,
    };
  });
}

function believed({ state, ts }: StatusRow, now: number): Gateway['state'] {
  switch (state?.toLowerCase()) {
    case 'offline':
      return 'offline';
    case 'online':
      return now - ts > silentAfterMs ? 'silent' : 'online';
    default:
      return 'unknown';
  }
}
