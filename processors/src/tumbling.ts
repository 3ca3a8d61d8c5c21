/**
 * Tumbling windows of one size per series.
 *
 * A window of a gateway's series is: absent → open (first reading) → final (the gateway's `complete_through` passed its end)
 * → forgotten (`keepUs` later in the gateway's own time, once its last result is out). A reading for a final window makes a new revision; one for a
 * forgotten window is late.
 */
import { type Batch, Clock, Quality, type Series } from '@millrace/wire/batch.ts';
import type { GatewayLedger } from '@millrace/wire/ledger.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { StatsBatch, StatsRow } from '@millrace/wire/stats.ts';
import { BootAccount } from './account.ts';
import { type Engine, type EngineCounters, type Flush, noneCounted } from './engine.ts';
import { type Standing, standingOf } from './standing.ts';
import { decodeGateway, encodeGateway } from './state.ts';
import { addToWindow, openWindow, sampleDeviation, type Window } from './window.ts';

export interface SeriesState {
  series: Series;
  /** By start. */
  readonly windows: Map<number, Window>;
}

export interface GatewayState {
  readonly gateway: GatewayId;
  site: string;
  /** The boots in order of their last batch. */
  readonly boots: Map<number, BootAccount>;
  /** That of the newest record with a sequence: a redriven record of an older boot is put right by the next batch. */
  newestBoot: number | undefined;
  /** When the bridge received that record, µs since the Unix epoch. */
  newestAtUs: number;
  standing: Standing | undefined;
  /** Its ledger is to go out with the next flush. */
  ledgerDue: boolean;
  /** By sensor and metric. */
  readonly series: Map<string, SeriesState>;
  completeThroughUs: number;
  /** Newest reading that could be dated, for gateways that declare nothing. */
  newestUs: number;
  /** Of the last record that is in this state. */
  offset: number;
  /** Over all series. */
  windows: number;
  /** Windows that end at or before this are forgotten. */
  forgottenUs: number;
  dirty: boolean;
}

export interface TumblingOptions {
  /** Name of the windows in results: `1m`. */
  readonly window: string;
  readonly sizeUs: number;
  /** How long after its end, in the gateway's own time, a window still takes readings. */
  readonly keepUs: number;
  /** A reading dated further ahead of its arrival than this is left out. */
  readonly maxAheadUs: number;
}

/**
 * What is kept of one gateway, so that none can fill the state. A gateway has one boot, and a new one when its outbox was
 * lost; SenML devices have one a message, resent within seconds. What a crash brings again is told by its offset.
 */
const maxBoots = 256;
const maxSeries = 2_000;
const maxWindows = 20_000;

export class TumblingEngine implements Engine {
  readonly counters: EngineCounters = noneCounted();
  readonly #options: TumblingOptions;
  readonly #gateways = new Map<string, GatewayState>();

  constructor(options: TumblingOptions) {
    this.#options = options;
  }

  restore(_key: string, value: Uint8Array): void {
    const state = decodeGateway(value);
    this.#gateways.set(state.gateway, state);
  }

  endsAt(endOffset: number): boolean {
    const beyond = [...this.#gateways.values()].filter(({ offset }) => offset >= endOffset);
    for (const state of beyond) state.offset = -1;
    return beyond.length > 0;
  }

  process(batch: Batch, receivedAtUs: number, offset: number, sequenced = true): void {
    const state = this.#gatewayOf(batch.gateway);
    if (offset <= state.offset) return void (this.counters.duplicate += batch.value.length);
    state.offset = offset;
    state.site = batch.site;
    const count = batch.value.length;
    const account = accountOf(state, batch.boot);
    if (sequenced) {
      state.newestBoot = batch.boot;
      state.newestAtUs = receivedAtUs;
      state.ledgerDue = true;
    }
    account.drop(batch.dropped);
    const fresh = account.take(batch.firstSeq, count);
    const seriesStates = fresh.length === 0 ? [] : batch.series.map(series => seriesOf(state, series));
    let counted = 0;
    for (const [first, last] of fresh) {
      counted += last - first + 1;
      for (let i = first - batch.firstSeq; i <= last - batch.firstSeq; i++) {
        this.#count(state, seriesStates[batch.seriesIndex[i]!], batch, i, receivedAtUs);
      }
    }
    this.counters.duplicate += count - counted;
    this.#declare(state, batch, receivedAtUs);
    state.dirty = true;
  }

  flush(): Flush {
    const stats: StatsBatch[] = [];
    const ledgers: GatewayLedger[] = [];
    const changed = new Map<string, Uint8Array | null>();
    for (const state of this.#gateways.values()) {
      if (state.ledgerDue) {
        settleStanding(state);
        if (state.standing !== undefined) ledgers.push(state.standing.ledger);
        state.ledgerDue = false;
      }
      if (!state.dirty) continue;
      const rows = [...this.#changedRows(state)];
      if (rows.length > 0) stats.push({ gateway: state.gateway, site: state.site, window: this.#options.window, rows });
      forget(state, this.#options.sizeUs);
      changed.set(state.gateway, encodeGateway(state));
      state.dirty = false;
    }
    return { stats, ledgers, state: changed };
  }

  *standings(): Generator<Standing> {
    for (const { standing } of this.#gateways.values()) if (standing !== undefined) yield standing;
  }

  #gatewayOf(gateway: GatewayId): GatewayState {
    let state = this.#gateways.get(gateway);
    if (state === undefined) {
      state = {
        gateway,
        site: '',
        boots: new Map(),
        newestBoot: undefined,
        newestAtUs: 0,
        standing: undefined,
        ledgerDue: false,
        series: new Map(),
        completeThroughUs: 0,
        newestUs: 0,
        offset: -1,
        windows: 0,
        forgottenUs: 0,
        dirty: true,
      };
      this.#gateways.set(gateway, state);
    }
    return state;
  }

  #count(state: GatewayState, series: SeriesState | undefined, batch: Batch, i: number, receivedAtUs: number): void {
    const timeUs = batch.timeUs[i]!;
    if (batch.clock === Clock.UNSYNCED) return void this.counters.unsynced++;
    if (timeUs > receivedAtUs + this.#options.maxAheadUs) return void this.counters.future++;
    if (batch.quality[i] === Quality.BAD) return void this.counters.bad++;
    const { sizeUs } = this.#options;
    const startUs = timeUs - (timeUs % sizeUs);
    if (startUs + sizeUs <= state.forgottenUs) return void this.counters.late++;
    let window = series?.windows.get(startUs);
    if (window === undefined) {
      if (series === undefined || state.windows >= maxWindows) return void this.counters.refused++;
      window = openWindow(startUs);
      series.windows.set(startUs, window);
      state.windows++;
    }
    addToWindow(window, timeUs, batch.value[i]!);
    if (timeUs > state.newestUs) state.newestUs = timeUs;
    this.counters.counted++;
  }

  /**
   * Takes the gateway's word for what it has sent. One that never declares anything (SenML has no way to) is taken to have
   * sent all that is `keepUs` older than its newest reading.
   */
  #declare(state: GatewayState, { clock, completeThroughUs }: Batch, receivedAtUs: number): void {
    const { keepUs, maxAheadUs } = this.#options;
    if (clock !== Clock.UNSYNCED && completeThroughUs <= receivedAtUs + maxAheadUs) {
      state.completeThroughUs = Math.max(state.completeThroughUs, completeThroughUs);
    }
    state.forgottenUs = Math.max(state.forgottenUs, this.#closedUs(state) - keepUs);
  }

  #closedUs({ completeThroughUs, newestUs }: GatewayState): number {
    return completeThroughUs > 0 ? completeThroughUs : newestUs - this.#options.keepUs;
  }

  *#changedRows(state: GatewayState): Generator<StatsRow> {
    const closedUs = this.#closedUs(state);
    for (const { series, windows } of state.series.values()) {
      for (const window of windows.values()) {
        const closes = !window.final && window.startUs + this.#options.sizeUs <= closedUs;
        if (!window.dirty && !closes) continue;
        window.final ||= closes;
        window.dirty = false;
        window.revision++;
        const { startUs, count, mean, min, max, first, last, revision, final } = window;
        const expected = series.intervalMs > 0 ? Math.round(this.#options.sizeUs / 1000 / series.intervalMs) : 0;
        // Quantiles are the full engine's.
        yield {
          series,
          startUs,
          count,
          expected,
          mean,
          min,
          max,
          stddev: sampleDeviation(window),
          p50: null,
          p95: null,
          p99: null,
          rate: null,
          first,
          last,
          revision,
          final,
        };
      }
    }
  }
}

/** Moves the boot to the end of the line: the one that goes is the one that was used longest ago. */
function accountOf({ boots, newestBoot }: GatewayState, boot: number): BootAccount {
  const account = boots.get(boot) ?? new BootAccount();
  boots.delete(boot);
  boots.set(boot, account);
  if (boots.size > maxBoots) {
    // A gateway that sends SenML beside its own batches must not lose the account of those.
    for (const oldest of boots.keys()) {
      if (oldest === newestBoot) continue;
      boots.delete(oldest);
      break;
    }
  }
  return account;
}

/** Brings the standing up to the account. */
function settleStanding(state: GatewayState): void {
  const { gateway, newestBoot, newestAtUs, standing } = state;
  const account = newestBoot === undefined ? undefined : state.boots.get(newestBoot);
  if (newestBoot === undefined || account === undefined) return;
  state.standing = standingOf(gateway, newestBoot, newestAtUs, account, standing);
}

/** undefined: the gateway has as many series as are kept. */
function seriesOf(state: GatewayState, series: Series): SeriesState | undefined {
  const key = `${series.sensor}\n${series.metric}`;
  let found = state.series.get(key);
  if (found === undefined) {
    if (state.series.size >= maxSeries) return undefined;
    found = { series, windows: new Map() };
    state.series.set(key, found);
  }
  found.series = series;
  return found;
}

/** After their last result: windows that take no more readings, and series that have none left. */
function forget(state: GatewayState, sizeUs: number): void {
  for (const [key, { windows }] of state.series) {
    for (const { startUs } of windows.values()) {
      if (startUs + sizeUs > state.forgottenUs) continue;
      windows.delete(startUs);
      state.windows--;
    }
    if (windows.size === 0) state.series.delete(key);
  }
}
