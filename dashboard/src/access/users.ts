/** The local users file: YAML, a name each with its role and the hash of its password. */
import { readFileSync, statSync } from 'node:fs';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Role, roles } from '../answers.ts';
import { hashPassword, isPassword, isPasswordHash } from './passwords.ts';

export interface Users {
  /** The role of whoever knows the password; undefined: nobody does. */
  check(user: string, password: string): Promise<Role | undefined>;
  /** The role as the file now says; undefined: no longer there. */
  roleOf(user: string): Role | undefined;
}

const usersSchema = z.record(
  z.string().regex(/^[^\s:/]{1,64}$/, 'a name has 1–64 characters, none of them a space, : or /'),
  z.strictObject({
    role: z.enum(roles, `must be one of ${roles.join(', ')}`),
    password: z.string().refine(isPasswordHash, 'must be a hash as `millrace dashboard password` prints it'),
  }),
);
type UsersFile = z.output<typeof usersSchema>;

/** Reads it now, and again when it has changed: who is taken out is out. @throws {ConfigError} */
export function openUsers(file: string, warn: (message: string) => void): Users {
  let { users, stamp } = { users: read(file), stamp: stampOf(file) };
  const current = (): UsersFile => {
    const newest = stampOf(file);
    if (newest !== stamp) {
      stamp = newest;
      try {
        users = read(file);
      } catch (error) {
        warn(`${messageOf(error)}; the users from before hold`);
      }
    }
    return users;
  };
  // A name that is not there costs the same time as one that is.
  const nobody = hashPassword('nobody');
  return {
    roleOf: user => (Object.hasOwn(current(), user) ? current()[user]!.role : undefined),
    async check(user, password) {
      const known = Object.hasOwn(current(), user) ? current()[user] : undefined;
      const right = await isPassword(password, known?.password ?? (await nobody));
      return right ? known?.role : undefined;
    },
  };
}

function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return `${stat?.mtimeMs} ${stat?.size} ${stat?.ino}`;
}

function read(file: string): UsersFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw ConfigError.of('dashboard.access.users', `the file ${file} cannot be read: ${messageOf(error)}`);
  }
  const mistake = (message: string): ConfigError => ConfigError.of('dashboard.access.users', `${file}: ${message}`);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw mistake(`is no YAML: ${messageOf(error)}`);
  }
  const result = usersSchema.safeParse(value ?? {});
  if (!result.success)
    throw mistake(result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  return result.data;
}
