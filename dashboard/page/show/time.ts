/** Times and spans as people read them, in the chosen time zone and the viewer's language. */
import { timeZone } from '../app/preferences.ts';

export const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000] as const;

const formats = new Map<string, Intl.DateTimeFormat>();
function formatter(options: Intl.DateTimeFormatOptions, locale?: string): Intl.DateTimeFormat {
  const zone = timeZone();
  const key = `${zone} ${locale} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (found === undefined)
    formats.set(key, (found = new Intl.DateTimeFormat(locale, { timeZone: zone, hourCycle: 'h23', ...options })));
  return found;
}

const parts = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
};

/** Wall time in the chosen zone, as numbers. */
export function wallTime(ms: number): { day: string; hour: number; minute: number; second: number } {
  const found = Object.fromEntries(
    formatter(parts as Intl.DateTimeFormatOptions, 'en-CA')
      .formatToParts(ms)
      .map(({ type, value }) => [type, value]),
  );
  return {
    day: `${found['year']}-${found['month']}-${found['day']}`,
    hour: Number(found['hour']),
    minute: Number(found['minute']),
    second: Number(found['second']),
  };
}

/** `14:03:22`, with the date when it is not today's. */
export function clockTime(ms: number, now: number, { seconds = true } = {}): string {
  const time = formatter({ hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}) }).format(ms);
  return wallTime(ms).day === wallTime(now).day ? time : `${shortDay(ms)}, ${time}`;
}

/** Whole, with the zone: for what is read long afterwards. */
export const fullTime = (ms: number): string =>
  formatter({ dateStyle: 'medium', timeStyle: 'long' } as Intl.DateTimeFormatOptions).format(ms);

export const shortDay = (ms: number): string => formatter({ day: 'numeric', month: 'short' }).format(ms);
export const weekday = (ms: number): string => formatter({ weekday: 'short' }).format(ms);
export const hourMinute = (ms: number): string => formatter({ hour: '2-digit', minute: '2-digit' }).format(ms);
export const hourMinuteSecond = (ms: number): string =>
  formatter({ hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms);

/** `GMT+13`. */
export function offsetName(ms: number): string {
  return formatter({ timeZoneName: 'shortOffset' }, 'en')
    .formatToParts(ms)
    .find(part => part.type === 'timeZoneName')!.value;
}

/** `3 s`, `4 min`, `2 h`, `5 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `second`, `15 minutes`, `hour`: of the width of a bucket. */
export function each(ms: number): string {
  const units = [
    [dayMs, 'day'],
    [hourMs, 'hour'],
    [minuteMs, 'minute'],
    [1000, 'second'],
  ] as const;
  const [size, name] = units.find(([unit]) => ms >= unit && ms % unit === 0) ?? [1000, 'second'];
  const count = Math.round((ms / size) * 10) / 10;
  return count === 1 ? name : `${count} ${name}s`;
}

/** For `<input type="datetime-local">`. */
export function toInput(ms: number): string {
  const { day, hour, minute } = wallTime(ms);
  return `${day}T${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

/** The instant that the clocks of the chosen zone show so; of the two at the end of summer time, one of them. */
export function fromInput(text: string): number | undefined {
  const wanted = Date.parse(`${text}:00Z`);
  if (Number.isNaN(wanted)) return undefined;
  const shownAt = (ms: number): number => Date.parse(`${toInput(ms)}:00Z`);
  let guess = wanted;
  for (let i = 0; i < 3; i++) guess += wanted - shownAt(guess);
  return guess;
}
