/** Units as Zigbee2MQTT, Sparkplug publishers and others write them, and their UCUM codes. */
import { parseUnit } from '@millrace/wire/units.ts';

const words: Readonly<Record<string, string>> = {
  '°C': 'Cel',
  '℃': 'Cel',
  C: 'Cel',
  degC: 'Cel',
  '°F': '[degF]',
  degF: '[degF]',
  '°': 'deg',
  mmHg: 'mm[Hg]',
  psi: '[psi]',
  kWh: 'kW.h',
  Wh: 'W.h',
  VA: 'V.A',
  VAr: 'V.A',
  var: 'V.A',
  ppm: '[ppm]',
  ppb: '[ppb]',
  'µg/m³': 'ug/m3',
  'μg/m³': 'ug/m3',
  'mg/m³': 'mg/m3',
  'm³': 'm3',
  'm³/h': 'm3/h',
  'L/min': 'L/min',
  dBm: 'dB[mW]',
  dB: 'dB',
  lqi: '1',
  lux: 'lx',
  sec: 's',
  seconds: 's',
  pH: '[pH]',
  'µS/cm': 'uS/cm',
  'μS/cm': 'uS/cm',
  rpm: '/min',
  mph: '[mi_i]/h',
  kB: 'kBy',
};

/** Undefined: no unit that is known. */
export function ucumOf(word: string): string | undefined {
  const code = Object.hasOwn(words, word) ? words[word]! : word;
  return typeof parseUnit(code) === 'string' ? undefined : code;
}
