/** Numbers and units as people read them. */

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
const isBytes = (ucum: string | null): boolean => /^(?:By|bit)\b/.test(ucum ?? '');

const formats = new Map<string, Intl.NumberFormat>();
function format(value: number, options: Intl.NumberFormatOptions): string {
  const key = JSON.stringify(options);
  let found = formats.get(key);
  if (found === undefined) formats.set(key, (found = new Intl.NumberFormat(undefined, options)));
  return found.format(value).replace('-', '−');
}

/** A value with its unit: bytes scaled by thousands, all else as it is, at most four significant digits. */
export function quantity(value: number | null, ucum: string | null): { number: string; unit: string } {
  const unit = unitSymbol(ucum);
  if (value === null) return { number: '–', unit };
  if (!isBytes(ucum)) return { number: rounded(value), unit };
  const power = Math.min(prefixes.length - 1, Math.max(0, Math.floor(Math.log10(Math.abs(value) || 1) / 3)));
  return { number: rounded(value / 1000 ** power), unit: `${prefixes[power]}${unit}` };
}

export function quantityText(value: number | null | undefined, ucum: string | null): string {
  const { number, unit } = quantity(value ?? null, ucum);
  return unit === '' || number === '–' ? number : `${number} ${unit}`;
}

function rounded(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9 || (size < 1e-3 && size > 0)) return value.toExponential(2).replace('e+', 'e').replace('-', '−');
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  // As many decimals each time: numbers that change in place, or stand in a column, keep their point where it is.
  const least = Number.isInteger(value) ? 0 : digits;
  return format(value, { minimumFractionDigits: least, maximumFractionDigits: digits });
}

/** An axis needs as many decimals as its neighbours differ by; bytes are scaled, hence with their unit. */
export function axisValue(value: number, stepSize: number, ucum: string | null): string {
  if (isBytes(ucum)) return value === 0 ? '0' : quantityText(value, ucum);
  const digits = Number(stepSize.toPrecision(6)).toString().split('.')[1]?.length ?? 0;
  return format(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const whole = (value: number): string => format(value, { maximumFractionDigits: 0 });

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

/** Rounded down, so that 100 % is said of what is whole, and of nothing else. */
export function percent(ratio: number): string {
  const floored = Math.floor(ratio * 1000 + 1e-9) / 10;
  return `${format(floored, { maximumFractionDigits: 1 })} %`;
}
