/** What is fed to both sides, and what must come out: sensors that are read at even steps, by gateways that seal batches. */
import { type Batch, Clock, encodeBatch, Quality } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';

const gateways = 20;
/** A batch holds one reading of each. */
const sensorsPerGateway = 50;

const minuteUs = 60_000_000;

/** One sensor's window; values are multiples of ¼, so that sums are exact in any order. */
export interface Expected {
  count: number;
  sum: number;
  min: number;
  max: number;
  sumOfSquares: number;
}

export interface SealedBatch {
  readonly gateway: string;
  readonly bytes: Uint8Array;
  /** µs since the Unix epoch, as the bridge would stamp it. */
  readonly receivedAtUs: number;
}

export interface Workload {
  readonly readings: number;
  /** In order of time over all gateways. */
  readonly batches: readonly SealedBatch[];
  /** By {@link windowKey}. */
  readonly expected: ReadonlyMap<string, Expected>;
}

/** @param startUs of the window. */
export const windowKey = (gateway: string, sensor: string, startUs: number): string =>
  `${gateway}/${sensor}@${startUs}`;

/**
 * @param readings rounded up to whole rounds of all sensors.
 * @param minutes of event time that they cover.
 */
export function makeWorkload(readings: number, minutes: number): Workload {
  const rounds = Math.ceil(readings / (gateways * sensorsPerGateway));
  const stepUs = Math.floor((minutes * minuteUs) / rounds);
  // Past, so that nothing is dated ahead of its arrival; a whole minute, so that every window but the last is full.
  const baseUs = Math.floor((Date.now() * 1000) / minuteUs - minutes - 1) * minuteUs;
  const boot = Math.floor(baseUs / 1000);
  const column = <T>(one: (sensor: number) => T): T[] => Array.from({ length: sensorsPerGateway }, (_, i) => one(i));
  const series = column(sensor => ({
    sensor: `sensor-${String(sensor).padStart(2, '0')}`,
    metric: 'temperature',
    unit: 'Cel',
    intervalMs: Math.max(1, Math.round(stepUs / 1000)),
    zone: '',
  }));
  const random = generator(5);
  const quarters = Array.from({ length: gateways * sensorsPerGateway }, () => 40 + Math.floor(random() * 80));
  const expected = new Map<string, Expected>();
  const batches: SealedBatch[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let g = 0; g < gateways; g++) {
      const gateway = `gateway-${String(g).padStart(2, '0')}` as GatewayId;
      // A gateway reads its sensors one after the other.
      const timeUs = column(sensor => baseUs + round * stepUs + g * 1000 + sensor * 100);
      const value = column(sensor => {
        const at = g * sensorsPerGateway + sensor;
        quarters[at] = Math.min(200, Math.max(-80, quarters[at]! + Math.floor(random() * 5) - 2));
        return quarters[at] / 4;
      });
      for (const [i, { sensor }] of series.entries())
        count(expected, windowKey(gateway, sensor, Math.floor(timeUs[i]! / minuteUs) * minuteUs), value[i]!);
      const batch: Batch = {
        gateway,
        site: 'bench',
        boot,
        firstSeq: round * sensorsPerGateway,
        series,
        seriesIndex: column(sensor => sensor),
        timeUs,
        value,
        quality: column(() => Quality.GOOD),
        clock: Clock.SYNCED,
        completeThroughUs: timeUs.at(-1)!,
        dropped: [],
      };
      batches.push({ gateway, bytes: encodeBatch(batch), receivedAtUs: timeUs.at(-1)! + 50_000 });
    }
  }
  return { readings: rounds * gateways * sensorsPerGateway, batches, expected };
}

function count(expected: Map<string, Expected>, key: string, value: number): void {
  let window = expected.get(key);
  if (window === undefined) {
    window = { count: 0, sum: 0, min: value, max: value, sumOfSquares: 0 };
    expected.set(key, window);
  }
  window.count++;
  window.sum += value;
  window.min = Math.min(window.min, value);
  window.max = Math.max(window.max, value);
  window.sumOfSquares += value * value;
}

/** mulberry32: the same numbers in every run. @returns 0 ≤ x < 1 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
