/**
 * One gateway: what came of its readings, how far it has come in its own time, its series and their panes.
 *
 * A pane is: absent → open (first reading) → final (the gateway's `complete_through` passed its end, or it was waited for
 * long enough) → settled (`keepUs` later in the gateway's own time: it takes no more readings, and what comes for it is
 * late) → dropped (no window needs it any more). Late is a matter of the pane: a reading is in all its windows or in none.
 */
import { type Batch, Clock, Quality } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { Boots } from './boots.ts';
import type { ReadingCounters } from './counters.ts';
import type { LateRuns } from './late-readings.ts';
import { type PaneBudget, PaneTable } from './pane-table.ts';
import { type SeriesEntry, SeriesTable } from './series-table.ts';
import type { FlushClock } from './task.ts';
import { WindowResults, type WindowRows } from './window-results.ts';
import type { PaneLevel, WindowSpec } from './windows.ts';
import type { ZoneRollUp } from './zones/roll-up.ts';

export interface PaneLimits {
  readonly seriesPerGateway: number;
  /** Over all series of a gateway, and all sizes of panes. */
  readonly panesPerGateway: number;
  /** Over all gateways of the partition. */
  readonly panes: number;
}

/** What all gateways of a task have in common. */
export interface GatewayContext {
  readonly windows: readonly WindowSpec[];
  readonly levels: readonly PaneLevel[];
  readonly quantiles: boolean;
  readonly earlyIntervalMs: number;
  readonly keepUs: number;
  readonly maxHoldUs: number;
  readonly maxAheadUs: number;
  /** A gateway that was not heard for so long, has only final windows, whatever its clock, and a day to spare: its panes go. */
  readonly silentUs: number;
  readonly limits: PaneLimits;
  readonly budget: PaneBudget;
  readonly counters: ReadingCounters;
  readonly late: LateRuns;
  readonly zones: ZoneRollUp | undefined;
  /** A series appears, or is described in another way. */
  readonly described: (gateway: Gateway, entry: SeriesEntry) => void;
}

export class Gateway {
  readonly id: GatewayId;
  site = '';
  readonly boots: Boots;
  readonly series: SeriesTable;
  readonly panes: PaneTable;
  readonly results: WindowResults;
  /** Every earlier reading has been sent; 0 not declared. */
  completeThroughUs = 0;
  /** Newest reading that could be dated, for gateways that declare nothing. */
  newestUs = 0;
  /** Windows that end at or before it are complete, by the gateway's own word. */
  closedUs = 0;
  /** Panes that end at or before it are settled. */
  forgottenUs = 0;
  /** Windows that end at or before it are final. */
  finalUs = 0;
  /** When the bridge took its last batch. */
  heardUs = 0;
  /** The flush that will publish what changes now, from 1 on. */
  flush = 1;
  /** Has changed since the last flush. */
  dirty = false;
  /** Its state is that of an earlier version. */
  earlier = false;
  #nextCloseUs = Number.POSITIVE_INFINITY;
  readonly #context: GatewayContext;

  constructor(id: GatewayId, context: GatewayContext) {
    this.id = id;
    this.#context = context;
    this.boots = new Boots(id);
    this.series = new SeriesTable(context.limits.seriesPerGateway, entry => context.described(this, entry));
    this.panes = new PaneTable(context.levels, this.series, context.budget);
    const { windows, earlyIntervalMs } = context;
    this.results = new WindowResults(windows, earlyIntervalMs, phaseOf(id), this.panes, this.series);
  }

  /** @param sequenced false: the batch's numbers are of this message alone (SenML). */
  take(batch: Batch, receivedAtUs: number, sequenced: boolean): void {
    const { counters } = this.#context;
    this.dirty = true;
    this.heardUs = Math.max(this.heardUs, receivedAtUs);
    if (batch.site !== this.site) {
      this.site = batch.site;
      for (const entry of this.series.entries()) this.#context.described(this, entry);
    }
    const fresh = this.boots.take(batch, receivedAtUs, sequenced);
    let taken = 0;
    for (const [first, last] of fresh) taken += last - first + 1;
    counters.duplicate += batch.value.length - taken;
    if (batch.clock === Clock.UNSYNCED) counters.unsynced += taken;
    else if (taken > 0) {
      const entries = this.series.find(batch.series);
      for (const [first, last] of fresh)
        this.#count(batch, first - batch.firstSeq, last - batch.firstSeq, entries, receivedAtUs);
    }
    this.#declare(batch, receivedAtUs);
  }

  /** Whether a flush would give something. */
  isDue({ monotonicMs, nowUs }: FlushClock): boolean {
    return (
      this.dirty ||
      monotonicMs >= this.results.dueMs ||
      nowUs - this.#context.maxHoldUs >= this.#nextCloseUs ||
      (this.panes.panes > 0 && this.#isSilent(nowUs))
    );
  }

  /** Makes final what is to be. @returns the rows that are due. */
  advance({ monotonicMs, nowUs }: FlushClock): WindowRows[] {
    const wereFinalUs = this.finalUs;
    this.finalUs = Math.max(this.finalUs, this.closedUs, this.#heldThroughUs(Math.floor(nowUs)));
    for (const block of this.panes.base()) block.final ||= block.endUs <= this.finalUs;
    const { flush, finalUs, forgottenUs } = this;
    const rows = this.results.collect({ flush, wereFinalUs, finalUs, forgottenUs, nowMs: monotonicMs });
    if (rows.length > 0) this.dirty = true;
    return rows;
  }

  /** Lets go of what can change no more: after `advance`. Then the next flush begins. */
  release({ nowUs }: FlushClock): void {
    const { zones } = this.#context;
    const dropping = ({ member }: SeriesEntry, startUs: number) => member && zones?.settled(member, startUs);
    if (this.#isSilent(nowUs)) this.#giveUp(dropping);
    else {
      this.panes.fold(this.forgottenUs, this.flush);
      this.panes.drop(this.forgottenUs, dropping);
    }
    for (const entry of this.series.entries()) {
      if (entry.panes > 0) continue;
      if (entry.member !== undefined) zones?.leave(entry.member);
      this.series.drop(entry);
    }
    zones?.progress(this.id, this.closedUs, this.forgottenUs);
    this.#nextCloseUs = this.results.nextCloseUs(this.finalUs);
    this.flush++;
  }

  /** To be called when it has been restored: its panes are not those of today's windows, and nothing is left of them. */
  lose(throughUs: number): void {
    this.forgottenUs = Math.max(this.forgottenUs, throughUs);
    this.results.lose(throughUs);
    this.dirty = true;
  }

  /** After its state: ready for readings. @param keptUs `forgottenUs` as the state has it. */
  restored(keptUs: number): void {
    this.series.restored();
    // Panes of a larger size stand for smaller ones that are settled. If they are not, sizes were other ones then.
    this.forgottenUs = Math.max(this.forgottenUs, this.panes.restored(this.finalUs, keptUs));
    this.results.settledUs = keptUs;
    for (const block of this.panes.base()) block.heardUs = this.heardUs;
    this.#nextCloseUs = this.results.nextCloseUs(this.finalUs);
    this.#context.zones?.progress(this.id, this.closedUs, this.forgottenUs);
  }

  /** Counts the readings `from … to` of the batch. The hot path. */
  #count(
    { seriesIndex, timeUs: times, value: values, quality, series }: Batch,
    from: number,
    to: number,
    entries: (SeriesEntry | undefined)[],
    receivedAtUs: number,
  ): void {
    const { panes, flush, forgottenUs } = this;
    const { counters, maxAheadUs, quantiles, late, zones } = this.#context;
    const latestUs = receivedAtUs + maxAheadUs;
    let { newestUs } = this;
    let counted = 0;
    for (let i = from; i <= to; i++) {
      const timeUs = times[i]!;
      if (timeUs > latestUs) {
        counters.future++;
        continue;
      }
      if (quality[i] === Quality.BAD) {
        counters.bad++;
        continue;
      }
      let block = panes.blockOf(timeUs);
      if ((block === undefined ? panes.endOf(timeUs) : block.endUs) <= forgottenUs) {
        counters.late++;
        late.add('late', i);
        continue;
      }
      const at = seriesIndex[i]!;
      let entry = entries[at];
      if (entry === undefined) {
        entry = this.series.open(series[at]!);
        entries[at] = entry;
      }
      const begins = entry !== undefined && block?.chunks[entry.slot >>> 6]?.has(entry.slot & 63) !== true;
      if (entry === undefined || (begins && !this.#hasRoom())) {
        counters.refused++;
        late.add('refused', i);
        continue;
      }
      if (begins) block = panes.open(timeUs, entry);
      const value = values[i]!;
      block!.changed = flush;
      block!.heardUs = receivedAtUs;
      block!.chunks[entry.slot >>> 6]!.add(entry.slot & 63, timeUs, value, flush, quantiles, entry.counter);
      if (timeUs > newestUs) newestUs = timeUs;
      counted++;
      entry.watch?.reading(timeUs, value);
      if (entry.member !== undefined) {
        const { startUs } = block!;
        if (begins) zones!.opened(entry.member, startUs);
        else if (entry.toldFlush !== flush || entry.toldUs !== startUs) zones!.changed(entry.member, startUs);
        entry.toldFlush = flush;
        entry.toldUs = startUs;
      }
    }
    this.newestUs = newestUs;
    counters.counted += counted;
  }

  /**
   * @returns through when windows have waited long enough: `maxHoldUs` since their end, and since their newest reading.
   * A backlog and a replay are of windows that ended long ago, and are not final before they have come.
   */
  #heldThroughUs(nowUs: number): number {
    const waitedUs = nowUs - this.#context.maxHoldUs;
    let throughUs = waitedUs;
    for (const { startUs, endUs, heardUs } of this.panes.base())
      if (endUs > this.finalUs && heardUs > waitedUs && startUs < throughUs) throughUs = startUs;
    return throughUs;
  }

  /** Takes the gateway's word for what it has sent; not that of a clock that is wrong. */
  #declare({ clock, completeThroughUs }: Batch, receivedAtUs: number): void {
    const { keepUs, maxAheadUs } = this.#context;
    if (clock !== Clock.UNSYNCED && completeThroughUs <= receivedAtUs + maxAheadUs)
      this.completeThroughUs = Math.max(this.completeThroughUs, completeThroughUs);
    // One that never declares anything (SenML has no way to) is taken to have sent all that is `keepUs` older than its newest.
    const closedUs = this.completeThroughUs > 0 ? this.completeThroughUs : this.newestUs - keepUs;
    this.closedUs = Math.max(this.closedUs, closedUs);
    this.forgottenUs = Math.max(this.forgottenUs, this.closedUs - keepUs);
  }

  #hasRoom(): boolean {
    const { limits, budget } = this.#context;
    return this.panes.panes < limits.panesPerGateway && budget.panes < limits.panes;
  }

  #isSilent(nowUs: number): boolean {
    return nowUs - this.heardUs > this.#context.silentUs;
  }

  #giveUp(dropping: (entry: SeriesEntry, startUs: number) => void): void {
    let throughUs = 0;
    for (const { endUs } of this.panes.all()) throughUs = Math.max(throughUs, endUs);
    this.lose(throughUs);
    this.panes.dropAll(dropping);
  }
}

/** From 0 to 1, by the name. */
function phaseOf(id: GatewayId): number {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0;
  return (hash % 997) / 997;
}
