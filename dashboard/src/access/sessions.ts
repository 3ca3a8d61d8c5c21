/** Who is logged in, in a cookie that only the browser's requests carry and only this dashboard can have made. */
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';
import { type Role, roles } from '../answers.ts';

/** A user of the local file, or one whom the identity provider named. */
export const identitySchema = z.object({ user: z.string(), role: z.enum(roles), by: z.enum(['password', 'oidc']) });
export type Identity = z.output<typeof identitySchema> & { readonly role: Role };

export interface Sealer {
  /** Text that nobody else can read or make; refused once `seconds` have passed. */
  seal(content: Readonly<Record<string, unknown>>, seconds: number): Promise<string>;
  /** Undefined: not ours, changed, or too old. */
  open(text: string | undefined, purpose: string): Promise<Record<string, unknown> | undefined>;
}

const issuer = 'millrace-dashboard';

/** @param key 32 random bytes; replicas that share it know each other's sessions. */
export function openSealer(key: Uint8Array): Sealer {
  return {
    seal: ({ purpose, ...content }, seconds) =>
      new EncryptJWT(content)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setIssuer(issuer)
        .setAudience(String(purpose))
        .setIssuedAt()
        .setExpirationTime(`${seconds} s`)
        .encrypt(key),
    async open(text, purpose) {
      if (text === undefined || text.length > 4_096) return undefined;
      try {
        const { payload } = await jwtDecrypt(text, key, {
          issuer,
          audience: purpose,
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
        });
        return payload;
      } catch {
        return undefined; // Whatever is wrong with it: nobody is logged in by it.
      }
    },
  };
}
