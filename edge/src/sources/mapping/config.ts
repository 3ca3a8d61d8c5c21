/** Schema of a mapping: where in any JSON document the parts of a reading stand. */
import { whole } from '@millrace/runtime/schemas.ts';
import { parseUnit } from '@millrace/wire/units.ts';
import { z } from 'zod';
import { ucumOf } from '../../unit-words.ts';
import { follows, type JsonPath, parsePath, wildcards } from './path.ts';
import { timeFormats } from './scalars.ts';

/** A UCUM code, or a unit as people write it; becomes the code. */
export const unitCode = z
  .string('must be a UCUM unit')
  .transform(ucumOf)
  .superRefine((unit, context) => {
    const parsed = parseUnit(unit);
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
  });

/** Units of the fields whose unit is not otherwise known. */
export const unitCodes = z.record(z.string(), unitCode, 'must be a mapping of field: UCUM code');

const pathRule = 'must be a path such as data.temp, list[0].value, sensors.*.value or ["a.b"]';
const path = z.string(pathRule).transform((text, context): JsonPath => {
  const parsed = parsePath(text);
  if (typeof parsed !== 'string') return parsed;
  context.addIssue({ code: 'custom', message: parsed });
  return z.NEVER;
});

const fromPath = z.strictObject({ path });
/** The nth level of the MQTT topic, the first is 1. */
const fromTopic = z.strictObject({ topic: whole(1, 64) });
/** What the nth wildcard of the value's path stood for, the first is 1. */
const fromKey = z.strictObject({ key: whole(1, 16) });
const text = z.string().min(1, 'must not be empty');

/** A union whose member is chosen by the input's look, so that the member's own mistakes are told, each at its place. */
function chosen<T>(rule: string, choose: (input: unknown) => z.ZodType<T> | undefined) {
  return z.unknown().transform((input, context): T => {
    const result = choose(input)?.safeParse(input);
    if (result?.success) return result.data;
    if (result === undefined) context.addIssue({ code: 'custom', message: rule });
    else
      for (const { path, message, ...issue } of result.error.issues) {
        if (issue.code === 'unrecognized_keys')
          for (const key of issue.keys)
            context.addIssue({ code: 'custom', path: [...path, key], message: 'is no key of a mapping' });
        else context.addIssue({ code: 'custom', path, message });
      }
    return z.NEVER;
  });
}

const has = (input: unknown, key: string): boolean => typeof input === 'object' && input !== null && key in input;

const name = chosen<string | z.output<typeof fromPath | typeof fromTopic | typeof fromKey>>(
  'must be a text, { path: … }, { topic: 2 } or { key: 1 }',
  input => {
    if (typeof input === 'string') return text;
    if (has(input, 'path')) return fromPath;
    if (has(input, 'topic')) return fromTopic;
    return has(input, 'key') ? fromKey : undefined;
  },
);

/** `codes` turns the document's own words for units into UCUM codes: { "°C": Cel }. */
const codes = { codes: unitCodes.optional() };
const unitFromPath = fromPath.extend(codes);
const unitFromTopic = fromTopic.extend(codes);
const unitFromKey = fromKey.extend(codes);
const unit = chosen<string | z.output<typeof unitFromPath | typeof unitFromTopic | typeof unitFromKey>>(
  'must be a UCUM code, or { path: … }, { topic: 2 } or { key: 1 }, each with codes: { "°C": Cel }',
  input => {
    if (typeof input === 'string') return unitCode;
    if (has(input, 'path')) return unitFromPath;
    if (has(input, 'topic')) return unitFromTopic;
    return has(input, 'key') ? unitFromKey : undefined;
  },
);

const rule = z
  .strictObject({
    sensor: name,
    metric: name,
    unit: unit.default('1'),
    value: path,
    /** Absent: the time of arrival. */
    time: z
      .strictObject({ path, format: z.enum(timeFormats, `must be one of ${timeFormats.join(', ')}`).default('iso') })
      .optional(),
    intervalMs: whole(0, 2 ** 32 - 1).optional(),
  })
  .superRefine(({ value, ...parts }, context) => {
    const stars = wildcards(value);
    for (const [part, from] of Object.entries(parts)) {
      if (typeof from !== 'object') continue;
      if ('key' in from && from.key > stars)
        context.addIssue({ code: 'custom', path: [part, 'key'], message: `the value's path has ${stars} wildcards` });
      if ('path' in from && !follows(from.path, value))
        context.addIssue({
          code: 'custom',
          path: [part, 'path'],
          message: "must have its wildcards where the value's path has them",
        });
    }
  });

export type MappingRule = z.output<typeof rule>;

const one = rule.transform(only => [only]);
const several = z.array(rule).min(1, 'must hold a rule');
/** One rule or several; each gives a reading for every place that its value's path names. */
export const mappingSchema = chosen<MappingRule[]>(
  'must be { sensor, metric, unit, value, time }, or a list of those',
  input => {
    if (Array.isArray(input)) return several;
    return typeof input === 'object' && input !== null ? one : undefined;
  },
);
