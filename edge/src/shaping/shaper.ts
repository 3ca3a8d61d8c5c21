/** Shapes readings by the rules of the configuration, one plan a series: what a series becomes is worked out once. */
import { Quality } from '@millrace/wire/batch.ts';
import { unitConversion } from '@millrace/wire/unit-conversion.ts';
import { parseUnit } from '@millrace/wire/units.ts';
import { matches } from '../outbox/priorities.ts';
import type { Reading } from '../reading.ts';
import { ucumOf } from '../unit-words.ts';
import type { ShapeRule } from './config.ts';

/** What all readings of one series go through. */
interface Plan {
  readonly isDropped: boolean;
  /** Overlays the reading's own. */
  readonly series: Partial<Reading>;
  readonly unit: string;
  /** undefined: the reading's unit does not convert into the one asked for. */
  readonly convert: ((value: number) => number) | undefined;
  readonly valid: readonly [number, number] | undefined;
  readonly plausible: readonly [number, number] | undefined;
  readonly deadband: { readonly change: number; readonly longestUs: number } | undefined;
  /** The last reading that went on. */
  last: { readonly value: number; readonly timeUs: number; readonly quality: number } | undefined;
}

export interface ShaperOptions {
  readonly rules: readonly ShapeRule[];
  /** A reading's unit does not convert into the one asked for; the sensor, and a sentence. */
  readonly onMismatch: (source: string, sensor: string, why: string) => void;
}

/** A source that invents names without end must not fill memory. */
const maxPlans = 50_000;

export class Shaper {
  /** Readings left out, by reason. */
  readonly leftOut = { drop: 0, deadband: 0 };
  readonly #options: ShaperOptions;
  readonly #plans = new Map<string, Plan>();

  constructor(options: ShaperOptions) {
    this.#options = options;
  }

  /** In their order, without those that a rule leaves out. */
  shape(source: string, readings: readonly Reading[]): readonly Reading[] {
    return readings.flatMap(reading => this.#one(source, reading) ?? []);
  }

  #one(source: string, reading: Reading): Reading | undefined {
    const plan = this.#planOf(source, reading);
    if (plan.isDropped) {
      this.leftOut.drop += 1;
      return undefined;
    }
    if (plan.convert === undefined) {
      const { sensor, metric, unit } = reading;
      this.#options.onMismatch(source, sensor, `${metric} comes in ${unit}, which does not convert into ${plan.unit}`);
      return withQuality(reading, worse(reading.quality, Quality.SUSPECT));
    }
    const value = plan.convert(reading.value);
    const quality = worse(reading.quality, outside(value, plan));
    const shaped = withQuality({ ...reading, ...plan.series, unit: plan.unit, value }, quality);
    if (plan.deadband !== undefined && isQuiet(plan, shaped)) {
      this.leftOut.deadband += 1;
      return undefined;
    }
    if (plan.deadband !== undefined) plan.last = { value, timeUs: shaped.timeUs, quality: quality ?? Quality.GOOD };
    return shaped;
  }

  #planOf(source: string, reading: Reading): Plan {
    const key = `${source}\u0000${reading.sensor}\u0000${reading.metric}\u0000${reading.unit}`;
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      plan = this.#plan(source, reading);
      if (this.#plans.size >= maxPlans) this.#plans.clear();
      this.#plans.set(key, plan);
    }
    return plan;
  }

  /** All rules that match apply; of a key that several have, the last one's stands. */
  #plan(source: string, reading: Reading): Plan {
    const { sensor, metric } = reading;
    const rules = this.#options.rules.filter(
      rule => matches(rule.source, source) && matches(rule.sensor, sensor) && matches(rule.metric, metric),
    );
    const rule: Partial<ShapeRule> = Object.assign({}, ...rules.map(definedOf));
    const { unit, calibrate, range, deadband, rename, intervalMs, zone, lat, lon } = rule;
    const written = unit?.from ?? (typeof parseUnit(reading.unit) === 'string' ? ucumOf(reading.unit) : reading.unit);
    const to = unit?.to ?? written;
    const conversion = unit === undefined ? { level: (value: number) => value } : unitConversion(written, to);
    const { factor = 1, offset = 0 } = calibrate ?? {};
    const calibrated = (value: number): number => (calibrate === undefined ? value : value * factor + offset);
    return {
      isDropped: rules.some(({ drop }) => drop),
      series: definedOf({
        sensor: rename?.sensor,
        metric: rename?.metric,
        // What is sent by exception is expected when its longest pause is over.
        intervalMs: intervalMs ?? deadband?.longestMs,
        zone,
        lat,
        lon,
      }),
      unit: to,
      convert: conversion && (value => calibrated(conversion.level(value))),
      valid: range?.valid,
      plausible: range?.plausible,
      deadband: deadband && { change: deadband.change, longestUs: deadband.longestMs * 1000 },
      last: undefined,
    };
  }
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function definedOf<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function withQuality(reading: Reading, quality: Reading['quality']): Reading {
  return quality === undefined ? reading : { ...reading, quality };
}

function outside(value: number, { valid, plausible }: Plan): number {
  const isOutside = (bounds: readonly [number, number] | undefined): boolean =>
    bounds !== undefined && !(value >= bounds[0] && value <= bounds[1]);
  if (isOutside(valid)) return Quality.BAD;
  return isOutside(plausible) ? Quality.SUSPECT : Quality.GOOD;
}

/** A value that its source has substituted stays that. */
function worse(own: Reading['quality'], found: number): Reading['quality'] {
  if (found === Quality.GOOD || own === Quality.SUBSTITUTED) return own;
  return Math.max(own ?? Quality.GOOD, found) as Reading['quality'];
}

/** Time that goes back, by a clock that was set, ends a pause too. */
function isQuiet({ deadband, last }: Plan, { value, timeUs, quality = Quality.GOOD }: Reading): boolean {
  if (deadband === undefined || last === undefined) return false;
  const sinceUs = timeUs - last.timeUs;
  return (
    Math.abs(value - last.value) <= deadband.change &&
    quality === last.quality &&
    sinceUs >= 0 &&
    sinceUs < deadband.longestUs
  );
}
