/** Our own JSON form of readings, one or a list: `{ sensor, metric, unit, value, time?, quality?, intervalMs? }`. */
import { z } from 'zod';
import { faultOfNumbers, faultOfSeries, type Reading } from '../../reading.ts';
import { unitCode } from '../mapping/config.ts';
import type { Fault, Mapped } from '../mapping/mapping.ts';
import { timeUsOf } from '../mapping/scalars.ts';

const text = z.string('must be a text').min(1, 'must not be empty');
const timeRule = 'must be RFC 3339 with an offset or Z, or seconds since 1970';
/** As in SenML: a smaller number is no instant of any sensor, but an uptime. */
const absoluteTimeFrom = 2 ** 28;

const form = z.strictObject({
  sensor: text,
  metric: text,
  unit: unitCode,
  value: z.union([z.number(), z.boolean()], 'must be a number, true or false'),
  time: z.union([z.string(), z.number().min(absoluteTimeFrom, timeRule)], timeRule).optional(),
  quality: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)], 'must be 0, 1, 2 or 3').optional(),
  intervalMs: z.int('must be a whole number').optional(),
});

const maxReadings = 10_000;
const maxFaults = 100;

export interface OwnForm extends Mapped {
  /** Sensors named by elements with mistakes. */
  readonly blamed: readonly string[];
}

export function ownForm(document: unknown, nowUs: number): OwnForm {
  const elements = Array.isArray(document) ? (document as unknown[]) : [document];
  const readings: Reading[] = [];
  const faults: Fault[] = [];
  const blamed = new Set<string>();
  if (elements.length === 0) faults.push({ element: '$', message: 'holds no reading' });
  if (elements.length > maxReadings)
    return { readings, faults: [{ element: '$', message: `holds more than ${maxReadings} readings` }], blamed: [] };
  for (const [i, element] of elements.entries()) {
    const at = Array.isArray(document) ? `[${i}]` : '$';
    const found = readingOf(element, at, nowUs);
    if (!Array.isArray(found)) {
      readings.push(found);
      continue;
    }
    faults.push(...found);
    if (typeof element === 'object' && element !== null && 'sensor' in element && typeof element.sensor === 'string')
      blamed.add(element.sensor.slice(0, 255));
    if (faults.length >= maxFaults) break;
  }
  return { readings, faults, blamed: [...blamed] };
}

function readingOf(element: unknown, at: string, nowUs: number): Reading | Fault[] {
  const result = form.safeParse(element);
  if (!result.success)
    return result.error.issues.flatMap(issue =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map(key => ({ element: `${at}.${key}`, message: 'is no member of a reading' }))
        : [{ element: [at, ...issue.path].join('.'), message: issue.message.replace(/^Invalid input: /, '') }],
    );
  const { value, time, quality, intervalMs, ...names } = result.data;
  const timeUs = time === undefined ? nowUs : timeUsOf(time, typeof time === 'number' ? 'epoch-s' : 'iso');
  if (timeUs === undefined) return [{ element: `${at}.time`, message: timeRule }];
  const reading: Reading = {
    ...names,
    value: Number(value),
    timeUs,
    ...(time !== undefined && { dated: 'source' }),
    ...(quality !== undefined && { quality }),
    ...(intervalMs !== undefined && { intervalMs }),
  };
  const fault = faultOfNumbers(reading) ?? faultOfSeries(reading);
  return fault === undefined ? reading : [{ element: at, message: fault }];
}
