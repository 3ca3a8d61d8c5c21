/** What people do to a city, by local hour and weekday: shares of the busiest hour, 0 to about 1. */
import type { LocalTime } from './local-time.ts';

/** A hump of height 1 around `peak`, narrower before and after as given, hours. */
const hump = (hour: number, peak: number, before: number, after: number): number =>
  Math.exp(-(((hour - peak) / (hour < peak ? before : after)) ** 2));

const isWeekend = ({ weekday }: LocalTime): boolean => weekday === 0 || weekday === 6;

/** Two rush hours on working days, a long midday at weekends, and a late evening on Friday and Saturday. */
export function traffic(time: LocalTime): number {
  const { hour, weekday } = time;
  const night = 0.04 + 0.1 * hump(hour, 22, 3, 1.5) + (weekday >= 5 ? 0.18 * hump(hour, 23.2, 2, 1) : 0);
  if (isWeekend(time)) return night + 0.62 * hump(hour, 13.5, 3.6, 4.2);
  return night + 0.72 * hump(hour, 8, 1.1, 1.3) + 0.42 * hump(hour, 13, 3.2, 3) + 0.86 * hump(hour, 17.3, 1.9, 1.3);
}

/** Of the places, taken: workers by day, diners in the evening. */
export function parking(time: LocalTime): number {
  const { hour, weekday } = time;
  const evening = (weekday >= 4 && weekday <= 6 ? 0.45 : 0.25) * hump(hour, 20, 1.8, 1.8);
  const day = isWeekend(time) ? 0.58 * hump(hour, 14, 3, 3) : 0.86 * hump(hour, 12.6, 3.9, 4.1);
  return Math.min(1, 0.06 + Math.max(day, evening));
}

/** Wood fires and stoves, in cold evenings. */
export const hearths = ({ hour }: LocalTime, temperature: number): number =>
  Math.max(0, 14.5 - temperature) * (hump(hour, 20.5, 2.5, 3.5) + 0.35 * hump(hour, 7.2, 1.2, 1.5));
