/** `sinks.webhooks`: where alerts are posted to. */
import { readFileSync, statSync } from 'node:fs';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { whole } from '@millrace/runtime/schemas.ts';
import { severityNames } from '@millrace/wire/alert.ts';
import { z } from 'zod';

const nameRule = 'must be 1–64 of a-z 0-9 - _, the first a letter or digit';
const urlRule = 'must be an http or https address';
const severities = severityNames.map(name => name.toLowerCase());
const severityRule = `must be any of ${severities.join(', ')}`;
const patternRule = 'must be a name or a list of names; one may end in *';

const pattern = z.string(patternRule).min(1, patternRule).max(255, 'must be at most 255 characters');
const oneOrMore = <T extends z.ZodType>(one: T, rule: string) =>
  z.union([one, z.array(one, rule).min(1, rule).max(100, 'must be at most 100')], rule).optional();

const webhookSchema = z
  .strictObject({
    name: z.string(nameRule).regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, nameRule),
    url: z
      .string(urlRule)
      .refine(url => /^https?:\/\//i.test(url) && URL.canParse(url), urlRule)
      .refine(url => (URL.parse(url)?.username ?? '') === '', 'must not carry a user: the signature says who we are'),
    secret: z.string('must be text').optional(),
    /** Read once, at the start. */
    secretFile: z.string('must be the path of a file').min(1, 'must be the path of a file').optional(),
    only: z
      .strictObject({
        severity: oneOrMore(z.enum(severities, severityRule), severityRule),
        rule: oneOrMore(pattern, patternRule),
        gateway: oneOrMore(pattern, patternRule),
        sensor: oneOrMore(pattern, patternRule),
        metric: oneOrMore(pattern, patternRule),
      })
      .prefault({}),
    timeoutMs: whole(100, 60_000).default(10_000),
    giveUpAfterMs: whole(1000, 30 * 86_400_000).default(86_400_000),
  })
  .superRefine((webhook, context) => {
    try {
      signingKeys(webhook);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const { key, message } of error.mistakes) context.addIssue({ code: 'custom', path: [key], message });
    }
  });

export type Webhook = z.output<typeof webhookSchema>;
export type Only = Webhook['only'];

export const webhooksSchema = z
  .array(webhookSchema, 'must be a list of { name, url, secretFile, … }')
  .max(32, 'must be at most 32: each is a consumer group of its own')
  .default([])
  .superRefine((webhooks, context) => {
    const names = webhooks.map(({ name }) => name);
    for (const [i, name] of names.entries())
      if (names.indexOf(name) < i)
        context.addIssue({ code: 'custom', path: [i, 'name'], message: 'must be unique: another webhook has it' });
  });

const secretRule =
  'must be "whsec_" and 24 to 64 bytes in base64, as "echo whsec_$(openssl rand -base64 32)" makes one; while it is changed, the new one and the old one with a blank between them';
const maxFileBytes = 4096;

/**
 * What messages are signed with: a signature each. Two while a secret is being changed.
 * @throws {ConfigError} its keys are those of the webhook.
 */
export function signingKeys({ secret, secretFile }: Pick<Webhook, 'secret' | 'secretFile'>): readonly Buffer[] {
  if (secretFile !== undefined && secret !== undefined)
    throw ConfigError.of('secretFile', 'must not come beside secret: one of them');
  if (secretFile === undefined)
    return parseSecrets(
      'secret',
      secret ?? fail('secretFile', 'must be given, or secret: what receivers check signatures with'),
    );
  return parseSecrets('secretFile', readSecret(secretFile));
}

function readSecret(file: string): string {
  try {
    // A path of something else must not be read into memory.
    if (statSync(file).size > maxFileBytes) fail('secretFile', `the file is larger than ${maxFileBytes} bytes`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail('secretFile', `the file cannot be read (${messageOf(error)})`);
  }
}

/** Standard Webhooks, "Symmetric": base64 behind `whsec_`, 24 to 64 bytes. */
function parseSecrets(key: string, text: string): readonly Buffer[] {
  const secrets = text.trim().split(/\s+/);
  if (secrets.length > 2) fail(key, secretRule);
  return secrets.map(secret => {
    const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1] ?? fail(key, secretRule);
    const bytes = Buffer.from(base64, 'base64');
    return bytes.length >= 24 && bytes.length <= 64 ? bytes : fail(key, secretRule);
  });
}

function fail(key: string, message: string): never {
  throw ConfigError.of(key, message);
}
