/** Wall time in Auckland: rush hours and lamps go by it, and its clocks change twice a year. */
export const timeZone = 'Pacific/Auckland';

const hourMs = 3_600_000;
export const bootMs = 6 * hourMs;

export interface LocalTime {
  /** 0–24, with its fraction. */
  readonly hour: number;
  /** 0 Sunday … 6 Saturday. */
  readonly weekday: number;
}

const format = new Intl.DateTimeFormat('en-GB', {
  timeZone,
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
});

/** Offsets by hour, since each costs a formatting; the newest are kept. */
const offsets = new Map<number, number>();
const maxOffsets = 2000;

/** What is to be added to an instant to get the wall time, ms. New Zealand's clocks change on the hour. */
function offsetMs(ms: number): number {
  const hour = Math.floor(ms / hourMs);
  let offset = offsets.get(hour);
  if (offset === undefined) {
    const parts = Object.fromEntries(
      format.formatToParts(hour * hourMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year, month, day, hour: h, minute } = parts as Record<'year' | 'month' | 'day' | 'hour' | 'minute', number>;
    offset = Date.UTC(year, month - 1, day, h, minute) - hour * hourMs;
    if (offsets.size >= maxOffsets) offsets.clear();
    offsets.set(hour, offset);
  }
  return offset;
}

export function localTime(ms: number): LocalTime {
  const wall = ms + offsetMs(ms);
  return { hour: (wall % (24 * hourMs)) / hourMs, weekday: new Date(wall).getUTCDay() };
}

/** The last of 0, 6, 12 and 18 o'clock local time, at or before an instant. Clocks change at 2 and 3: these are never in doubt. */
export function bootStart(ms: number): number {
  const wall = Math.floor((ms + offsetMs(ms)) / bootMs) * bootMs;
  return instantOf(wall);
}

/** The one after; five or seven hours later on the two days when the clocks change. */
export const nextBootStart = (startMs: number): number => bootStart(startMs + bootMs + 2 * hourMs);

/** Local midnight that begins a day `2026-03-14`; undefined when there is no such day. */
export function midnight(day: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
  const wall = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 10) !== day) return undefined;
  return instantOf(wall);
}

export const dayAfter = (midnightMs: number): number =>
  instantOf(Math.round((midnightMs + offsetMs(midnightMs)) / (24 * hourMs) + 1) * 24 * hourMs);

/** The instant of a wall time which is there once. */
function instantOf(wall: number): number {
  const guess = wall - offsetMs(wall - 12 * hourMs);
  return wall - offsetMs(guess);
}
