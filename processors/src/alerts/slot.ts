/** Where a series stands in the state: an entry of it, and a slot of that. */
import type { WatchedGateway } from './gateway-watch.ts';
import type { SeriesNames, WatchedSeries } from './series-watch.ts';
import type { KeptSeries } from './state.ts';

export interface Entry {
  readonly slots: (WatchedSeries | null)[];
  dirty: boolean;
  historyDirty: boolean;
  /** The state topic has a history of it. */
  historyKept: boolean;
}

/** A series in its place of the state. */
export class Slot {
  readonly gateway: WatchedGateway;
  readonly series: WatchedSeries;
  readonly entry: Entry;
  readonly index: number;
  /** Of the gateway when the rules were chosen. */
  site: string;
  /** Forgotten; whoever still holds it must ask for it anew. */
  gone = false;

  constructor(gateway: WatchedGateway, series: WatchedSeries, entry: Entry, index: number) {
    this.gateway = gateway;
    this.series = series;
    this.entry = entry;
    this.index = index;
    this.site = gateway.site;
  }

  reading(timeUs: number, value: number): void {
    const { series, entry, gateway } = this;
    if (series.silent || series.newestUs === Number.NEGATIVE_INFINITY) gateway.mayBeSilent();
    if (series.reading(timeUs, value)) entry.historyDirty = true;
    entry.dirty = true;
  }

  silence(throughUs: number): number {
    const before = this.series.silent;
    const earliestUs = this.series.silence(throughUs);
    if (this.series.silent !== before) this.entry.dirty = true;
    return earliestUs;
  }
}

export const seriesNameOf = ({ sensor, metric }: Pick<SeriesNames, 'sensor' | 'metric'>): string =>
  `${sensor}\n${metric}`;

export function keptSeries(series: WatchedSeries): KeptSeries {
  const { names, newestUs, newest } = series;
  const { sensor, metric, unit, zone, intervalMs } = names;
  const heard = Number.isFinite(newestUs) ? newestUs : null;
  return { sensor, metric, unit, zone, intervalMs, newestUs: heard, newest, rules: series.kept() };
}
