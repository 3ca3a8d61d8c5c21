/** The flows' credentials, in Node-RED's own format: whether the secret is theirs. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { readIfThere } from './private-files.ts';

/**
 * Node-RED itself only warns of a wrong secret, then runs the flows without their credentials, and forgets them on the next
 * deploy. Its format: `{"$": iv (32 hex) + base64}`, AES-256-CTR, the key SHA-256 of the secret
 * (`@node-red/runtime/lib/nodes/credentials.js`). CTR has no check of its own: with a wrong key the text is no JSON object.
 */
export function checkCredentials(file: string, secret: string | undefined, secretFile: string | undefined): void {
  const text = readIfThere(file);
  if (text === undefined || text.trim() === '') return;
  const remedy =
    'give back the secret they were made with, or move the file away and enter the credentials of the flows anew';
  if (secret === undefined)
    throw ConfigError.of(
      'edge.nodeRed.credentialSecret',
      `${secretFile} is missing, and ${file} cannot be read without it: ${remedy}`,
    );
  if (!decrypts(text, secret))
    throw ConfigError.of(
      'edge.nodeRed.credentialSecret',
      `is not the one that encrypted ${file}: ${remedy}`,
      secretFile,
    );
}

/** As Node-RED would write it. */
export function sealed(text: string, secret: string): string {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-ctr', keyOf(secret), iv);
  return JSON.stringify({ $: iv.toString('hex') + cipher.update(text, 'utf8', 'base64') + cipher.final('base64') });
}

const keyOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

function decrypts(text: string, secret: string): boolean {
  try {
    const { $: text64, ...others } = JSON.parse(text) as Record<string, unknown>;
    if (text64 === undefined) return true; // In the clear; Node-RED encrypts it with the next deploy.
    if (typeof text64 !== 'string' || Object.keys(others).length > 0) return false;
    const decipher = createDecipheriv('aes-256-ctr', keyOf(secret), Buffer.from(text64.slice(0, 32), 'hex'));
    const plain = decipher.update(text64.slice(32), 'base64', 'utf8') + decipher.final('utf8');
    const credentials: unknown = JSON.parse(plain);
    return typeof credentials === 'object' && credentials !== null && !Array.isArray(credentials);
  } catch {
    return false; // Not JSON before or after: not what Node-RED wrote with this secret.
  }
}
