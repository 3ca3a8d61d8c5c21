/** A rule's numbers in the unit of a series, and numbers of a series as sentences show them. */
import { parseUnit, type Unit } from '@millrace/wire/units.ts';

export interface SeriesUnit {
  /** A level of the rule in the series' unit. */
  level(value: number): number;
  /** A difference of two levels. */
  difference(value: number): number;
  /** `82.4 °C` @param digits that count; measured values have no more than six. */
  show(value: number, digits?: number): string;
}

/** undefined: nothing converts between the two. @param ruleUnit undefined: the rule goes by each series' own. */
export function seriesUnit(unit: string, ruleUnit: string | undefined): SeriesUnit | undefined {
  const suffix = shown(unit);
  const show = (value: number, digits = 6): string => `${Number(value.toPrecision(digits))}${suffix}`;
  if (ruleUnit === undefined || ruleUnit === unit) return { level: value => value, difference: value => value, show };
  const [from, to] = [parseUnit(ruleUnit), parseUnit(unit)];
  if (typeof from === 'string' || typeof to === 'string' || !comparable(from, to)) return undefined;
  if (logarithmic.test(ruleUnit) || logarithmic.test(unit)) return undefined;
  const factor = from.factor / to.factor;
  return {
    // Without offsets only a factor: 5 kW is to be 5000 W, to the last digit.
    level: value =>
      from.offset === 0 && to.offset === 0
        ? value * factor
        : (value * from.factor + from.offset - to.offset) / to.factor,
    difference: value => value * factor,
    show,
  };
}

/** Their numbers are logarithms; the factors of `parseUnit` mean nothing for them. */
const logarithmic = /^[a-zA-Z]{0,2}B(\[(SPL|W|mW)\])?$/;

const comparable = (a: Unit, b: Unit): boolean => a.dimension.every((power, axis) => power === b.dimension[axis]);

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
