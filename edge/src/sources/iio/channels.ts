/**
 * Channels of IIO devices by the names of their files, and the units that the kernel's ABI gives them once offset and scale
 * are applied (Documentation/ABI/testing/sysfs-bus-iio).
 */

interface Quantity {
  readonly metric: string;
  readonly unit: string;
  /** How many of the kernel's units make one of ours. */
  readonly per: number;
}

const quantity = (metric: string, unit: string, per = 1): Quantity => ({ metric, unit, per });

const quantities: ReadonlyMap<string, Quantity> = new Map(
  Object.entries({
    accel: quantity('acceleration', 'm/s2'),
    angl: quantity('angle', 'rad'),
    anglvel: quantity('angular_velocity', 'rad/s'),
    capacitance: quantity('capacitance', 'nF'),
    concentration: quantity('concentration', '%'),
    current: quantity('current', 'mA'),
    distance: quantity('distance', 'm'),
    electricalconductivity: quantity('conductivity', 'S/m'),
    energy: quantity('energy', 'J'),
    gravity: quantity('gravity', 'm/s2'),
    humidityrelative: quantity('humidity', '%', 1000),
    illuminance: quantity('illuminance', 'lx'),
    incli: quantity('inclination', 'deg'),
    magn: quantity('magnetic_field', 'uT', 0.01), // The kernel's is the gauss.
    massconcentration: quantity('massconcentration', 'ug/m3'),
    ph: quantity('ph', '[pH]'),
    power: quantity('power', 'mW'),
    pressure: quantity('pressure', 'kPa'),
    resistance: quantity('resistance', 'Ohm'),
    temp: quantity('temperature', 'Cel', 1000),
    uvindex: quantity('uv_index', '1'),
    voltage: quantity('voltage', 'mV'),
  }),
);

export interface Channel extends Quantity {
  /** Of the quantity alone: what is known of false values is known of that. */
  readonly kind: string;
  /** `in_temp_input` or `in_voltage0_raw`. */
  readonly file: string;
  readonly isRaw: boolean;
  /** Where its scale, offset and type may be, the nearest first: `in_voltage0`, `in_voltage`. */
  readonly stems: readonly string[];
}

/** in, type, index, differential, modifier, ending. */
const named = /^in_([a-z]+)(\d*)(?:-[a-z]+(\d+))?(?:_([a-z0-9_]+))?_(raw|input)$/;
/** Not what is measured now, or the same once more. */
const derived = /(?:^|_)(?:peak|trough|mean)$/;

/** The channels among a device's files, one a quantity: what the driver scales itself comes before what we would. */
export function channelsOf(files: readonly string[]): Channel[] {
  const channels = new Map<string, Channel>();
  for (const file of [...files].sort()) {
    const match = named.exec(file);
    if (match === null) continue;
    const [, type, index = '', other, modifier] = match;
    const known = quantities.get(type!);
    if (known === undefined || derived.test(modifier ?? '')) continue;
    const suffix = modifier === undefined ? '' : `_${modifier}`;
    const metric = `${known.metric}${index}${other === undefined ? '' : `-${other}`}${suffix}`;
    if (channels.get(metric)?.isRaw === false) continue;
    const own = file.replace(/_(?:raw|input)$/, '');
    const pair = other === undefined ? [] : [`in_${type}-${type}`];
    const stems = [...new Set([own, ...pair, `in_${type}${index}`, `in_${type}${suffix}`, `in_${type}`])];
    channels.set(metric, { ...known, metric, kind: known.metric, file, isRaw: file.endsWith('_raw'), stems });
  }
  return [...channels.values()];
}

/** What a raw value is when the converter is at its end; undefined: nobody says. `le:u12/16>>4`, see `in_voltageY_type`. */
export function endsOf(type: string): readonly number[] | undefined {
  const [, sign, digits] = /^[bl]e:([su])(\d{1,2})\//.exec(type) ?? [];
  const bits = Number(digits);
  if (sign === undefined || bits < 2 || bits > 52) return undefined;
  return sign === 'u' ? [2 ** bits - 1] : [2 ** (bits - 1) - 1, -(2 ** (bits - 1))];
}

/** Converters for thermocouples, resistance thermometers and infrared: they measure ovens. */
const hot = /^(?:max318|mcp96|ltc298|mlx906)/;
/** Barometers whose 0 is a conversion that did not take place; a difference of pressures may well be 0. */
const barometer = /^bm[ep]\d/;

/** Why a value is none, or undefined. */
export function faultOf(
  { kind, metric }: Pick<Channel, 'kind' | 'metric'>,
  value: number,
  chip: string,
): string | undefined {
  if (kind === 'humidity' && (value < 0 || value > 100)) return `${metric}: ${value} % is no humidity`;
  const [lowest, highest] = hot.test(chip) ? [-270, 1800] : [-60, 150];
  if (kind === 'temperature' && (value < lowest! || value > highest!))
    return `${metric}: ${value} Cel is beyond ${lowest} to ${highest}`;
  if (kind === 'pressure' && value <= 0 && barometer.test(chip)) return `${metric}: ${value} kPa is no pressure of air`;
  return undefined;
}
