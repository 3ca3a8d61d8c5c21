/** A gateway that rules are about, with its series and their entries of the state. */
import type { GatewayId } from '@millrace/wire/names.ts';
import { showDuration } from './durations.ts';
import { cleared, type EmitAlert, Incident, raisedOf, type Subject } from './incident.ts';
import { showTime } from './messages.ts';
import type { Rule } from './rules.ts';
import { kindOf, type SeriesNames, WatchedSeries } from './series-watch.ts';
import { type Entry, keptSeries, Slot, seriesNameOf } from './slot.ts';
import {
  encodeGatewayEntry,
  encodeHistories,
  encodeSeriesEntry,
  gatewayKey,
  historyKey,
  type KeptGateway,
  type KeptRule,
  type KeptSeries,
  seriesKey,
  seriesPerEntry,
} from './state.ts';

/** Of what was heard when, where it need not be exact. */
const coarseUs = 3_600_000_000;

interface GatewaySilence {
  readonly incident: Incident;
  readonly afterUs: number;
}

export class WatchedGateway {
  readonly gateway: GatewayId;
  site: string;
  /** The entry of its own is to be written. */
  dirty = true;
  /** Some series may have been raised by a rule that is gone, or is watched no more. */
  leftovers = false;
  readonly series = new Map<string, Slot>();
  readonly #emit: EmitAlert;
  readonly #entries: Entry[] = [];
  /** When the bridge received something of it last; −∞: not since it is watched. */
  #heardUs = Number.NEGATIVE_INFINITY;
  /** As the state has it. */
  #keptHeardUs = Number.NEGATIVE_INFINITY;
  /** How far its own time has come, event time. */
  #throughUs = Number.NEGATIVE_INFINITY;
  #silences: readonly GatewaySilence[] = [];
  #orphans: readonly KeptRule[] = [];
  /** Before this no series of it can be too silent. */
  #silentFromUs = Number.NEGATIVE_INFINITY;

  constructor(gateway: GatewayId, site: string, emit: EmitAlert) {
    this.gateway = gateway;
    this.site = site;
    this.#emit = emit;
  }

  /** Rules about the gateway itself; what is known of each of them stays. */
  apply(rules: readonly Rule[]): void {
    const before = this.#keptRules();
    this.#silences = rules.flatMap(rule =>
      rule.condition.kind === 'silence' && rule.condition.of === 'gateway'
        ? [{ incident: new Incident(rule, this.#emit), afterUs: rule.condition.afterUs }]
        : [],
    );
    this.#restoreRules(before);
  }

  restore({ heardUs, rules }: KeptGateway): void {
    this.#heardUs = this.#keptHeardUs = heardUs ?? Number.NEGATIVE_INFINITY;
    this.#restoreRules(rules);
    this.dirty = false;
  }

  /**
   * Silence that has ended before anybody looked is raised and cleared here, so that a replay gives the same alerts.
   * @param receivedAtUs when the bridge took a record of it. @param throughUs every earlier reading has come.
   */
  heard(receivedAtUs: number, throughUs: number): void {
    if (throughUs > this.#throughUs) this.#throughUs = throughUs;
    if (throughUs > this.#silentFromUs) this.#silentSeries(throughUs);
    if (receivedAtUs <= this.#heardUs) return;
    this.silentAt(receivedAtUs);
    for (const { incident } of this.#silences)
      incident.clear(this.subject, receivedAtUs, (receivedAtUs - this.#heardUs) / 1e6, 'is heard again');
    this.#heardUs = receivedAtUs;
    // Where no rule asks for the moment, it serves to give up what is gone for weeks.
    if (this.#silences.length > 0 || receivedAtUs - this.#keptHeardUs > coarseUs) this.dirty = true;
  }

  /** Raises its own silence. @param nowUs how far time has come. */
  silentAt(nowUs: number): void {
    if (this.#heardUs === Number.NEGATIVE_INFINITY) return;
    for (const { incident, afterUs } of this.#silences) {
      const dueUs = Math.max(this.#heardUs + afterUs, incident.notBeforeUs);
      if (incident.raised !== undefined || nowUs <= dueUs) continue;
      const phrase = `has not been heard since ${showTime(this.#heardUs)}, for ${showDuration(dueUs - this.#heardUs)}`;
      incident.raise(this.subject, dueUs, (dueUs - this.#heardUs) / 1e6, phrase);
      this.dirty = true;
    }
  }

  /** A series appeared or sends again: it may become silent before the others do. */
  mayBeSilent(): void {
    this.#silentFromUs = Number.NEGATIVE_INFINITY;
  }

  add(names: SeriesNames): Slot {
    const series = new WatchedSeries(this.gateway, names, this.#emit);
    const entry =
      this.#entries.find(({ slots }) => slots.length < seriesPerEntry || slots.includes(null)) ?? this.#grow();
    const free = entry.slots.indexOf(null);
    const index = free < 0 ? entry.slots.length : free;
    return this.#place(series, entry, index);
  }

  /** Takes back an entry of the state. */
  restoreSeries(
    number: number,
    kept: readonly (KeptSeries | null)[],
    historyKept: boolean,
  ): readonly [Slot, KeptSeries][] {
    while (this.#entries.length <= number) this.#grow();
    const entry = this.#entries[number]!;
    entry.historyKept = historyKept;
    return kept.flatMap((one, index): [Slot, KeptSeries][] => {
      if (one === null) {
        entry.slots[index] = null;
        return [];
      }
      const { sensor, metric, unit, zone, intervalMs, newestUs, newest } = one;
      const series = new WatchedSeries(this.gateway, { sensor, metric, unit, zone, intervalMs }, this.#emit);
      series.newestUs = newestUs ?? Number.NEGATIVE_INFINITY;
      series.newest = newest;
      return [[this.#place(series, entry, index), one]];
    });
  }

  remove(slot: Slot): void {
    slot.entry.slots[slot.index] = null;
    slot.entry.dirty = slot.entry.historyDirty = true;
    slot.gone = true;
    this.series.delete(seriesNameOf(slot.series.names));
  }

  /**
   * Ends what rules that are gone have raised, and gives up what was not heard for long: a series by the gateway's own time
   * (it may be sending what was recorded years ago), all of them when the gateway is gone.
   * @param nowUs how far time has come. @param why of a rule that is gone.
   */
  sweep(nowUs: number, forgetAfterUs: number, why: (rule: string) => string): void {
    this.leftovers = false;
    const gone = (subject: Subject, value: number, [name, , incident]: KeptRule): void => {
      const raised = raisedOf(incident?.[2] ?? null);
      if (raised !== undefined) this.#emit(cleared(name, subject, raised, nowUs, value, why(name)));
    };
    if (this.#orphans.length > 0) this.dirty = true;
    for (const orphan of this.#orphans) gone(this.subject, 0, orphan);
    this.#orphans = [];
    const givenUp = (us: number): string => `has not been heard for ${showDuration(us)} and is given up`;
    const silentUs = nowUs - this.#heardUs;
    const dead = Number.isFinite(silentUs) && silentUs > forgetAfterUs;
    for (const slot of this.series.values()) {
      const { series, entry } = slot;
      const missedUs = this.#throughUs - series.newestUs;
      const over = dead || missedUs > forgetAfterUs;
      const [atUs, phrase] = dead ? [nowUs, givenUp(silentUs)] : [this.#throughUs, givenUp(missedUs)];
      if (series.end(atUs, phrase, over, orphan => gone(series.subject, series.newest, orphan))) entry.dirty = true;
      if (over || !series.watched) this.remove(slot);
    }
    if (!dead) return;
    for (const { incident } of this.#silences) incident.clear(this.subject, nowUs, silentUs / 1e6, givenUp(silentUs));
    this.#silences = [];
  }

  /** Nothing is known of it any more. */
  get empty(): boolean {
    return this.series.size === 0 && this.#silences.length === 0 && this.#orphans.length === 0;
  }

  /** Puts the entries that changed into `state`. */
  flush(state: Map<string, Uint8Array | null>): void {
    const { gateway, site } = this;
    if (this.empty) state.set(gatewayKey(gateway), null);
    else if (this.dirty) {
      const heardUs = Number.isFinite(this.#heardUs) ? this.#heardUs : null;
      this.#keptHeardUs = this.#heardUs;
      state.set(gatewayKey(gateway), encodeGatewayEntry({ site, heardUs, rules: this.#keptRules() }));
    }
    this.dirty = false;
    for (const [number, entry] of this.#entries.entries()) {
      if (!entry.dirty && !entry.historyDirty) continue;
      const kept = entry.slots.map(series => (series === null ? null : keptSeries(series)));
      const none = kept.every(one => one === null);
      if (entry.dirty) state.set(seriesKey(gateway, number), none ? null : encodeSeriesEntry(kept));
      if (entry.historyDirty) {
        const histories = encodeHistories(kept);
        if (histories !== undefined || entry.historyKept) state.set(historyKey(gateway, number), histories ?? null);
        entry.historyKept = histories !== undefined;
      }
      entry.dirty = entry.historyDirty = false;
    }
  }

  get subject(): Subject {
    const { gateway, site } = this;
    return { gateway, sensor: '', metric: '', shown: `gateway ${gateway}${site === '' ? '' : ` (${site})`}` };
  }

  #silentSeries(throughUs: number): void {
    let earliestUs = Number.POSITIVE_INFINITY;
    for (const slot of this.series.values()) earliestUs = Math.min(earliestUs, slot.silence(throughUs));
    this.#silentFromUs = earliestUs;
  }

  #place(series: WatchedSeries, entry: Entry, index: number): Slot {
    const slot = new Slot(this, series, entry, index);
    entry.slots[index] = series;
    this.series.set(seriesNameOf(series.names), slot);
    return slot;
  }

  #grow(): Entry {
    const entry = { slots: [], dirty: false, historyDirty: false, historyKept: false };
    this.#entries.push(entry);
    return entry;
  }

  #keptRules(): readonly KeptRule[] {
    const rules = this.#silences.flatMap(({ incident }): KeptRule[] => {
      const kept = incident.kept();
      return kept === undefined ? [] : [[incident.rule.name, kindOf(incident.rule), kept, null, null]];
    });
    return [...rules, ...this.#orphans];
  }

  #restoreRules(rules: readonly KeptRule[]): void {
    this.#orphans = rules.filter(([name, kind, kept]) => {
      const found = this.#silences.find(({ incident: { rule } }) => rule.name === name && kindOf(rule) === kind);
      if (found !== undefined && kept !== null) found.incident.restore(kept);
      return found === undefined && kept?.[2] != null;
    });
    if (this.#orphans.length > 0) this.leftovers = true;
  }
}
