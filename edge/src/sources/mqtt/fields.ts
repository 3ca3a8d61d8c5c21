/** The numbers in a JSON payload, each a reading of its own; texts that are no switch are left out. */
import { RejectedError } from '@millrace/runtime/errors.ts';
import type { Reading } from '../../reading.ts';
import { numberOf } from '../mapping/scalars.ts';

export type Json = Readonly<Record<string, unknown>>;

const maxDepth = 6;
const maxFields = 1000;

/** @throws {RejectedError} when the payload is no JSON object. */
export function jsonObject(payload: Buffer): Json {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    throw new RejectedError('payload', `is no JSON, but ${JSON.stringify(payload.toString('latin1', 0, 40))}`);
  }
  if (!isJson(value)) throw new RejectedError('payload', 'is no JSON object');
  return value;
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textAt(object: unknown, ...keys: readonly string[]): string | undefined {
  const value = keys.reduce<unknown>((at, key) => (isJson(at) && Object.hasOwn(at, key) ? at[key] : undefined), object);
  return typeof value === 'string' ? value : undefined;
}

export interface Field {
  /** Nested keys and list indices joined by dots. */
  readonly name: string;
  readonly key: string;
  readonly value: number;
}

/** At most 1,000, six levels deep. Numeric texts count where `unitOf` knows a unit: elsewhere they are versions and identifiers. */
export function fields(object: unknown, unitOf: (key: string, name: string) => string | undefined): Field[] {
  const found: Field[] = [];
  const walk = (value: unknown, name: string, key: string, depth: number): void => {
    if (found.length === maxFields) return;
    if (typeof value === 'object' && value !== null) {
      if (depth === maxDepth) return;
      for (const [inner, one] of Object.entries(value))
        walk(one, name === '' ? inner : `${name}.${inner}`, Array.isArray(value) ? key : inner, depth + 1);
      return;
    }
    const number = numberOf(value);
    const numeric = typeof value === 'string' && /\d/.test(value);
    if (number !== undefined && (!numeric || unitOf(key, name) !== undefined)) found.push({ name, key, value: number });
  };
  walk(object, '', '', 0);
  return found;
}

export interface Origin {
  readonly sensor: string;
  readonly timeUs: number;
  readonly dated?: 'source' | undefined;
}

/** Every field as a reading; what has no known unit has unit 1. */
export function fieldReadings(
  object: unknown,
  { sensor, timeUs, dated }: Origin,
  unitOf: (key: string, name: string) => string | undefined,
): Reading[] {
  return fields(object, unitOf).map(({ name, key, value }) => ({
    sensor,
    metric: name,
    unit: unitOf(key, name) ?? '1',
    value,
    timeUs,
    ...(dated && { dated }),
  }));
}

/** The unit that the configuration gives a field, by its full name or its last key. */
export function configured(units: Readonly<Record<string, string>>): (key: string, name: string) => string | undefined {
  return (key, name) => {
    if (Object.hasOwn(units, name)) return units[name];
    return Object.hasOwn(units, key) ? units[key] : undefined;
  };
}
