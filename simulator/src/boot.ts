/** One boot of one post: its readings, slot by slot, with the sequence numbers that they have whoever makes them, whenever. */
import { Clock, type DroppedRange, encodeBatch, Quality, type Series } from '@millrace/wire/batch.ts';
import { type Post, site } from './city.ts';
import { localTime } from './local-time.ts';
import { type BootPlan, type Fault, isIn, planBoot, slotMs } from './plan.ts';
import { chance, hash, normal, type Seed } from './random.ts';
import type { Scene, Sensor } from './sensors.ts';
import { clamp, weatherAt } from './weather.ts';

/** Of all readings, those that the radio between sensor and post loses. */
const lostShare = 0.002;
/** How long a post's own check takes to mark what is stuck or drifts. */
const noticedMs = { stuck: 600_000, drift: 1_800_000 } as const;

interface Taken {
  readonly series: number;
  readonly ms: number;
}

export class Boot {
  readonly plan: BootPlan;
  readonly post: Post;
  readonly slots: number;
  readonly #seed: Seed;
  /** By slot, and one more: the first sequence number. */
  readonly #firstSeqs: Uint32Array;
  readonly #phases: readonly number[];

  constructor(seed: Seed, post: Post, startMs: number) {
    this.#seed = seed;
    this.post = post;
    this.plan = planBoot(seed, post, startMs);
    this.slots = (this.plan.endMs - startMs) / slotMs;
    this.#phases = post.sensors.map(({ intervalMs }, i) => hash(seed, post.key, i, 5) % intervalMs);
    this.#firstSeqs = new Uint32Array(this.slots + 1);
    for (let slot = 0; slot < this.slots; slot++)
      this.#firstSeqs[slot + 1] = this.#firstSeqs[slot]! + this.#taken(slot).length;
  }

  /** Sequence number of the slot's first reading; of the slot after the last: how many there are. */
  firstSeq(slot: number): number {
    return this.#firstSeqs[slot]!;
  }

  readings(slot: number): number {
    return this.#firstSeqs[slot + 1]! - this.#firstSeqs[slot]!;
  }

  startOf(slot: number): number {
    return this.plan.startMs + slot * slotMs;
  }

  slotAt(ms: number): number {
    return Math.floor((ms - this.plan.startMs) / slotMs);
  }

  /** Whether the slot was given up by the outbox: it is never sent. */
  isDropped(slot: number): boolean {
    return isIn(this.plan.dropped, this.startOf(slot));
  }

  /** The sealed bytes of the slot; undefined when it holds nothing. The same in every run. */
  seal(slot: number): Uint8Array | undefined {
    const dropped = this.#declaredIn(slot);
    const taken = this.#taken(slot);
    if (taken.length === 0 && dropped.length === 0) return undefined;
    const { clock } = this.plan;
    const isEarly = this.startOf(slot) < clock.untilMs;
    const places = new Map<number, number>();
    const series: Series[] = [];
    const seriesIndex = taken.map(({ series: at }) => {
      const place = places.get(at) ?? series.push(this.post.series[at]!) - 1;
      places.set(at, place);
      return place;
    });
    const values = taken.map(one => this.#read(one));
    return encodeBatch({
      gateway: this.post.gateway,
      site,
      boot: this.plan.boot,
      firstSeq: this.firstSeq(slot),
      series,
      seriesIndex,
      timeUs: taken.map(({ ms }) => (ms + (isEarly ? clock.offsetMs : 0)) * 1000),
      value: values.map(({ value }) => value),
      quality: values.map(({ quality }) => quality),
      clock: isEarly ? clock.state : Clock.SYNCED,
      completeThroughUs: declaresNothingUs,
      dropped,
    });
  }

  /** Readings given up, told in the first batch after the outage. */
  #declaredIn(slot: number): DroppedRange[] {
    const { dropped, outage } = this.plan;
    if (dropped === undefined || this.startOf(slot) !== outage!.toMs) return [];
    const firstSeq = this.firstSeq(this.slotAt(dropped.fromMs));
    const lastSeq = this.firstSeq(this.slotAt(dropped.toMs)) - 1;
    return lastSeq < firstSeq ? [] : [{ firstSeq, lastSeq, reason: 'OUTBOX_FULL' }];
  }

  /** Readings given up and declared in the slots before this one. */
  droppedBefore(slot: number): number {
    const { dropped, outage } = this.plan;
    if (dropped === undefined || this.startOf(slot) <= outage!.toMs) return 0;
    return this.firstSeq(this.slotAt(dropped.toMs)) - this.firstSeq(this.slotAt(dropped.fromMs));
  }

  #taken(slot: number): Taken[] {
    const fromMs = this.startOf(slot);
    const taken: Taken[] = [];
    for (let series = 0; series < this.post.sensors.length; series++) {
      const { intervalMs } = this.post.sensors[series]!;
      const fault = this.plan.faults[series];
      const phase = this.#phases[series]!;
      for (
        let ms = Math.ceil((fromMs - phase) / intervalMs) * intervalMs + phase;
        ms < fromMs + slotMs;
        ms += intervalMs
      ) {
        if (fault?.kind === 'dropout' && isIn(fault, ms)) continue;
        if (chance(this.#seed, this.post.key, series, ms, 6) < lostShare) continue;
        taken.push({ series, ms });
      }
    }
    return taken.sort((a, b) => a.ms - b.ms);
  }

  #read({ series, ms }: Taken): { value: number; quality: number } {
    const sensor = this.post.sensors[series]!;
    const fault = this.plan.faults[series];
    if (!isIn(fault, ms)) return { value: this.#measure(sensor, series, ms), quality: Quality.GOOD };
    return this.#faulty(sensor, series, ms, fault!);
  }

  #faulty(
    sensor: Sensor,
    series: number,
    ms: number,
    { kind, fromMs, sign }: Fault,
  ): { value: number; quality: number } {
    const quality =
      kind in noticedMs && ms - fromMs >= noticedMs[kind as keyof typeof noticedMs] ? Quality.SUSPECT : Quality.GOOD;
    if (kind === 'stuck') return { value: this.#measure(sensor, series, fromMs), quality };
    const value = this.#measure(sensor, series, ms);
    if (kind === 'drift')
      return { value: bounded(sensor, value + (sign * sensor.span * (ms - fromMs)) / 3_600_000), quality };
    // A loose plug: one reading in four is out of all reason, and marked as such.
    const isSpike = chance(this.#seed, this.post.key, series, ms, 7) < 0.25;
    return isSpike
      ? { value: bounded(sensor, value + 2 * sign * sensor.span), quality: Quality.BAD }
      : { value, quality: Quality.GOOD };
  }

  #measure(sensor: Sensor, series: number, ms: number): number {
    const { key, lon, street } = this.post;
    const seed = this.#seed;
    const scene: Scene = { seed, key, ms, lon, street, time: localTime(ms), weather: weatherAt(seed, ms, lon) };
    return bounded(sensor, sensor.value(scene) + sensor.noise * normal(seed, key, series, ms, 8));
  }
}

/**
 * `complete_through` of batches of readings: no reading is older than 1970. What has really been sent differs from run to
 * run, and these bytes must not: it is told in batches that hold nothing else (`claim.ts`). Not 0, which would mean a
 * gateway that never tells, whose windows are closed by guess.
 */
export const declaresNothingUs = 1;

function bounded({ range, decimals }: Sensor, value: number): number {
  const scale = 10 ** decimals;
  return Math.round(clamp(value, range[0], range[1]) * scale) / scale;
}
