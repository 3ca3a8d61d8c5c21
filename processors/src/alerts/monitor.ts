/**
 * Alerts of one partition's gateways, by the rules. Event time, and no clock of its own: what is raised and cleared, with
 * which id and when, follows from the readings in the order of their arrival, so that a processor that was killed gives
 * the same alerts as one that was not.
 *
 * A reading older than the newest one judged of its series is not judged (and counted in `counters.outOfOrder`): a backlog
 * that comes after an outage raises nothing about hours that are over.
 */
import type { Alert } from '@millrace/wire/alert.ts';
import type { Series } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { FlushClock } from '../task.ts';
import { WatchedGateway } from './gateway-watch.ts';
import { RuleBook } from './rule-book.ts';
import type { Rule } from './rules.ts';
import type { SeriesNames } from './series-watch.ts';
import { type Slot, seriesNameOf } from './slot.ts';
import { decodeGatewayEntry, decodeSeriesEntry, placeOf, seriesKey } from './state.ts';

export interface SeriesWatch {
  /** Every counted reading of the series, in the order of arrival. @param timeUs event time, µs since the Unix epoch. */
  reading(timeUs: number, value: number): void;
}

export interface AlertCounters {
  judged: number;
  /** Older than the newest one judged. */
  outOfOrder: number;
  raised: number;
  cleared: number;
  /** Series beyond those that are kept. */
  refused: number;
}

export interface AlertMonitorOptions {
  readonly rules: readonly Rule[];
  /** What the operator should know, a sentence, each once: that a rule cannot judge a series, say. */
  readonly say?: (sentence: string) => void;
  /** Series that are watched of one gateway, and of all. */
  readonly limits?: { readonly seriesPerGateway: number; readonly series: number };
}

/** Not heard for so long is gone: twice the longest duration a rule may have. */
const forgetAfterUs = 14 * 86_400_000_000;
const sweepEveryUs = 3_600_000_000;

export class AlertMonitor {
  readonly counters: AlertCounters = { judged: 0, outOfOrder: 0, raised: 0, cleared: 0, refused: 0 };
  readonly #book: RuleBook;
  readonly #limits: { readonly seriesPerGateway: number; readonly series: number };
  readonly #gateways = new Map<string, WatchedGateway>();
  /** With something to write or to end. */
  readonly #touched = new Set<WatchedGateway>();
  #alerts: Alert[] = [];
  #series = 0;
  /** Entries taken back and not yet put together: a history may come before its series. */
  #restored = new Map<string, Uint8Array>();
  #sweptUs = Number.NEGATIVE_INFINITY;

  constructor({ rules, say = () => {}, limits = { seriesPerGateway: 5000, series: 500_000 } }: AlertMonitorOptions) {
    this.#book = new RuleBook(rules, say);
    this.#limits = limits;
  }

  /** Takes back the newest value of an entry (its key begins with `a/`), before everything else. */
  restore(key: string, value: Uint8Array): void {
    placeOf(key);
    this.#restored.set(key, value);
  }

  /**
   * A series has appeared, or its unit, zone, cadence or site has changed. What is known of it from before goes on.
   * @returns undefined when no rule is about it: then nothing is kept, and nothing to be called.
   */
  watch(gateway: GatewayId, site: string, series: Series): SeriesWatch | undefined {
    this.#putTogether();
    const slot = this.#slotOf(gateway, site, series);
    return slot === undefined ? undefined : this.#handle(gateway, site, series, slot);
  }

  /**
   * Once for each record of a gateway, after its readings.
   * @param receivedAtUs when the bridge took it.
   * @param throughUs how far the gateway's own time has come: every earlier reading of it is here (`complete_through`, or
   * what is taken for it where none is declared); 0 unknown.
   */
  heard(gateway: GatewayId, site: string, receivedAtUs: number, throughUs: number): void {
    this.#putTogether();
    let watched = this.#gateways.get(gateway);
    if (watched === undefined) {
      if (this.#book.ofGateway(gateway, site).length === 0) return;
      watched = this.#gatewayOf(gateway, site);
    }
    this.#settle(watched, site);
    watched.heard(receivedAtUs, throughUs);
    this.#touched.add(watched);
  }

  /** What changed since the last flush. */
  flush({ nowUs }: Pick<FlushClock, 'nowUs'>): {
    readonly alerts: readonly Alert[];
    readonly state: ReadonlyMap<string, Uint8Array | null>;
  } {
    this.#putTogether();
    if (this.#book.watchesGateways)
      for (const gateway of this.#gateways.values()) {
        gateway.silentAt(nowUs);
        if (gateway.dirty) this.#touched.add(gateway);
      }
    this.#sweep(nowUs);
    const state = new Map<string, Uint8Array | null>();
    for (const gateway of this.#touched) {
      gateway.flush(state);
      if (gateway.empty) this.#gateways.delete(gateway.gateway);
    }
    this.#touched.clear();
    const alerts = this.#alerts;
    this.#alerts = [];
    return { alerts, state };
  }

  /** A handle outlives the series' place: a series that was forgotten and sends again is taken anew. */
  #handle(gateway: GatewayId, site: string, series: Series, first: Slot): SeriesWatch {
    let slot: Slot | undefined = first;
    return {
      reading: (timeUs, value) => {
        if (slot?.gone) slot = this.#slotOf(gateway, site, series);
        if (slot === undefined) return;
        if (timeUs < slot.series.newestUs) {
          this.counters.outOfOrder++;
          return;
        }
        this.counters.judged++;
        if (!slot.entry.dirty) this.#touched.add(slot.gateway);
        slot.reading(timeUs, value);
      },
    };
  }

  #slotOf(gateway: GatewayId, site: string, series: Series): Slot | undefined {
    const { sensor, metric, unit, zone, intervalMs } = series;
    const names = { sensor, metric, unit, zone, intervalMs };
    let watched = this.#gateways.get(gateway);
    const known = watched?.series.get(seriesNameOf(names));
    if (known !== undefined && known.site === site && known.series.watched && sameNames(known.series.names, names))
      return known;
    const applied = this.#book.ofSeries(gateway, site, names);
    if (known === undefined && applied.length === 0) return undefined;
    watched ??= this.#gatewayOf(gateway, site);
    this.#settle(watched, site);
    if (known === undefined && this.#full(watched)) return undefined;
    const slot = known ?? watched.add(names);
    if (known === undefined) this.#series++;
    slot.series.apply(names, applied);
    slot.site = site;
    slot.entry.dirty = slot.entry.historyDirty = true;
    watched.mayBeSilent();
    if (slot.series.orphans.length > 0 || applied.length === 0) watched.leftovers = true;
    this.#touched.add(watched);
    return applied.length === 0 ? undefined : slot;
  }

  #full(watched: WatchedGateway): boolean {
    const { seriesPerGateway, series } = this.#limits;
    const full =
      watched.series.size >= seriesPerGateway ? seriesPerGateway : this.#series >= series ? series : undefined;
    if (full === undefined) return false;
    this.counters.refused++;
    const whose = full === seriesPerGateway ? `of gateway ${watched.gateway}` : 'of this partition';
    this.#book.sayOnce(
      `full ${whose}`,
      `alerts watch ${full} series ${whose}, which is the most: no rule judges the others. Narrow the rules' where`,
    );
    return true;
  }

  #gatewayOf(gateway: GatewayId, site: string): WatchedGateway {
    const watched = new WatchedGateway(gateway, site, alert => {
      this.counters[alert.state === 1 ? 'raised' : 'cleared']++;
      this.#alerts.push(alert);
    });
    watched.apply(this.#book.ofGateway(gateway, site));
    this.#gateways.set(gateway, watched);
    return watched;
  }

  #settle(watched: WatchedGateway, site: string): void {
    if (watched.site === site) return;
    watched.site = site;
    watched.dirty = true;
    watched.apply(this.#book.ofGateway(watched.gateway, site));
  }

  #sweep(nowUs: number): void {
    const all = nowUs - this.#sweptUs >= sweepEveryUs;
    if (all) this.#sweptUs = nowUs;
    for (const gateway of all ? this.#gateways.values() : this.#touched) {
      if (!all && !gateway.leftovers) continue;
      this.#series -= gateway.series.size;
      gateway.sweep(nowUs, forgetAfterUs, rule => this.#book.whyGone(rule));
      this.#series += gateway.series.size;
      this.#touched.add(gateway);
    }
  }

  #putTogether(): void {
    if (this.#restored.size === 0) return;
    const restored = this.#restored;
    this.#restored = new Map();
    const places = [...restored].map(([key, value]) => ({ key, value, ...placeOf(key) }));
    for (const { key, value, gateway, entry } of places) {
      if (entry !== undefined) continue;
      const kept = decodeGatewayEntry(key, value);
      this.#gatewayOf(gateway as GatewayId, kept.site).restore(kept);
    }
    for (const { key, value, gateway, entry, history } of places) {
      if (entry === undefined || history) continue;
      const watched = this.#gateways.get(gateway) ?? this.#gatewayOf(gateway as GatewayId, '');
      const histories = restored.get(`${seriesKey(gateway, entry)}/history`);
      const slots = watched.restoreSeries(entry, decodeSeriesEntry(key, value, histories), histories !== undefined);
      for (const [{ series }, kept] of slots) {
        series.apply(series.names, this.#book.ofSeries(gateway as GatewayId, watched.site, series.names));
        series.restore(kept.rules);
        if (series.orphans.length > 0 || !series.watched) watched.leftovers = true;
      }
      this.#series += slots.length;
    }
    for (const gateway of this.#gateways.values()) if (gateway.leftovers) this.#touched.add(gateway);
  }
}

const sameNames = (a: SeriesNames, b: SeriesNames): boolean =>
  a.unit === b.unit && a.zone === b.zone && a.intervalMs === b.intervalMs;
