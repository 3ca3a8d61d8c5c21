/** How each sensor is doing: who is silent, late, garbled, or far too loud; one sensor's trouble is never another's. */
import type { Logger } from '@millrace/runtime/log.ts';
import { Quality } from '@millrace/wire/batch.ts';
import type { Reading } from '../reading.ts';
import type { Trouble } from './source.ts';

export interface SensorState {
  readonly source: string;
  readonly sensor: string;
  readonly trouble?: Trouble;
  readonly why?: string;
  /** Time of its newest reading, µs; 0: none yet. */
  readonly lastUs: number;
  /** Left out because there were too many. */
  readonly flooded: number;
}

/** One source's view. */
export interface SourceWatch {
  /** The readings that go on: without the excess of a flood, and with what is left of it marked suspect. */
  readonly admit: (readings: readonly Reading[]) => readonly Reading[];
  readonly trouble: (sensor: string, trouble: Trouble | undefined, why?: string) => void;
}

interface Sensor {
  trouble: Trouble | undefined;
  why: string | undefined;
  /** When the trouble was last seen, ms, monotonic. */
  troubleMs: number;
  lastUs: number;
  /** When its newest reading came, ms, monotonic. */
  lastMs: number;
  /** The longest cadence of its series; 0: unknown. */
  intervalMs: number;
  tokens: number;
  refilledMs: number;
  flooded: number;
}

/** Silent for so many intervals: one that is late is no news. */
const missedIntervals = 3;
const shortestSilenceMs = 5000;
/** Without a known cadence, a sensor is well again after so long without trouble. */
const usualIntervalMs = 30_000;
const sweepMs = 1000;
/** Beyond, sensors are not watched one by one: a source that invents names must not fill memory. */
const maxSensors = 5000;

export class SensorWatch implements Disposable {
  readonly #log: Logger;
  readonly #sources = new Map<string, Map<string, Sensor>>();
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #sensors = 0;

  constructor(log: Logger, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** Looks each second for sensors that have fallen silent, until disposed. */
  start(): this {
    this.#timer = setInterval(() => this.sweep(), sweepMs);
    this.#timer.unref();
    return this;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** @param maxPerSecond readings of one sensor; undefined: without limit. */
  source(name: string, maxPerSecond: number | undefined): SourceWatch {
    const sensors = new Map<string, Sensor>();
    this.#sources.set(name, sensors);
    return {
      admit: readings => this.#admit(name, sensors, readings, maxPerSecond),
      trouble: (sensor, trouble, why) => {
        const state = this.#sensor(sensors, sensor);
        if (state !== undefined) this.#set(name, sensor, state, trouble, why);
      },
    };
  }

  /** As the source itself would say it. */
  mark(source: string, sensor: string, trouble: Trouble, why: string): void {
    const state = this.#sensor(this.#sources.get(source) ?? new Map<string, Sensor>(), sensor);
    if (state !== undefined) this.#set(source, sensor, state, trouble, why);
  }

  get sensors(): SensorState[] {
    return [...this.#sources].flatMap(([source, sensors]) =>
      [...sensors].map(([sensor, { trouble, why, lastUs, flooded }]) => ({
        source,
        sensor,
        lastUs,
        flooded,
        ...(trouble !== undefined && { trouble, ...(why !== undefined && { why }) }),
      })),
    );
  }

  /** Sensors that have fallen silent, and those that are well again. */
  sweep(): void {
    const nowMs = this.#nowMs();
    for (const [source, sensors] of this.#sources)
      for (const [name, sensor] of sensors) {
        const { trouble, intervalMs, lastMs, troubleMs } = sensor;
        const silentMs = nowMs - lastMs;
        const patienceMs = Math.max(shortestSilenceMs, missedIntervals * intervalMs);
        if (intervalMs > 0 && lastMs > 0 && silentMs > patienceMs && trouble === undefined)
          this.#set(
            source,
            name,
            sensor,
            'absent',
            `nothing from it for more than ${patienceMs / 1000} s; a reading is expected each ${intervalMs / 1000} s`,
          );
        const quietMs = Math.max(shortestSilenceMs, 2 * (intervalMs || usualIntervalMs));
        const isWell = lastMs > troubleMs && nowMs - troubleMs > quietMs;
        if (trouble !== undefined && isWell) this.#set(source, name, sensor, undefined);
      }
  }

  #admit(
    source: string,
    sensors: Map<string, Sensor>,
    readings: readonly Reading[],
    maxPerSecond: number | undefined,
  ): readonly Reading[] {
    const nowMs = this.#nowMs();
    const admitted: Reading[] = [];
    for (const reading of readings) {
      const sensor = this.#sensor(sensors, reading.sensor);
      if (sensor === undefined) {
        admitted.push(reading);
        continue;
      }
      if (maxPerSecond !== undefined && !takeToken(sensor, maxPerSecond, nowMs)) {
        sensor.flooded += 1;
        this.#set(
          source,
          reading.sensor,
          sensor,
          'flood',
          `sends more than ${maxPerSecond} readings a second; the rest is left out`,
        );
        continue;
      }
      sensor.lastMs = nowMs;
      sensor.lastUs = reading.timeUs;
      // What its own source has dated may be of another time: its silence says nothing.
      if (reading.dated === undefined) sensor.intervalMs = Math.max(sensor.intervalMs, reading.intervalMs ?? 0);
      if (sensor.trouble === 'absent') this.#set(source, reading.sensor, sensor, undefined);
      admitted.push(sensor.trouble === 'flood' ? suspect(reading) : reading);
    }
    return admitted;
  }

  #sensor(sensors: Map<string, Sensor>, name: string): Sensor | undefined {
    const known = sensors.get(name);
    if (known !== undefined || this.#sensors >= maxSensors) return known;
    this.#sensors += 1;
    const sensor: Sensor = {
      trouble: undefined,
      why: undefined,
      troubleMs: 0,
      lastUs: 0,
      lastMs: 0,
      intervalMs: 0,
      tokens: Number.POSITIVE_INFINITY,
      refilledMs: 0,
      flooded: 0,
    };
    sensors.set(name, sensor);
    return sensor;
  }

  #set(source: string, name: string, sensor: Sensor, trouble: Trouble | undefined, why?: string): void {
    const before = sensor.trouble;
    sensor.trouble = trouble;
    sensor.why = why;
    if (trouble !== undefined) sensor.troubleMs = this.#nowMs();
    if (trouble === before) return;
    if (trouble === undefined) this.#log.info({ source, sensor: name }, `sensor is fine again; it was ${before}`);
    else this.#log.warn({ source, sensor: name, trouble }, `sensor in trouble: ${why ?? trouble}`);
  }
}

/** A bucket that holds two seconds' worth. */
function takeToken(sensor: Sensor, perSecond: number, nowMs: number): boolean {
  const tokens = Math.min(2 * perSecond, sensor.tokens + ((nowMs - sensor.refilledMs) / 1000) * perSecond);
  sensor.refilledMs = nowMs;
  sensor.tokens = tokens >= 1 ? tokens - 1 : tokens;
  return tokens >= 1;
}

function suspect(reading: Reading): Reading {
  return (reading.quality ?? Quality.GOOD) === Quality.GOOD ? { ...reading, quality: Quality.SUSPECT } : reading;
}
