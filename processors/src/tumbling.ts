/**
 * Tumbling windows of one size per series.
 *
 * A window of a gateway's series is: absent → open (first reading) → final (the gateway's `complete_through` passed its end)
 * → forgotten (`keepUs` later in the gateway's own time). A reading for a final window makes a new revision; one for a
 * forgotten window is late.
 */
import { type Batch, Clock, Quality, type Series } from '@millrace/wire/batch.ts';
import { IntervalSet } from '@millrace/wire/intervals.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { StatsBatch, StatsRow } from '@millrace/wire/stats.ts';
import type { Engine, EngineCounters, Flush } from './engine.ts';
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
  /** Per boot, the sequence numbers already counted; the boots in order of their first batch. */
  readonly seen: Map<number, IntervalSet>;
  /** By sensor and metric. */
  readonly series: Map<string, SeriesState>;
  completeThroughUs: number;
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

/** A gateway has one boot, and a new one when its outbox was lost; SenML devices have one a message, resent within seconds. */
const maxBoots = 64;

export class TumblingEngine implements Engine {
  readonly counters: EngineCounters = { counted: 0, duplicate: 0, late: 0, unsynced: 0, future: 0, bad: 0 };
  readonly #options: TumblingOptions;
  readonly #gateways = new Map<string, GatewayState>();

  constructor(options: TumblingOptions) {
    this.#options = options;
  }

  restore(_key: string, value: Uint8Array): void {
    const state = decodeGateway(value);
    this.#gateways.set(state.gateway, state);
  }

  process(batch: Batch, receivedAtUs: number): void {
    const state = this.#gatewayOf(batch.gateway);
    state.site = batch.site;
    const count = batch.value.length;
    const fresh = count === 0 ? [] : this.#seenOf(state, batch.boot).add(batch.firstSeq, batch.firstSeq + count - 1);
    const seriesStates = batch.series.map(series => seriesOf(state, series));
    let counted = 0;
    for (const [first, last] of fresh) {
      counted += last - first + 1;
      for (let i = first - batch.firstSeq; i <= last - batch.firstSeq; i++) {
        this.#count(state, seriesStates[batch.seriesIndex[i]!]!, batch, i, receivedAtUs);
      }
    }
    this.counters.duplicate += count - counted;
    if (
      batch.completeThroughUs > state.completeThroughUs &&
      batch.completeThroughUs <= receivedAtUs + this.#options.maxAheadUs
    ) {
      state.completeThroughUs = batch.completeThroughUs;
      this.#close(state);
    }
    if (counted > 0) state.dirty = true;
  }

  flush(): Flush {
    const stats: StatsBatch[] = [];
    const changed = new Map<string, Uint8Array | null>();
    for (const state of this.#gateways.values()) {
      if (!state.dirty) continue;
      const rows = [...this.#changedRows(state)];
      if (rows.length > 0) stats.push({ gateway: state.gateway, site: state.site, window: this.#options.window, rows });
      changed.set(state.gateway, encodeGateway(state));
      state.dirty = false;
    }
    return { stats, state: changed };
  }

  #gatewayOf(gateway: GatewayId): GatewayState {
    let state = this.#gateways.get(gateway);
    if (state === undefined) {
      state = {
        gateway,
        site: '',
        seen: new Map(),
        series: new Map(),
        completeThroughUs: 0,
        forgottenUs: 0,
        dirty: true,
      };
      this.#gateways.set(gateway, state);
    }
    return state;
  }

  #seenOf(state: GatewayState, boot: number): IntervalSet {
    let seen = state.seen.get(boot);
    if (seen === undefined) {
      seen = new IntervalSet();
      state.seen.set(boot, seen);
      const oldest = state.seen.keys().next();
      if (state.seen.size > maxBoots && !oldest.done) state.seen.delete(oldest.value);
    }
    return seen;
  }

  #count(state: GatewayState, { windows }: SeriesState, batch: Batch, i: number, receivedAtUs: number): void {
    const timeUs = batch.timeUs[i]!;
    if (batch.clock === Clock.UNSYNCED) return void this.counters.unsynced++;
    if (timeUs > receivedAtUs + this.#options.maxAheadUs) return void this.counters.future++;
    if (batch.quality[i] === Quality.BAD) return void this.counters.bad++;
    const { sizeUs } = this.#options;
    const startUs = timeUs - (timeUs % sizeUs);
    if (startUs + sizeUs <= state.forgottenUs) return void this.counters.late++;
    let window = windows.get(startUs);
    if (window === undefined) {
      window = openWindow(startUs);
      window.final = startUs + sizeUs <= state.completeThroughUs;
      windows.set(startUs, window);
    }
    addToWindow(window, timeUs, batch.value[i]!);
    this.counters.counted++;
  }

  /** Makes windows final that the gateway has declared complete, and forgets the old ones. */
  #close(state: GatewayState): void {
    const { sizeUs, keepUs } = this.#options;
    state.forgottenUs = Math.max(state.forgottenUs, state.completeThroughUs - keepUs);
    state.dirty = true;
    for (const { windows } of state.series.values()) {
      for (const window of windows.values()) {
        const endUs = window.startUs + sizeUs;
        if (!window.final && endUs <= state.completeThroughUs) {
          window.final = true;
          window.dirty = true;
        }
        // One that changed is forgotten after it has been published.
        if (!window.dirty && endUs <= state.forgottenUs) windows.delete(window.startUs);
      }
    }
  }

  *#changedRows(state: GatewayState): Generator<StatsRow> {
    for (const { series, windows } of state.series.values()) {
      for (const window of windows.values()) {
        if (!window.dirty) continue;
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
          first,
          last,
          revision,
          final,
        };
      }
    }
  }
}

function seriesOf(state: GatewayState, series: Series): SeriesState {
  const key = `${series.sensor}\n${series.metric}`;
  let found = state.series.get(key);
  if (found === undefined) {
    found = { series, windows: new Map() };
    state.series.set(key, found);
  }
  found.series = series;
  return found;
}
