import { createHash } from 'node:crypto';

/** `millrace-<gateway>`, as a host name may be (RFC 1123: letters, digits, hyphens within, 63 at most). */
export function hostnameOf(gateway: string): string {
  const name = `millrace-${gateway.replaceAll('_', '-')}`;
  if (name.length <= 63 && !name.endsWith('-')) return name;
  // Cut names stay different by what they were cut from.
  const hash = createHash('sha256').update(gateway).digest('hex').slice(0, 8);
  return `${name.slice(0, 54).replace(/-+$/, '')}-${hash}`;
}
