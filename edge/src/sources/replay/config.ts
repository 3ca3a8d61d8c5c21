import { whole } from '@millrace/runtime/schemas.ts';
import { parseUnit } from '@millrace/wire/units.ts';
import { z } from 'zod';
import { sourceKeys } from '../source.ts';

const columnRule = 'must be the name of a column';
const column = z.string(columnRule).min(1, columnRule);
const fileRule = 'must be the path of a CSV file';

export const timeFormats = ['local', 'offset', 'epoch-s', 'epoch-ms'] as const;

export const replaySchema = z
  .strictObject({
    type: z.literal('replay'),
    ...sourceKeys,
    /** CSV with a header line. */
    file: z.string(fileRule).min(1, fileRule),
    timeColumn: column,
    /** `local`: ISO 8601 without offset, in `timeZone`; `offset`: ISO 8601 with offset or Z. */
    timeFormat: z.enum(timeFormats, `must be one of ${timeFormats.join(', ')}`),
    timeZone: z.string().refine(isTimeZone, 'must be an IANA time zone such as Pacific/Auckland').optional(),
    /** `wide`: each other column is a sensor; `long`: a row is one reading. */
    layout: z.enum(['wide', 'long'], 'must be wide or long').default('wide'),
    /** `long` only. */
    sensorColumn: column.optional(),
    valueColumn: column.optional(),
    metric: z.string('must be the name of the metric').min(1, 'must be the name of the metric'),
    unit: z.string('must be a UCUM unit').superRefine((unit, context) => {
      const parsed = parseUnit(unit);
      if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
    }),
    /** Cadence of the recording; 0 unknown. */
    intervalMs: whole(0, 2 ** 32 - 1).default(0),
    /** CSV whose first column is the sensor; columns `lat`, `lon` and, where there, `zone`. */
    sensorsFile: z.string(fileRule).min(1, fileRule).optional(),
    /** Recorded seconds a second. */
    speed: z
      .number('must be a number above 0')
      .positive('must be a number above 0')
      .max(1e9, 'must be at most 1e9')
      .default(1),
    /** `recorded`: timestamps as they are; `now`: moved, and compressed by `speed`, so that they follow the wall clock. */
    as: z.enum(['recorded', 'now'], 'must be recorded or now').default('recorded'),
    repeat: z.boolean('must be true or false').default(false),
  })
  .superRefine(({ timeFormat, timeZone, layout, sensorColumn, valueColumn, as, repeat }, context) => {
    const mistake = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (timeFormat === 'local' && timeZone === undefined) mistake('timeZone', 'must be set when timeFormat is local');
    if (timeFormat !== 'local' && timeZone !== undefined)
      mistake('timeZone', 'is only allowed when timeFormat is local');
    for (const [key, value] of Object.entries({ sensorColumn, valueColumn })) {
      if (layout === 'long' && value === undefined) mistake(key, 'must be set when layout is long');
      if (layout === 'wide' && value !== undefined) mistake(key, 'is only allowed when layout is long');
    }
    if (repeat && as === 'recorded')
      mistake('repeat', 'is only allowed with as: now; repeated as recorded, every reading would be there twice');
  });
export type ReplayConfig = z.output<typeof replaySchema>;

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
