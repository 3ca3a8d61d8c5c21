/** A rule's numbers in the unit of a series, and numbers of a series as sentences show them. */
import { type UnitConversion, unitConversion } from '@millrace/wire/unit-conversion.ts';

/** `level` and `difference` take a rule's numbers into the unit of the series. */
export interface SeriesUnit extends UnitConversion {
  /** `82.4 °C` @param digits that count; measured values have no more than six. */
  show(value: number, digits?: number): string;
}

/** undefined: nothing converts between the two. @param ruleUnit undefined: the rule goes by each series' own. */
export function seriesUnit(unit: string, ruleUnit: string | undefined): SeriesUnit | undefined {
  const conversion = unitConversion(ruleUnit ?? unit, unit);
  if (conversion === undefined) return undefined;
  const suffix = shown(unit);
  return { ...conversion, show: (value, digits = 6) => `${Number(value.toPrecision(digits))}${suffix}` };
}

/** UCUM as people write it: ` °C`, ` µg/m3`, ` people/h`; nothing for a plain number. */
function shown(unit: string): string {
  if (unit === '1' || unit === '') return '';
  const text = unit
    .replace(/[{}]/g, '')
    .replace(/^\[deg([FR])\]$/, '°$1')
    .replace(/^Cel$/, '°C')
    .replace(/(^|[./])u(?=[a-zA-Z])/g, '$1µ')
    .replaceAll('.', '·');
  return text === '%' ? ' %' : ` ${text}`;
}
