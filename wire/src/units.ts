/**
 * Units of measure in the case-sensitive UCUM notation (The Unified Code for Units of Measure, §§ 5–12): the grammar of
 * terms over the atoms that sensors in cities use. A unit is refused rather than guessed at: a typo in a unit would
 * spoil every number that carries it.
 */

/** Exponents of the base units m, s, g, K, A, mol, cd, rad, bit; all 0 for counts and ratios. */
export type Dimension = readonly [number, number, number, number, number, number, number, number, number];

export interface Unit {
  readonly dimension: Dimension;
  /** value in base units = value · factor + offset (the offset is for Cel and [degF] alone). */
  readonly factor: number;
  readonly offset: number;
}

type Atom = { readonly unit: Unit; readonly metric: boolean };

const dim = (m = 0, s = 0, g = 0, K = 0, A = 0, mol = 0, cd = 0, rad = 0, bit = 0): Dimension => [
  m,
  s,
  g,
  K,
  A,
  mol,
  cd,
  rad,
  bit,
];
const atom = (metric: boolean, factor: number, dimension: Dimension, offset = 0): Atom => ({
  metric,
  unit: { factor, dimension, offset },
});

const prefixes: Readonly<Record<string, number>> = {
  Y: 1e24,
  Z: 1e21,
  E: 1e18,
  P: 1e15,
  T: 1e12,
  G: 1e9,
  M: 1e6,
  k: 1e3,
  h: 1e2,
  da: 1e1,
  d: 1e-1,
  c: 1e-2,
  m: 1e-3,
  u: 1e-6,
  n: 1e-9,
  p: 1e-12,
  f: 1e-15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

const joule = dim(2, -2, 1);
const watt = dim(2, -3, 1);
const atoms: ReadonlyMap<string, Atom> = new Map(
  Object.entries({
    m: atom(true, 1, dim(1)),
    s: atom(true, 1, dim(0, 1)),
    g: atom(true, 1, dim(0, 0, 1)),
    K: atom(true, 1, dim(0, 0, 0, 1)),
    A: atom(true, 1, dim(0, 0, 0, 0, 1)),
    mol: atom(true, 1, dim(0, 0, 0, 0, 0, 1)),
    cd: atom(true, 1, dim(0, 0, 0, 0, 0, 0, 1)),
    rad: atom(true, 1, dim(0, 0, 0, 0, 0, 0, 0, 1)),
    bit: atom(true, 1, dim(0, 0, 0, 0, 0, 0, 0, 0, 1)),
    By: atom(true, 8, dim(0, 0, 0, 0, 0, 0, 0, 0, 1)),
    Cel: atom(true, 1, dim(0, 0, 0, 1), 273.15),
    '[degF]': atom(false, 5 / 9, dim(0, 0, 0, 1), (459.67 * 5) / 9),
    Hz: atom(true, 1, dim(0, -1)),
    N: atom(true, 1e3, dim(1, -2, 1)),
    Pa: atom(true, 1e3, dim(-1, -2, 1)),
    bar: atom(true, 1e8, dim(-1, -2, 1)),
    J: atom(true, 1e3, joule),
    W: atom(true, 1e3, watt),
    C: atom(true, 1, dim(0, 1, 0, 0, 1)),
    V: atom(true, 1e3, dim(2, -3, 1, 0, -1)),
    F: atom(true, 1e-3, dim(-2, 4, -1, 0, 2)),
    Ohm: atom(true, 1e3, dim(2, -3, 1, 0, -2)),
    S: atom(true, 1e-3, dim(-2, 3, -1, 0, 2)),
    T: atom(true, 1e3, dim(0, -2, 1, 0, -1)),
    lm: atom(true, 1, dim(0, 0, 0, 0, 0, 0, 1)),
    lx: atom(true, 1, dim(-2, 0, 0, 0, 0, 0, 1)),
    Bq: atom(true, 1, dim(0, -1)),
    Gy: atom(true, 1, dim(2, -2)),
    Sv: atom(true, 1, dim(2, -2)),
    eV: atom(true, 1.602176634e-16, joule),
    l: atom(true, 1e-3, dim(3)),
    L: atom(true, 1e-3, dim(3)),
    t: atom(true, 1e6, dim(0, 0, 1)),
    ar: atom(true, 100, dim(2)),
    min: atom(false, 60, dim(0, 1)),
    h: atom(false, 3600, dim(0, 1)),
    d: atom(false, 86_400, dim(0, 1)),
    wk: atom(false, 604_800, dim(0, 1)),
    a: atom(false, 31_557_600, dim(0, 1)),
    deg: atom(false, Math.PI / 180, dim(0, 0, 0, 0, 0, 0, 0, 1)),
    '%': atom(false, 1e-2, dim()),
    '[ppth]': atom(false, 1e-3, dim()),
    '[ppm]': atom(false, 1e-6, dim()),
    '[ppb]': atom(false, 1e-9, dim()),
    '10*': atom(false, 10, dim()),
    '10^': atom(false, 10, dim()),
    '[pH]': atom(false, 1, dim(-3, 0, 0, 0, 0, 1)),
    // Logarithmic levels keep their own number: nothing converts into them.
    B: atom(true, 1, dim()),
    'B[SPL]': atom(true, 1, dim()),
    'B[W]': atom(true, 1, watt),
    'B[mW]': atom(true, 1, watt),
    '[in_i]': atom(false, 0.0254, dim(1)),
    '[ft_i]': atom(false, 0.3048, dim(1)),
    '[mi_i]': atom(false, 1609.344, dim(1)),
    '[kn_i]': atom(false, 1852 / 3600, dim(1, -1)),
    '[gal_us]': atom(false, 3.785411784e-3, dim(3)),
    '[psi]': atom(false, 6.894757293168e6, dim(-1, -2, 1)),
    atm: atom(false, 101_325_000, dim(-1, -2, 1)),
    'm[Hg]': atom(true, 133_322_387.415, dim(-1, -2, 1)),
    '[g]': atom(true, 9.80665, dim(1, -2)),
  }),
);

const component = /^(?:(\d+)|([^\d./{}()+-]*(?:\[[A-Za-z_]+\])?|10[*^])([+-]?\d+)?)(\{[ -z|~]*\})?$/;
const maxLength = 64;

/** The unit's meaning, or a sentence that says why the text is none. `1` and `{people}` are counts. */
export function parseUnit(text: string): Unit | string {
  if (text === '') return 'is empty; a number without a unit is "1"';
  if (text.length > maxLength) return `is longer than ${maxLength} characters`;
  let factor = 1;
  let offset = 0;
  const dimension = [0, 0, 0, 0, 0, 0, 0, 0, 0] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const parts = text.split(/([./])/);
  for (let i = 0; i < parts.length; i += 2) {
    const part = parts[i]!;
    if (part === '' && i === 0 && parts.length > 1) continue; // "/min"
    const sign = parts[i - 1] === '/' ? -1 : 1;
    const one = parseComponent(part);
    if (one === undefined)
      return `${JSON.stringify(text)} is not a UCUM unit that Millrace knows (examples: Cel, %, m/s, ug/m3, kW.h, {people}/h)`;
    if (one.unit.offset !== 0 && (parts.length > 1 || one.exponent !== 1))
      return `${JSON.stringify(text)} multiplies a unit that has an offset; use K`;
    offset = one.unit.offset;
    factor *= one.unit.factor ** (sign * one.exponent);
    for (const [axis, power] of one.unit.dimension.entries()) dimension[axis]! += sign * one.exponent * power;
  }
  return { factor, offset, dimension };
}

function parseComponent(text: string): { unit: Unit; exponent: number } | undefined {
  const match = component.exec(text);
  if (match === null || text === '') return undefined;
  const [, number, symbol, power, annotation] = match;
  const one: Unit = { factor: 1, offset: 0, dimension: dim() };
  if (number !== undefined)
    return Number(number) > 0 ? { unit: { ...one, factor: Number(number) }, exponent: 1 } : undefined;
  if (symbol === undefined || symbol === '')
    return annotation !== undefined && power === undefined ? { unit: one, exponent: 1 } : undefined;
  const unit = lookUp(symbol);
  const exponent = power === undefined ? 1 : Number(power);
  return unit === undefined || Math.abs(exponent) > 18 ? undefined : { unit, exponent };
}

function lookUp(symbol: string): Unit | undefined {
  const whole = atoms.get(symbol);
  if (whole !== undefined) return whole.unit;
  for (const length of [1, 2]) {
    const factor = Object.hasOwn(prefixes, symbol.slice(0, length)) ? prefixes[symbol.slice(0, length)] : undefined;
    const base = atoms.get(symbol.slice(length));
    if (factor !== undefined && base?.metric) return { ...base.unit, factor: base.unit.factor * factor };
  }
  return undefined;
}
