/** The span of time shown, as it stands in the address: `from=-24h`, or `from=…&to=…` in Unix ms. */
import { serverNow } from '../data/clock.ts';
import { clockTime, dayMs, duration, hourMs, minuteMs } from './time.ts';

export type Span =
  /** Up to now, and moving with it. */
  | { readonly kind: 'last'; readonly ms: number }
  | { readonly kind: 'fixed'; readonly from: number; readonly to: number };

export const presets = [
  { ms: 15 * minuteMs, label: '15 min' },
  { ms: hourMs, label: '1 h' },
  { ms: 6 * hourMs, label: '6 h' },
  { ms: 24 * hourMs, label: '24 h' },
  { ms: 7 * dayMs, label: '7 d' },
  { ms: 30 * dayMs, label: '30 d' },
] as const;

const unitMs: Readonly<Record<string, number>> = { m: minuteMs, h: hourMs, d: dayMs };
export const [shortestMs, longestMs] = [minuteMs, 366 * dayMs];

/** An instant or a distance to now; undefined when it is neither. */
function readTime(text: string | null): { at: number } | { ago: number } | undefined {
  if (text === null || text === '' || text === 'now') return undefined;
  const [, count, unit] = /^-(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return { ago: Number(count) * unitMs[unit!]! };
  const at = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isNaN(at) ? undefined : { at };
}

/** What cannot be read is as if it were not there. */
export function readSpan(query: URLSearchParams, defaultMs: number): Span {
  const from = readTime(query.get('from'));
  const to = readTime(query.get('to'));
  const now = serverNow();
  if (from !== undefined && 'ago' in from && to === undefined)
    return { kind: 'last', ms: Math.min(longestMs, Math.max(shortestMs, from.ago)) };
  const instant = (time: typeof from): number | undefined => time && ('at' in time ? time.at : now - time.ago);
  const end = instant(to) ?? now;
  const start = instant(from);
  if (start === undefined && to === undefined) return { kind: 'last', ms: defaultMs };
  return fixedSpan(start ?? end - defaultMs, end);
}

export function fixedSpan(from: number, to: number): Span {
  const [start, end] = from <= to ? [from, to] : [to, from];
  const length = Math.min(longestMs, Math.max(shortestMs, end - start));
  return { kind: 'fixed', from: Math.round(end - length), to: Math.round(end) };
}

export function spanQuery(span: Span): { from: string; to: string | undefined } {
  if (span.kind === 'fixed') return { from: String(span.from), to: String(span.to) };
  const unit = span.ms % dayMs === 0 && span.ms > dayMs ? 'd' : span.ms % hourMs === 0 ? 'h' : 'm';
  return { from: `-${Math.round(span.ms / unitMs[unit]!)}${unit}`, to: undefined };
}

export function spanBounds(span: Span, now = serverNow()): { from: number; to: number } {
  return span.kind === 'fixed' ? span : { from: now - span.ms, to: now };
}

export function spanText(span: Span): string {
  if (span.kind === 'last') return `last ${duration(span.ms)}`;
  const now = serverNow();
  return `${clockTime(span.from, now, { seconds: false })} to ${clockTime(span.to, now, { seconds: false })}`;
}
