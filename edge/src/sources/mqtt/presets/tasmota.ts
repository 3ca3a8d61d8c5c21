/**
 * Tasmota telemetry: `tele/%topic%/{SENSOR,STATE,LWT}`, or any full topic that ends so. `Time` is local time without a
 * zone, so readings are dated by their arrival. Formats: tasmota.github.io/docs, «MQTT» and «JSON Status Responses».
 */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { knownUnit } from '../../../unit-words.ts';
import { configured, fieldReadings, type Json, jsonObject, textAt } from '../fields.ts';
import { availability, type Message, nothing, type Preset } from '../preset.ts';

const usual: Readonly<Record<string, string>> = {
  Humidity: '%',
  Moisture: '%',
  Illuminance: 'lx',
  CarbonDioxide: '[ppm]',
  eCO2: '[ppm]',
  TVOC: '[ppb]',
  'PM2.5': 'ug/m3',
  PM10: 'ug/m3',
  Distance: 'cm',
  Power: 'W',
  ApparentPower: 'V.A',
  ReactivePower: 'V.A',
  Voltage: 'V',
  Current: 'A',
  Frequency: 'Hz',
  Total: 'kW.h',
  Today: 'kW.h',
  Yesterday: 'kW.h',
  Period: 'W.h',
  UptimeSec: 's',
  Vcc: 'V',
  Heap: 'KiBy',
  Signal: 'dB[mW]',
  RSSI: '%',
};
const temperatures = new Set(['Temperature', 'DewPoint', 'HeatIndex']);
const pressures = new Set(['Pressure', 'SeaPressure']);

export const tasmota: Preset = ({ units }) => {
  const own = configured(units);
  return {
    sensorOf,
    take(message) {
      const { levels, payload, nowUs } = message;
      const kind = levels.at(-1);
      if (kind === 'LWT') return availability(sensorOf(message), payload);
      if (kind !== 'SENSOR' && kind !== 'STATE') return nothing;
      const { Time: _time, Uptime: _uptime, ...state }: Json = jsonObject(payload);
      const temperature = knownUnit(`°${textAt(state, 'TempUnit') ?? 'C'}`);
      const pressure = knownUnit(textAt(state, 'PressureUnit') ?? 'hPa');
      const readings = fieldReadings(state, { sensor: sensorOf(message), timeUs: nowUs }, (key, name) => {
        if (temperatures.has(key)) return own(key, name) ?? temperature;
        if (pressures.has(key)) return own(key, name) ?? pressure;
        return own(key, name) ?? (Object.hasOwn(usual, key) ? usual[key] : undefined);
      });
      if (readings.length === 0) throw new RejectedError('payload', 'holds no number and no switch');
      return { readings };
    },
  };
};

/** The topic without its kind and without the prefix `tele`, wherever `FullTopic` puts it. */
function sensorOf({ levels }: Message): string {
  const name = levels.slice(0, -1).filter(level => level !== 'tele');
  return name.join('/') || levels.join('/');
}
