/**
 * The statistics, computed the plain way: all readings in memory, sorted, one pass a number. Shares no code with the
 * engine, and says how its results are meant.
 */
import { type Arrival, baseUs, type LateReading, minuteUs } from './lab.ts';

export interface OracleOptions {
  readonly windows: readonly { readonly name: string; readonly sizeUs: number; readonly stepUs: number }[];
  readonly keepUs: number;
  readonly maxAheadUs: number;
  readonly isCounter: (metric: string) => boolean;
}

export interface Expected {
  readonly count: number;
  readonly expected: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly stddev: number | null;
  /** Exact. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly rate: number | null;
  /** What the rate's rounding is relative to: all values a second. */
  readonly rateSize: number;
  readonly first: number;
  readonly last: number;
}

export interface Answer {
  /** By place, of all windows with a reading in them. */
  readonly table: ReadonlyMap<string, Expected>;
  readonly late: readonly LateReading[];
  readonly outcomes: Readonly<Record<'counted' | 'duplicate' | 'late' | 'unsynced' | 'future' | 'bad', number>>;
}

interface Counted {
  readonly timeUs: number;
  readonly value: number;
}

interface SeriesReadings {
  readonly gateway: string;
  readonly sensor: string;
  readonly metric: string;
  readonly intervalMs: number;
  /** In the order of arrival. */
  readonly readings: Counted[];
}

/** @param arrivals as the partition holds them. */
export function answer(arrivals: readonly Arrival[], options: OracleOptions): Answer {
  const paneUs = Math.min(...options.windows.map(({ stepUs }) => stepUs));
  const outcomes = { counted: 0, duplicate: 0, late: 0, unsynced: 0, future: 0, bad: 0 };
  const late: LateReading[] = [];
  const seen = new Set<string>();
  const all = new Map<string, SeriesReadings>();
  const gateways = new Map<string, { throughUs: number; newestUs: number; settledUs: number }>();
  for (const { batch, receivedAtUs } of arrivals) {
    const { gateway, boot } = batch;
    const time = gateways.get(gateway) ?? { throughUs: 0, newestUs: 0, settledUs: 0 };
    gateways.set(gateway, time);
    for (const [i, timeUs] of batch.timeUs.entries()) {
      const value = batch.value[i]!;
      const seq = batch.firstSeq + i;
      const identity = `${gateway} ${boot} ${seq}`;
      const paneEndUs = timeUs - (timeUs % paneUs) + paneUs;
      if (seen.has(identity)) outcomes.duplicate++;
      else if (batch.clock === 0) outcomes.unsynced++;
      else if (timeUs > receivedAtUs + options.maxAheadUs) outcomes.future++;
      else if (batch.quality[i] === 2) outcomes.bad++;
      else if (paneEndUs <= time.settledUs) {
        outcomes.late++;
        late.push({ reason: 'late', gateway, boot, seq, timeUs, value });
      } else {
        outcomes.counted++;
        time.newestUs = Math.max(time.newestUs, timeUs);
        const { sensor, metric, intervalMs } = batch.series[batch.seriesIndex[i]!]!;
        const name = `${gateway} ${sensor} ${metric}`;
        if (!all.has(name)) all.set(name, { gateway, sensor, metric, intervalMs, readings: [] });
        all.get(name)!.readings.push({ timeUs, value });
      }
      seen.add(identity);
    }
    // What a gateway says by a wrong clock says nothing; one that says nothing has sent all but the last while.
    if (batch.clock !== 0 && batch.completeThroughUs <= receivedAtUs + options.maxAheadUs)
      time.throughUs = Math.max(time.throughUs, batch.completeThroughUs);
    const closedUs = time.throughUs > 0 ? time.throughUs : time.newestUs - options.keepUs;
    time.settledUs = Math.max(time.settledUs, closedUs - options.keepUs);
  }
  const table = new Map<string, Expected>();
  for (const series of all.values()) {
    for (const window of options.windows) {
      for (const [startUs, readings] of byWindow(series.readings, window)) {
        const place = `${window.name} ${series.gateway} ${series.sensor} ${series.metric} ${(startUs - baseUs) / minuteUs}`;
        table.set(place, statistics(readings, window.sizeUs, series, options.isCounter(series.metric)));
      }
    }
  }
  return { table, late, outcomes };
}

function byWindow(readings: readonly Counted[], { sizeUs, stepUs }: { sizeUs: number; stepUs: number }) {
  const windows = new Map<number, Counted[]>();
  for (const reading of readings) {
    const { timeUs } = reading;
    for (let startUs = timeUs - (timeUs % stepUs); startUs > timeUs - sizeUs; startUs -= stepUs) {
      if (!windows.has(startUs)) windows.set(startUs, []);
      windows.get(startUs)!.push(reading);
    }
  }
  return windows;
}

function statistics(
  readings: readonly Counted[],
  sizeUs: number,
  { intervalMs }: { intervalMs: number },
  isCounter: boolean,
): Expected {
  // Stable: those of one time stay in the order of arrival.
  const inTime = readings.toSorted((a, b) => a.timeUs - b.timeUs);
  const sorted = readings.map(({ value }) => value).sort((a, b) => a - b);
  const count = readings.length;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / count;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const [first, last] = [inTime[0]!, inTime.at(-1)!];
  let rise = 0;
  for (const [i, { value }] of inTime.entries()) {
    if (i === 0) continue;
    const before = inTime[i - 1]!.value;
    rise += value >= before ? value - before : value;
  }
  const spanS = (last.timeUs - first.timeUs) / 1e6;
  const rank = (q: number): number => sorted[Math.floor(q * (count - 1))]!;
  return {
    count,
    expected: intervalMs > 0 ? Math.round(sizeUs / 1000 / intervalMs) : 0,
    mean,
    min: sorted[0]!,
    max: sorted.at(-1)!,
    stddev: count < 2 ? null : Math.sqrt(squares / (count - 1)),
    p50: rank(0.5),
    p95: rank(0.95),
    p99: rank(0.99),
    rate: isCounter && spanS > 0 ? rise / spanS : null,
    rateSize: sorted.reduce((sum, value) => sum + Math.abs(value), 0) / spanS,
    first: first.value,
    last: last.value,
  };
}
