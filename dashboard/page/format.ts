/** Numbers, units, ages and times as people read them. */

const symbols: Readonly<Record<string, string>> = {
  '1': '',
  Cel: '°C',
  '[degF]': '°F',
  By: 'B',
  'By/s': 'B/s',
  'bit/s': 'bit/s',
  'ug/m3': 'µg/m³',
  'mg/m3': 'mg/m³',
  'W/m2': 'W/m²',
  m2: 'm²',
  m3: 'm³',
  'm3/h': 'm³/h',
  Ohm: 'Ω',
  deg: '°',
  '[ppm]': 'ppm',
  '[ppb]': 'ppb',
  'dB[SPL]': 'dB',
};

/** How a UCUM unit is written for people; `{vehicles}/h` → `vehicles/h`. */
export function unitSymbol(ucum: string | null): string {
  if (ucum === null) return '';
  return symbols[ucum] ?? ucum.replace(/[{}]/g, '').replace(/^1\//, '/').replaceAll('.', '·');
}

const prefixes = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** A value with its unit: bytes scaled by thousands, all else as it is, at most four significant digits. */
export function quantity(value: number | null, ucum: string | null): { number: string; unit: string } {
  const unit = unitSymbol(ucum);
  if (value === null) return { number: '–', unit };
  if (/^(By|bit)\b/.test(ucum ?? '')) {
    const power = Math.min(prefixes.length - 1, Math.max(0, Math.floor(Math.log10(Math.abs(value) || 1) / 3)));
    return { number: rounded(value / 1000 ** power), unit: `${prefixes[power]}${unit}` };
  }
  return { number: rounded(value), unit };
}

export function quantityText(value: number | null, ucum: string | null): string {
  const { number, unit } = quantity(value, ucum);
  return unit === '' || number === '–' ? number : `${number} ${unit}`;
}

function rounded(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9 || (size < 1e-3 && size > 0)) return value.toExponential(2).replace('e+', 'e');
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString('en', { maximumFractionDigits: digits }).replace('-', '−');
}

/** `3 s`, `4 min`, `2 h`, `5 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `14:03:22`, with the date when it is not today's. */
export function clockTime(ms: number, now: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString('en-GB');
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${time}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
