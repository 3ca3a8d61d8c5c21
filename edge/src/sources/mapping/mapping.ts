/** Readings from any JSON document, by the rules of the configuration. */
import { faultOfNumbers, faultOfSeries, type Reading } from '../../reading.ts';
import type { MappingRule } from './config.ts';
import { type JsonPath, matches, placeOf, valueAt } from './path.ts';
import { numberOf, timeUsOf } from './scalars.ts';

export interface Fault {
  /** Place in the document: `sensors.a.value`. */
  readonly element: string;
  readonly message: string;
}

export interface Mapped {
  readonly readings: readonly Reading[];
  /** What the rules named and could not be used. */
  readonly faults: readonly Fault[];
}

export interface MappingContext {
  /** Levels of the MQTT topic; none over HTTP. */
  readonly levels?: readonly string[];
  readonly nowUs: number;
}

const maxReadings = 10_000;

export function mapped(rules: readonly MappingRule[], document: unknown, context: MappingContext): Mapped {
  const readings: Reading[] = [];
  const faults: Fault[] = [];
  for (const rule of rules) {
    const found = matches(rule.value, document, maxReadings);
    if (found.length === 0) faults.push({ element: placeOf(rule.value, []), message: 'is not there' });
    for (const { value, keys } of found) {
      const reading = readingOf(rule, document, value, keys, context);
      if ('element' in reading) faults.push(reading);
      else readings.push(reading);
    }
  }
  return { readings, faults };
}

function readingOf(
  rule: MappingRule,
  document: unknown,
  raw: unknown,
  keys: readonly string[],
  { levels = [], nowUs }: MappingContext,
): Reading | Fault {
  const text = (from: string | { path: JsonPath } | { topic: number } | { key: number }): string => {
    if (typeof from === 'string') return from;
    if ('topic' in from) return levels[from.topic - 1] ?? '';
    if ('key' in from) return keys[from.key - 1] ?? '';
    const value = valueAt(from.path, document, keys);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const element = placeOf(rule.value, keys);
  const value = numberOf(raw);
  if (value === undefined) return { element, message: `is no number, but ${JSON.stringify(raw).slice(0, 60)}` };
  const unit = text(rule.unit);
  const codes = typeof rule.unit === 'string' ? undefined : rule.unit.codes;
  const own = rule.time === undefined ? undefined : valueAt(rule.time.path, document, keys);
  const timeUs = rule.time === undefined ? nowUs : timeUsOf(own, rule.time.format);
  if (timeUs === undefined)
    return {
      element: placeOf(rule.time!.path, keys),
      message: own === undefined ? 'is not there' : `is no time in the format ${rule.time!.format}`,
    };
  const reading: Reading = {
    sensor: text(rule.sensor),
    metric: text(rule.metric),
    unit: codes !== undefined && Object.hasOwn(codes, unit) ? codes[unit]! : unit,
    value,
    timeUs,
    ...(rule.time !== undefined && { dated: 'source' as const }),
    ...(rule.intervalMs !== undefined && { intervalMs: rule.intervalMs }),
  };
  const fault = faultOfNumbers(reading) ?? faultOfSeries(reading);
  return fault === undefined ? reading : { element, message: fault };
}
