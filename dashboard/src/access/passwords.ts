/** Passwords as scrypt hashes (RFC 7914), in the form `scrypt$N$r$p$salt$hash` (base64url). */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** OWASP's minimum of 2024 for interactive logins: 128 · N · r = 16 MiB. */
const cost = { N: 2 ** 14, r: 8, p: 5 };
const hashBytes = 32;
const form = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]{16,})\$([\w-]{43})$/;

export const isPasswordHash = (text: string): boolean => paramsOf(text) !== undefined;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, cost);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Takes as long for a wrong password as for the right one. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const params = paramsOf(stored);
  if (params === undefined) return false;
  return timingSafeEqual(await derive(password, params.salt, params), params.hash);
}

function paramsOf(text: string) {
  const [, N, r, p, salt, hash] = form.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const params = { N: Number(N), r: Number(r), p: Number(p) };
  // A hash from elsewhere may ask for more than a login should cost.
  if (params.N > 2 ** 17 || params.r > 16 || params.p > 16) return undefined;
  return { ...params, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

function derive(password: string, salt: Buffer, { N, r, p }: typeof cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, hashBytes, { N, r, p, maxmem: 256 * N * r }, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}
