/** Times as a person gives them on the command line. */
import { UsageError } from './command.ts';

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** µs since the Unix epoch. @throws {UsageError} */
export function timeUs(option: string, text: string, nowMs: number): number {
  const ago = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  if (ago) return Math.round((nowMs - Number(ago[1]) * unitsMs[ago[2]!]!) * 1000);
  // A time without an offset would mean another instant on another machine.
  const ms = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(ms) || ms < 0)
    throw new UsageError(
      `${option} ${text}: a time with its offset (2026-11-22T19:00:00Z), a day (UTC), or how long ago (90s, 30m, 2h, 7d)`,
    );
  return ms * 1000;
}
