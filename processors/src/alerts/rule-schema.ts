/** The keys of a rule and what each may hold. Which of them go together: `rule-keys.ts`. */
import { whole } from '@millrace/runtime/schemas.ts';
import { parseUnit } from '@millrace/wire/units.ts';
import { z } from 'zod';
import { parseDuration } from './durations.ts';

const daysUs = 86_400_000_000;
/** Nothing is remembered of a series for longer than twice this: see `forgetAfterUs` in `monitor.ts`. */
export const maxDurationUs = 7 * daysUs;

const durationRule = 'must be a duration such as 30s, 5m, 1h or 2d, at most 7d';
const duration = (minUs: number, rule = durationRule) =>
  z.string(rule).transform((text, context) => {
    const us = parseDuration(text);
    if (us !== undefined && us >= minUs && us <= maxDurationUs) return us;
    context.addIssue({ code: 'custom', message: rule });
    return z.NEVER;
  });
const span = duration(1_000_000);

const number = z.number('must be a number').refine(Number.isFinite, 'must be a finite number');
const atLeastZero = number.refine(value => value >= 0, 'must be a number from 0 up');
const aboveZero = number.refine(value => value > 0, 'must be a number above 0');

const nameRule = 'must be 1–64 of a-z 0-9 - _, the first a letter or digit';
const patternRule = 'must be a name or a list of names; * in a name stands for anything';
const name = z.string(patternRule).min(1, patternRule).max(255, 'must be at most 255 characters');
const patterns = z
  .union(
    [name.transform(one => [one]), z.array(name).min(1, patternRule).max(100, 'must be at most 100 names')],
    patternRule,
  )
  .optional();

const whereSchema = z.strictObject(
  { metric: patterns, zone: patterns, sensor: patterns, gateway: patterns, site: patterns },
  'must be a mapping of any of metric, zone, sensor, gateway, site',
);
export type Where = z.output<typeof whereSchema>;

export const ruleSchema = z.strictObject(
  {
    name: z.string(nameRule).regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, nameRule),
    severity: z.enum(['info', 'warning', 'critical'], 'must be one of info, warning, critical').default('warning'),
    where: whereSchema.default({}),
    unit: z
      .string('must be a UCUM unit')
      .superRefine((unit, context) => {
        const parsed = parseUnit(unit);
        if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
      })
      .optional(),
    above: number.optional(),
    below: number.optional(),
    risesFasterThan: aboveZero.optional(),
    fallsFasterThan: aboveZero.optional(),
    changesFasterThan: aboveZero.optional(),
    /** Without a change for so long. */
    flat: span.optional(),
    silent: z.enum(['sensor', 'gateway'], 'must be sensor or gateway').optional(),
    /** By so many standard deviations. */
    deviates: aboveZero.optional(),
    clear: number.optional(),
    for: duration(0).optional(),
    per: span.optional(),
    over: span.optional(),
    tolerance: atLeastZero.optional(),
    readings: whole(2, 1_000_000).optional(),
    missed: whole(2, 1_000_000).optional(),
    after: span.optional(),
    atLeast: atLeastZero.optional(),
    atMostEvery: duration(0).optional(),
  },
  'must be a mapping with a name and a condition',
);
export type RuleInput = z.output<typeof ruleSchema>;
