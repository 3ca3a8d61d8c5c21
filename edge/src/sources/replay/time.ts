/** Recorded times become instants. Local wall time needs care on two days a year: one hour is twice there, one never. */
import type { ReplayConfig } from './config.ts';

/** The instants, ms since the Unix epoch, that a text may mean: none, one, or (in the hour that comes twice) two. */
export type ParseTime = (text: string) => readonly number[];

const isoLocal = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;
const isoOffset = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/** Throws a sentence for the operator when the text is no time of that format. */
export function timeParser({ timeFormat, timeZone }: Pick<ReplayConfig, 'timeFormat' | 'timeZone'>): ParseTime {
  switch (timeFormat) {
    case 'epoch-s':
      return text => [1000 * numberOf(text)];
    case 'epoch-ms':
      return text => [numberOf(text)];
    case 'offset':
      return text => {
        const ms = isoOffset.test(text) ? Date.parse(text) : Number.NaN;
        if (Number.isNaN(ms)) throw new Error(`${JSON.stringify(text)} is no ISO 8601 time with offset`);
        return [ms];
      };
    case 'local': {
      const instantsOf = zoneInstants(timeZone!);
      return text => instantsOf(wallMs(text));
    }
  }
}

/**
 * Of the instants that a text may mean, the earliest after the series' instant before: a recording that holds the double
 * hour twice gets both, and one that holds it once gets the first. Undefined for a wall time that never was.
 */
export function choose(candidates: readonly number[], beforeMs: number | undefined): number | undefined {
  return candidates.find(ms => beforeMs === undefined || ms > beforeMs) ?? candidates[0];
}

function numberOf(text: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new Error(`${JSON.stringify(text)} is no number of seconds or milliseconds`);
  return Number(text);
}

/** The wall time as if it were UTC. */
function wallMs(text: string): number {
  const match = isoLocal.exec(text);
  const [year, month, day, hour, minute, second = 0] = (match ?? []).slice(1, 7).map(part => Number(part ?? 0));
  const ms = match === null ? Number.NaN : Date.UTC(year!, month! - 1, day, hour, minute, second);
  const back = new Date(ms);
  if (match === null || back.getUTCDate() !== day || back.getUTCHours() !== hour || minute! > 59)
    throw new Error(`${JSON.stringify(text)} is no ISO 8601 time without offset`);
  return ms + Number(`0.${match[7] ?? 0}`) * 1000;
}

/**
 * The instants of a wall time. Offsets are looked up at both ends of the three days around its day (an instant is never
 * farther from its wall time than 14 hours): where they differ, those are meant which give the same wall time again.
 */
function zoneInstants(timeZone: string): (wall: number) => number[] {
  const dayMs = 86_400_000;
  const offsetAt = zoneOffset(timeZone);
  let around: { readonly day: number; readonly offsets: readonly number[] } | undefined;
  return wall => {
    const day = Math.floor(wall / dayMs);
    if (around?.day !== day)
      around = { day, offsets: [...new Set([offsetAt((day - 1) * dayMs), offsetAt((day + 2) * dayMs)])] };
    const instants = around.offsets.map(offset => wall - offset);
    if (instants.length === 1) return instants;
    return instants.filter(instant => instant + offsetAt(instant) === wall).sort((a, b) => a - b);
  };
}

/** Offset from UTC in ms at an instant, by the time zone data that Node carries. */
function zoneOffset(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  return ms => {
    const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')!.value;
    const [, sign, hours, minutes, seconds = 0] = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name) ?? [];
    if (sign === undefined) return 0;
    return (sign === '-' ? -1000 : 1000) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
  };
}
