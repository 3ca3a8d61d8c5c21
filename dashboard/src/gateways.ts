import type { Gateway, Series } from './answers.ts';
import type { Database } from './database.ts';
import { type GatewaysQuery, iso, type Span } from './parameters.ts';

export interface StatusRow {
  readonly ts: number;
  readonly gateway: string;
  readonly site: string | null;
  readonly state: string | null;
  readonly version: string | null;
  readonly outbox_readings: number | null;
  readonly outbox_bytes: number | null;
  readonly dropped: number | null;
  readonly missing: number | null;
  readonly ledger_at: number | null;
  readonly clock: string | null;
  readonly clock_offset_ms: number | null;
  readonly lat: number | null;
  readonly lon: number | null;
}

/** Gateways report every minute; after two missed reports, "online" is no longer believed. */
const silentAfterMs = 150_000;

/** The newest status of each gateway in the span. */
export function gatewayStates(database: Database, { from, to }: Span, limit: number): Promise<StatusRow[]> {
  return database.query(
    `SELECT ts, gateway, site, state, version, outbox_readings, outbox_bytes, dropped, missing, ledger_at, clock,
       clock_offset_ms, lat, lon FROM gateways
     WHERE ts >= $1 AND ts < $2
     LATEST ON ts PARTITION BY gateway
     LIMIT $3`,
    [iso(from), iso(to), limit],
  );
}

/** Those that reported a state, and those known by their readings only. */
export function gatewaysOf(states: readonly StatusRow[], series: readonly Series[], now: number): Gateway[] {
  const seriesOf = Map.groupBy(series, one => one.gateway);
  const stateOf = new Map(states.map(row => [row.gateway, row]));
  return [...new Set([...stateOf.keys(), ...seriesOf.keys()])].sort().map(gateway => {
    const status = stateOf.get(gateway);
    const own = seriesOf.get(gateway) ?? [];
    const lastReading = own.length === 0 ? null : Math.max(...own.map(({ at }) => at));
    return {
      gateway,
      site: status?.site ?? own[0]?.site ?? null,
      state: status === undefined ? 'unknown' : believed(status, now),
      lastSeen: Math.max(status?.ts ?? 0, lastReading ?? 0),
      lastReading,
      series: own.length,
      staleSeries: own.filter(({ at, staleAfterMs }) => now - at > staleAfterMs).length,
      outboxReadings: status?.outbox_readings ?? null,
      outboxBytes: status?.outbox_bytes ?? null,
      dropped: status?.dropped ?? null,
      missing: status?.missing ?? null,
      missingAt: status?.ledger_at ?? null,
      clock: status?.clock?.toLowerCase() ?? null,
      clockOffsetMs: status?.clock_offset_ms ?? null,
      version: status?.version ?? null,
      lat: status?.lat ?? null,
      lon: status?.lon ?? null,
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

export function matchingGateways(gateways: readonly Gateway[], { site, state, q }: GatewaysQuery): Gateway[] {
  return gateways.filter(
    gateway =>
      (site === undefined || gateway.site === site) &&
      (state === undefined || gateway.state === state) &&
      (q === undefined || hasWords(`${gateway.gateway} ${gateway.site ?? ''} ${gateway.version ?? ''}`, q)),
  );
}

/** Every word stands somewhere in the text, in any order and case. */
export function hasWords(text: string, words: string): boolean {
  const lower = text.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every(word => lower.includes(word));
}
