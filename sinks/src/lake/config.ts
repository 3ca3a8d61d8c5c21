/** `sinks.lake`: where the lake is, and when files are made. */
import { readFileSync } from 'node:fs';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';

const text = (what: string) => z.string(`must be ${what}`).min(1, `must be ${what}`);
const bucketRule = 'must be the name of a bucket: 3–63 of a-z 0-9 - .';
const prefixRule = 'must be a path without a slash at its ends, of letters, digits and - . _ /';

const s3Schema = z
  .strictObject({
    bucket: z.string(bucketRule).regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, bucketRule),
    prefix: z
      .string(prefixRule)
      .regex(/^([A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*)?$/, prefixRule)
      .default(''),
    endpoint: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }).optional(),
    region: text('the name of a region').default('us-east-1'),
    accessKeyId: text('text'),
    secretAccessKey: text('text').optional(),
    /** Read once, at the start. */
    secretAccessKeyFile: text('the path of a file').optional(),
    sessionToken: text('text').optional(),
  })
  .superRefine((s3, context) => {
    try {
      secretOf(s3);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const { key, message } of error.mistakes) context.addIssue({ code: 'custom', path: [key], message });
    }
  });

const placeRule = 'must name a folder or s3, one of them';

export const lakeSchema = z
  .strictObject({
    folder: text('the path of a folder').optional(),
    s3: s3Schema.optional(),
    flushRows: whole(1, 2_000_000)
      .default(250_000)
      .describe('Readings of one Kafka partition at which files are made.'),
    flushMs: whole(100, 86_400_000)
      .default(300_000)
      .describe('Longest time that a reading waits in memory for that, ms.'),
    maxAgeDays: whole(1, 36_500)
      .default(400)
      .describe('Readings older than this when received get no date in their path.'),
    compactAfterMs: whole(100, 604_800_000)
      .default(3_600_000)
      .describe('How long no new file must have come to a folder before its files are made one, ms.'),
  })
  .refine(({ folder, s3 }) => (folder === undefined) !== (s3 === undefined), placeRule);

export type LakeConfig = z.output<typeof lakeSchema>;

/** @throws {ConfigError} its keys are those of `s3`. */
export function secretOf({
  secretAccessKey,
  secretAccessKeyFile: file,
}: {
  readonly secretAccessKey?: string | undefined;
  readonly secretAccessKeyFile?: string | undefined;
}): string {
  if (file === undefined) return secretAccessKey ?? fail('secretAccessKeyFile', 'must be given, or secretAccessKey');
  if (secretAccessKey !== undefined) fail('secretAccessKeyFile', 'must not come beside secretAccessKey: one of them');
  try {
    return readFileSync(file, 'utf8').trim() || fail('secretAccessKeyFile', 'the file is empty');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail('secretAccessKeyFile', `the file cannot be read (${messageOf(error)})`);
  }
}

function fail(key: string, message: string): never {
  throw ConfigError.of(key, message);
}
