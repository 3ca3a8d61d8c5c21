/** How people, data sheets and smart-home programs write units, as UCUM codes. */
import { parseUnit } from '@millrace/wire/units.ts';

export const aliases: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '°C': 'Cel',
    '℃': 'Cel',
    degC: 'Cel',
    '°F': '[degF]',
    '℉': '[degF]',
    degF: '[degF]',
    F: '[degF]', // Farad otherwise: no sensor of a city measures that.
    C: 'Cel', // Coulomb otherwise.
    '%RH': '%',
    ppm: '[ppm]',
    ppb: '[ppb]',
    'µg/m³': 'ug/m3',
    'μg/m³': 'ug/m3',
    'µg/m3': 'ug/m3',
    'ug/m³': 'ug/m3',
    'mg/m³': 'mg/m3',
    'm³': 'm3',
    'm³/h': 'm3/h',
    'm²': 'm2',
    'W/m²': 'W/m2',
    lux: 'lx',
    lqi: '1',
    'µS/cm': 'uS/cm',
    'μS/cm': 'uS/cm',
    Wh: 'W.h',
    kWh: 'kW.h',
    MWh: 'MW.h',
    VA: 'V.A',
    kVA: 'kV.A',
    var: 'V.A',
    VAr: 'V.A',
    Ah: 'A.h',
    mAh: 'mA.h',
    Ω: 'Ohm',
    kΩ: 'kOhm',
    '°': 'deg',
    dBm: 'dB[mW]',
    'dB(A)': 'dB[SPL]',
    dBA: 'dB[SPL]',
    B: 'By',
    kB: 'kBy',
    MB: 'MBy',
    KiB: 'KiBy',
    MiB: 'MiBy',
    'B/s': 'By/s',
    'kB/s': 'kBy/s',
    psi: '[psi]',
    mmHg: 'mm[Hg]',
    mph: '[mi_i]/h',
    kn: '[kn_i]',
    kt: '[kn_i]',
    ft: '[ft_i]',
    in: '[in_i]',
    gal: '[gal_us]',
    sec: 's',
    seconds: 's',
    µs: 'us',
    μs: 'us',
    rpm: '{revolutions}/min',
    pH: '[pH]',
    '': '1',
    count: '1',
  }),
);

/** The UCUM code of a unit as it was written; what is not in the table is returned as it is, and may be a code already. */
export function ucumOf(written: string): string {
  return aliases.get(written.trim()) ?? written;
}

/** The UCUM code of a unit as it was written; undefined: none that is known. */
export function knownUnit(written: string): string | undefined {
  const code = ucumOf(written);
  return typeof parseUnit(code) === 'string' ? undefined : code;
}
