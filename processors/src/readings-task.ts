/**
 * Readings of one partition → rolling statistics, ledgers, late readings, alerts, and the parts of zones.
 *
 * Time is event time; `clock.nowUs` decides one thing only, which gateways are waited for no longer.
 */
import type { IncomingRecord, OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import { encodeAlert } from '@millrace/wire/alert.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { encodeLedger } from '@millrace/wire/ledger.ts';
import { type GatewayId, type KafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import type { AlertMonitor } from './alerts/monitor.ts';
import { noneCounted, type ReadingCounters } from './counters.ts';
import { Gateway, type GatewayContext, type PaneLimits } from './gateway.ts';
import { changesOf, GatewayRestore } from './gateway-state.ts';
import { LateRuns } from './late-readings.ts';
import { LedgerPacing } from './ledger-pacing.ts';
import type { SeriesEntry } from './series-table.ts';
import type { Standing } from './standing.ts';
import { statsRecords } from './stats-records.ts';
import type { Flush, FlushClock, Task } from './task.ts';
import { paneLevels, type WindowSpec } from './windows.ts';
import type { ZoneRollUp } from './zones/roll-up.ts';

export interface ReadingsTaskOptions {
  readonly partition: number;
  readonly topics: KafkaTopics;
  readonly windows: readonly WindowSpec[];
  /** p50, p95, p99. */
  readonly quantiles: boolean;
  /** Metrics that only rise until they are reset, `*` for any characters: they get a rate. */
  readonly counters: readonly string[];
  /** Shortest time between two early results of one window. */
  readonly earlyIntervalMs: number;
  /** How long after its end, in the gateway's own time, a pane still takes readings. */
  readonly keepUs: number;
  /** How long after its end, and after its newest reading, a window waits for a gateway that has not said that it has sent all. */
  readonly maxHoldUs: number;
  /** A reading dated further ahead of its arrival than this never enters a window. */
  readonly maxAheadUs: number;
  /** Shortest time between two ledgers of one gateway. */
  readonly ledgerIntervalMs: number;
  readonly limits: PaneLimits;
  readonly alerts?: AlertMonitor | undefined;
  /** Its windows are the panes of the shortest step. */
  readonly zones?: ZoneRollUp | undefined;
}

const dayUs = 86_400_000_000;

export class ReadingsTask implements Task {
  readonly counters: ReadingCounters = noneCounted();
  readonly #options: ReadingsTaskOptions;
  readonly #context: GatewayContext;
  readonly #gateways = new Map<string, Gateway>();
  readonly #pacing: LedgerPacing;
  readonly #late = new LateRuns();
  /** Late readings since the last flush. */
  #results: OutgoingRecord[] = [];
  #restore: GatewayRestore | undefined = new GatewayRestore();

  constructor(options: ReadingsTaskOptions) {
    this.#options = options;
    this.#pacing = new LedgerPacing(options.ledgerIntervalMs);
    const isCounter = matcher(options.counters);
    this.#context = {
      ...options,
      levels: paneLevels(options.windows),
      silentUs:
        dayUs + Math.max(...options.windows.map(({ sizeUs }) => sizeUs)) + options.maxHoldUs + options.maxAheadUs,
      budget: { panes: 0 },
      counters: this.counters,
      late: this.#late,
      zones: options.zones,
      described: (gateway, entry) => this.#described(gateway, entry, isCounter),
    };
  }

  restore(key: string, value: Uint8Array): void {
    const { alerts, zones } = this.#options;
    // Where zones are off now, theirs are left as they are: they go on from there when they are on again.
    if (key.startsWith('a/')) alerts?.restore(key, value);
    else if (key.startsWith('z/')) zones?.restore(key, value);
    else this.#restore?.add(key, value);
  }

  restored(): void {
    this.#putTogether();
  }

  process({ value, headers, timestampMs }: IncomingRecord): number {
    this.#putTogether();
    const batch = decodeBatch(value!);
    const { gateway: id } = batch;
    const receivedAtUs = receivedAt(headers[readingHeaders.receivedAt], timestampMs);
    const gateway = this.#gatewayOf(id);
    gateway.take(batch, receivedAtUs, headers[readingHeaders.convertedFrom] === undefined);
    this.#results.push(...this.#late.records(this.#options.topics.late, batch, receivedAtUs));
    this.#options.alerts?.heard(id, gateway.site, receivedAtUs, gateway.closedUs);
    return batch.value.length;
  }

  flush(clock: FlushClock): Flush {
    this.#putTogether();
    const { topics, alerts, zones } = this.#options;
    const results = this.#results;
    const state = new Map<string, Uint8Array | null>();
    let rows = 0;
    this.#results = [];
    for (const gateway of this.#gateways.values()) {
      if (!gateway.isDue(clock)) continue;
      const ledger = gateway.boots.settle();
      if (ledger !== undefined) this.#pacing.hold([ledger]);
      for (const { window, rows: some } of gateway.advance(clock)) {
        rows += some.length;
        results.push(...statsRecords(topics.stats, { gateway: gateway.id, site: gateway.site, window, rows: some }));
      }
      gateway.release(clock);
      if (!gateway.dirty) continue;
      gateway.dirty = false;
      for (const [key, entry] of changesOf(gateway)) state.set(key, entry);
    }
    for (const ledger of this.#pacing.letOut(clock.monotonicMs))
      results.push({ topic: topics.ledger, key: ledger.gateway, value: encodeLedger(ledger) });
    if (alerts !== undefined) {
      const changed = alerts.flush(clock);
      for (const alert of changed.alerts) {
        const key = `${alert.gateway}/${alert.sensor}/${alert.metric}`;
        results.push({ topic: topics.alerts, key, value: encodeAlert(alert) });
      }
      for (const [key, entry] of changed.state) state.set(key, entry);
    }
    if (zones !== undefined) {
      const changed = zones.flush(clock);
      results.push(...changed.results);
      for (const [key, entry] of changed.state) state.set(key, entry);
    }
    return { results, rows, state };
  }

  /** Of every gateway with a sequence, as of the last flush. */
  *standings(): Generator<Standing> {
    for (const { boots } of this.#gateways.values()) if (boots.standing !== undefined) yield boots.standing;
  }

  /** Of the alerts and of the roll-up of zones, as far as they are on. */
  get alertCounters(): object {
    return this.#options.alerts?.counters ?? {};
  }

  get rollUpCounters(): object {
    return this.#options.zones?.counters ?? {};
  }

  /** Series and panes in memory. */
  get sizes(): { readonly gateways: number; readonly series: number; readonly panes: number } {
    let series = 0;
    for (const gateway of this.#gateways.values()) series += gateway.series.size;
    return { gateways: this.#gateways.size, series, panes: this.#context.budget.panes };
  }

  #putTogether(): void {
    if (this.#restore === undefined) return;
    for (const gateway of this.#restore.gateways(this.#context)) this.#gateways.set(gateway.id, gateway);
    this.#restore = undefined;
  }

  #gatewayOf(id: GatewayId): Gateway {
    let gateway = this.#gateways.get(id);
    if (gateway === undefined) {
      gateway = new Gateway(id, this.#context);
      this.#gateways.set(id, gateway);
    }
    return gateway;
  }

  #described(gateway: Gateway, entry: SeriesEntry, isCounter: (metric: string) => boolean): void {
    const { alerts, zones } = this.#options;
    const { id, site } = gateway;
    const { series } = entry;
    entry.counter = isCounter(series.metric);
    entry.watch = alerts?.watch(id, site, series);
    if (zones === undefined) return;
    if (entry.member !== undefined) zones.describe(entry.member, site, series);
    else entry.member = zones.join(id, site, series, { pane: startUs => gateway.panes.pane(startUs, entry.slot) });
  }
}

/** µs since the Unix epoch: the bridge's word, or Kafka's where it is none. */
function receivedAt(header: string | undefined, timestampMs: number): number {
  const us = Math.floor(Number(header));
  return header !== undefined && us >= 0 && Number.isSafeInteger(us) ? us : Math.max(0, timestampMs) * 1000;
}

/** Whether a name is one of the patterns, in which `*` stands for any characters. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const literal = (text: string): string => text.replace(/[\\^$.+?()[\]{}|]/g, '\\$&');
  const expressions = patterns.map(pattern => new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`, 's'));
  return name => expressions.some(expression => expression.test(name));
}
