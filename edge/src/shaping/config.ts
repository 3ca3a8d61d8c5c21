/** `edge.shape`: what becomes of a series between its source and the outbox. */
import { whole } from '@millrace/runtime/schemas.ts';
import { unitConversion } from '@millrace/wire/unit-conversion.ts';
import { parseUnit } from '@millrace/wire/units.ts';
import { z } from 'zod';
import { unitCode } from '../sources/mapping/config.ts';

const nameRule = 'must be a name of 1 to 255 characters';
const name = z.string(nameRule).min(1, nameRule).max(255, nameRule);
const patternRule = 'must be a name, or the beginning of names and *';
const pattern = z.string(patternRule).min(1, patternRule).max(255, patternRule).optional();
const number = z.number('must be a number');

const unitRule = z
  .strictObject({
    /** What the source says is replaced by this; absent: what the source says is converted. */
    from: unitCode.optional(),
    to: unitCode,
  })
  .superRefine(({ from, to }, context) => {
    if (from === undefined || unitConversion(from, to) !== undefined) return;
    if (typeof parseUnit(from) === 'string' || typeof parseUnit(to) === 'string') return;
    context.addIssue({
      code: 'custom',
      path: ['to'],
      message: `${from} does not convert into ${to}: they measure different things`,
    });
  });

const boundsRule = 'must be a list of two numbers, the lower first';
const bounds = z
  .tuple([number, number], boundsRule)
  .refine(([low, high]) => low < high, boundsRule)
  .optional();

export const shapeRuleSchema = z
  .strictObject({
    source: pattern,
    sensor: pattern,
    metric: pattern,
    drop: z.boolean('must be true or false').default(false),
    unit: unitRule.optional(),
    /** value · factor + offset, in the unit that it then has. */
    calibrate: z.strictObject({ factor: number.default(1), offset: number.default(0) }).optional(),
    /** Outside `plausible`: suspect; outside `valid`: bad. In the unit that it then has. */
    range: z
      .strictObject({ valid: bounds, plausible: bounds })
      .refine(({ valid, plausible }) => valid !== undefined || plausible !== undefined, 'must have valid or plausible')
      .optional(),
    /** Left out while it has changed by no more than `change`; each `longestMs` one goes out all the same. */
    deadband: z
      .strictObject({
        change: number.min(0, 'must not be negative'),
        longestMs: whole(1, 86_400_000),
      })
      .optional(),
    rename: z.strictObject({ sensor: name.optional(), metric: name.optional() }).optional(),
    /** Expected cadence. */
    intervalMs: whole(0, 2 ** 32 - 1).optional(),
    zone: z.string('must be text').max(255, 'must be at most 255 characters').optional(),
    lat: number.min(-90).max(90).optional(),
    lon: number.min(-180).max(180).optional(),
  })
  .superRefine(({ source, sensor, metric, lat, lon }, context) => {
    if (source === undefined && sensor === undefined && metric === undefined)
      context.addIssue({ code: 'custom', message: 'must name a source, a sensor or a metric (sensor: "*" is all)' });
    if ((lat === undefined) !== (lon === undefined))
      context.addIssue({
        code: 'custom',
        path: [lat === undefined ? 'lat' : 'lon'],
        message: 'lat and lon must come together',
      });
  });

export const shapeSchema = z.array(shapeRuleSchema, 'must be a list of rules').default([]);
export type ShapeRule = z.output<typeof shapeRuleSchema>;
