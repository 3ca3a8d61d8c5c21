/** From one unit to another of the same dimension. */
import { parseUnit, type Unit } from './units.ts';

export interface UnitConversion {
  /** A value in the one unit, as a value in the other. */
  level(value: number): number;
  /** The difference of two values. */
  difference(value: number): number;
}

/** undefined: one of them is no unit, or nothing converts between the two. */
export function unitConversion(from: string, to: string): UnitConversion | undefined {
  if (from === to) return { level: value => value, difference: value => value };
  const [source, target] = [parseUnit(from), parseUnit(to)];
  if (typeof source === 'string' || typeof target === 'string' || !comparable(source, target)) return undefined;
  if (logarithmic.test(from) || logarithmic.test(to)) return undefined;
  const factor = source.factor / target.factor;
  const hasOffset = source.offset !== 0 || target.offset !== 0;
  return {
    // Without offsets only a factor: 5 kW is to be 5000 W, to the last digit.
    level: value =>
      hasOffset ? (value * source.factor + source.offset - target.offset) / target.factor : value * factor,
    difference: value => value * factor,
  };
}

/** Their numbers are logarithms; the factors of `parseUnit` mean nothing for them. */
const logarithmic = /^[a-zA-Z]{0,2}B(\[(SPL|W|mW)\])?$/;

const comparable = (a: Unit, b: Unit): boolean => a.dimension.every((power, axis) => power === b.dimension[axis]);
