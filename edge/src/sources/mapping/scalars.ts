/** How devices write numbers, switches and times in JSON. */

const words: Readonly<Record<string, number>> = {
  on: 1,
  off: 0,
  true: 1,
  false: 0,
  open: 1,
  closed: 0,
  yes: 1,
  no: 0,
};

/** A finite number, or undefined: numbers, numeric texts, booleans, and the words ON, OFF, true, false, open, closed, yes, no. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return numberOf(Number(text));
  const word = text.toLowerCase();
  return Object.hasOwn(words, word) ? words[word] : undefined;
}

export const timeFormats = ['iso', 'epoch-s', 'epoch-ms', 'epoch-us'] as const;
export type TimeFormat = (typeof timeFormats)[number];

/** RFC 3339 § 5.6, with T or a space. An offset or Z must be there: a local time has no instant of its own. */
const rfc3339 = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)$/i;
const usPer: Readonly<Record<Exclude<TimeFormat, 'iso'>, number>> = { 'epoch-s': 1e6, 'epoch-ms': 1e3, 'epoch-us': 1 };

/** µs since the Unix epoch, or undefined. */
export function timeUsOf(value: unknown, format: TimeFormat): number | undefined {
  if (format !== 'iso') {
    const number = typeof value === 'boolean' ? undefined : numberOf(value);
    const timeUs = number === undefined ? Number.NaN : Math.round(number * usPer[format]);
    return Number.isSafeInteger(timeUs) ? timeUs : undefined;
  }
  const match = typeof value === 'string' ? rfc3339.exec(value.trim()) : null;
  if (match === null) return undefined;
  const [, date, time, fraction = '', zone] = match;
  const ms = Date.parse(`${date}T${time}${zone!.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}
