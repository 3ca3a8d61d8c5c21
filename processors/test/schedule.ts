/** What may happen to a partition, made up from a seed: the gateways' readings, what the way does to them, and kills. */
import type { Batch, ClockState, Series } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { parseWindows, type WindowSpec } from '../src/windows.ts';
import { type Arrival, baseUs, hourUs, minuteUs } from './lab.ts';

export type Step =
  | { readonly kind: 'arrival'; readonly arrival: Arrival }
  | { readonly kind: 'commit'; readonly nowUs: number; readonly monotonicMs: number }
  | { readonly kind: 'kill' };

export interface Schedule {
  readonly windows: readonly WindowSpec[];
  readonly keepUs: number;
  readonly maxHoldUs: number;
  readonly maxAheadUs: number;
  readonly earlyIntervalMs: number;
  readonly steps: readonly Step[];
}

/** Each with a tumbling window of the shortest step, whose rows count each reading once. */
const windowSets = [
  ['1m'],
  ['1m', '5m/1m', '1h/5m'],
  ['10s', '1m/10s', '1m', '10m/5m'],
  ['30s', '90s/30s', '5m', '15m/5m'],
  ['2m', '1h/10m', '1h/2m'],
];

/** Mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  one<T>(of: readonly T[]): T {
    return of[this.whole(0, of.length - 1)]!;
  }
}

/** @param batches of one gateway, at most. */
export function makeSchedule(seed: number, batches: number): Schedule {
  const random = new Random(seed);
  const minutes = random.one([3, 12, 40, 100]);
  const arrivals = Array.from({ length: random.whole(1, 4) }, (_, i) =>
    gatewayArrivals(random, `g${i}`, minutes, batches),
  ).flat();
  arrivals.sort((a, b) => a.receivedAtUs - b.receivedAtUs);
  return {
    windows: parseWindows(random.one(windowSets)),
    keepUs: random.one([0, minuteUs, 5 * minuteUs, hourUs]),
    maxHoldUs: random.one([10_000_000, 2 * minuteUs, hourUs]),
    maxAheadUs: 10 * minuteUs,
    earlyIntervalMs: random.one([0, 1000]),
    steps: [...disturbed(random, arrivals), ...ending(arrivals)],
  };
}

/** A gateway's life, as its batches arrive, in the order of nothing. */
function gatewayArrivals(random: Random, id: string, minutes: number, batches: number): Arrival[] {
  const gateway = id as GatewayId;
  const declares = random.chance(0.8);
  const sequenced = declares || random.chance(0.5);
  const disorderUs = random.one([0, 2_000_000, 30_000_000, 4 * minuteUs]);
  const delayUs = random.one([100_000, 5_000_000, 3 * minuteUs]);
  const series = seriesOf(random);
  const stepUs = Math.floor((minutes * minuteUs) / random.whole(5, batches));
  const silentFromUs = random.chance(0.2) ? random.whole(0, minutes) * minuteUs : Number.POSITIVE_INFINITY;
  const arrivals: Arrival[] = [];
  let boot = random.whole(1, 2 ** 31);
  let seq = 0;
  let at = 0;
  while (at < Math.min(minutes * minuteUs, silentFromUs)) {
    if (random.chance(0.02)) {
      boot++;
      seq = 0;
    }
    if (!sequenced) {
      boot++;
      seq = 0;
    }
    const count = random.whole(1, 20);
    const column = <T>(one: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => one(i));
    const clock: ClockState = random.chance(0.05) ? 0 : random.chance(0.05) ? 2 : 1;
    const future = random.chance(0.05);
    const times = column(i => {
      const offsetUs = future && random.chance(0.3) ? 2 * hourUs : -random.whole(0, disorderUs);
      // Some at the very edges of panes.
      const timeUs = baseUs + at + Math.floor((i * stepUs) / count) + offsetUs;
      return random.chance(0.05) ? timeUs - (timeUs % minuteUs) - random.whole(0, 1) : timeUs;
    });
    const batch: Batch = {
      gateway,
      site: random.chance(0.01) ? 'village' : 'town',
      boot,
      firstSeq: seq,
      series,
      seriesIndex: column(() => random.whole(0, series.length - 1)),
      timeUs: times,
      value: column(i => valueOf(random, at + i)),
      quality: column(() => (random.chance(0.03) ? 2 : random.chance(0.1) ? 1 : 0)),
      clock,
      completeThroughUs: declares && random.chance(0.7) ? claim(random, baseUs + at, disorderUs) : 0,
      dropped: random.chance(0.03) ? [{ firstSeq: seq + count, lastSeq: seq + count + 4, reason: 'OUTBOX_FULL' }] : [],
    };
    seq += count + (batch.dropped.length > 0 ? 5 : 0);
    const receivedAtUs = baseUs + at + stepUs + random.whole(0, delayUs);
    arrivals.push(...onItsWay(random, { batch, receivedAtUs, sequenced }, delayUs));
    at += stepUs;
  }
  return arrivals;
}

function seriesOf(random: Random): Series[] {
  return Array.from({ length: random.whole(1, 5) }, (_, i) => ({
    sensor: `sensor-${i >>> 1}`,
    metric: random.one(['temperature', 'passed_total']) + (i & 1),
    unit: '1',
    intervalMs: random.one([0, 1000, 60_000]),
    zone: random.one(['', 'harbour']),
  }));
}

/** Temperatures, counts that are reset, and numbers of all sizes. */
function valueOf(random: Random, at: number): number {
  const kind = random.next();
  if (kind < 0.4) return Math.floor(random.next() * 500 - 100) / 10;
  if (kind < 0.8) return Math.floor(at / 1_000_000) % 50;
  return (random.next() - 0.5) * 10 ** random.whole(-6, 9);
}

/** Mostly true, sometimes too much. */
function claim(random: Random, atUs: number, disorderUs: number): number {
  return Math.floor(atUs - (random.chance(0.9) ? disorderUs : random.next() * disorderUs));
}

/** Lost, late, twice, or in part once more. */
function onItsWay(random: Random, arrival: Arrival, delayUs: number): Arrival[] {
  if (random.chance(0.03)) return [];
  const late = (): number => arrival.receivedAtUs + random.whole(0, 10 * delayUs);
  const arrivals = [random.chance(0.1) ? { ...arrival, receivedAtUs: late() } : arrival];
  if (random.chance(0.1)) arrivals.push({ ...arrival, receivedAtUs: late() });
  const { batch } = arrival;
  if (random.chance(0.05) && batch.value.length > 2) {
    const from = random.whole(1, batch.value.length - 1);
    const part = {
      firstSeq: batch.firstSeq + from,
      seriesIndex: batch.seriesIndex.slice(from),
      timeUs: batch.timeUs.slice(from),
      value: batch.value.slice(from),
      quality: batch.quality.slice(from),
    };
    arrivals.push({ ...arrival, batch: { ...batch, ...part }, receivedAtUs: late() });
  }
  return arrivals;
}

function* disturbed(random: Random, arrivals: readonly Arrival[]): Generator<Step> {
  const commits = random.one([0.02, 0.2, 0.7]);
  const kills = random.one([0, 0.01, 0.1]);
  let nowUs = 0;
  let monotonicMs = 1000;
  for (const arrival of arrivals) {
    yield { kind: 'arrival', arrival };
    nowUs = Math.max(nowUs, arrival.receivedAtUs);
    while (random.chance(commits)) {
      monotonicMs += random.whole(1, 2000);
      if (random.chance(0.1)) nowUs += random.whole(0, minuteUs);
      yield { kind: 'commit', nowUs, monotonicMs };
    }
    if (random.chance(kills)) yield { kind: 'kill' };
  }
}

/** Every gateway says that it has sent all. */
function* ending(arrivals: readonly Arrival[]): Generator<Step> {
  const receivedAtUs = baseUs + 12 * hourUs;
  for (const gateway of new Set(arrivals.map(({ batch }) => batch.gateway))) {
    const claim = { site: 'town', series: [], seriesIndex: [], timeUs: [], value: [], quality: [], dropped: [] };
    const completeThroughUs = baseUs + 11 * hourUs;
    const batch: Batch = { ...claim, gateway, boot: 1, firstSeq: 0, clock: 1, completeThroughUs };
    yield { kind: 'arrival', arrival: { batch, receivedAtUs, sequenced: false } };
  }
  yield { kind: 'commit', nowUs: receivedAtUs, monotonicMs: 1e9 };
}
