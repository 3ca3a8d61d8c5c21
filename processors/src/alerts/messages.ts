/** Sentences for the operator: what, where, how much, since when. */

/** `2026-11-22 19:03:05 UTC`: those who read it are in one time zone, the gateways may be in others. */
export function showTime(us: number): string {
  const text = new Date(us / 1000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}
