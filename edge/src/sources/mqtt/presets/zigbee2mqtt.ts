/**
 * Zigbee2MQTT 1.17 and later, JSON output: `zigbee2mqtt/FRIENDLY_NAME`, where a friendly name may hold slashes.
 * Formats: zigbee2mqtt.io, «MQTT Topics and Messages» and «Exposes».
 */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { knownUnit } from '../../../unit-words.ts';
import { timeUsOf } from '../../mapping/scalars.ts';
import { configured, fieldReadings, isJson, type Json, jsonObject } from '../fields.ts';
import { availability, type Message, nothing, type Preset } from '../preset.ts';

/** Where `bridge/devices` does not say. Converters convert to these units unless a device says another. */
const usual: Readonly<Record<string, string>> = {
  temperature: 'Cel',
  device_temperature: 'Cel',
  local_temperature: 'Cel',
  soil_temperature: 'Cel',
  humidity: '%',
  soil_moisture: '%',
  pressure: 'hPa',
  illuminance: 'lx',
  illuminance_lux: 'lx',
  battery: '%',
  power: 'W',
  energy: 'kW.h',
  current: 'A',
  ac_frequency: 'Hz',
  co2: '[ppm]',
  pm25: 'ug/m3',
  pm10: 'ug/m3',
};

/** State of the software, not of the place. `last_seen` is the time of the message. */
const notReadings = /^(update|update_available|last_seen|elapsed|device|color_options|action_.*)$/;

export const zigbee2mqtt: Preset = ({ units, baseLevels }) => {
  const own = configured(units);
  const exposed = new Map<string, ReadonlyMap<string, string>>();
  const base = Math.max(1, baseLevels);
  const nameOf = ({ levels }: Message): string => levels.slice(base).join('/');
  return {
    sensorOf: nameOf,
    take(message) {
      const { levels, payload, nowUs } = message;
      const last = levels.at(-1);
      if (levels[base] === 'bridge') {
        if (levels[base + 1] === 'devices' && levels.length === base + 2) learn(payload, exposed);
        return nothing;
      }
      if (last === 'availability') return availability(levels.slice(base, -1).join('/'), payload);
      if (last === 'set' || last === 'get') return nothing;
      const sensor = nameOf(message);
      const state = jsonObject(payload);
      const said = exposed.get(sensor);
      const unitOf = (key: string, name: string): string | undefined =>
        own(key, name) ??
        said?.get(key) ??
        (key === 'voltage' ? voltageOf(state) : Object.hasOwn(usual, key) ? usual[key] : undefined);
      const readable = Object.fromEntries(Object.entries(state).filter(([key]) => !notReadings.test(key)));
      const seenUs = timeOf(state['last_seen']);
      const readings = fieldReadings(
        readable,
        { sensor, timeUs: seenUs ?? nowUs, dated: seenUs === undefined ? undefined : 'source' },
        unitOf,
      );
      // A button's message has an action and nothing else: no reading, and no garbage.
      if (readings.length === 0 && !('action' in state))
        throw new RejectedError('payload', 'holds no number and no switch');
      return { readings };
    },
  };
};

/** Battery devices report their cell in mV, mains devices the line in V. */
const voltageOf = (state: Json): string => ('battery' in state ? 'mV' : 'V');

/** `last_seen` is ISO 8601 (with offset) or epoch ms, by `advanced.last_seen`. */
function timeOf(lastSeen: unknown): number | undefined {
  return typeof lastSeen === 'number' ? timeUsOf(lastSeen, 'epoch-ms') : timeUsOf(lastSeen, 'iso');
}

function learn(payload: Buffer, exposed: Map<string, ReadonlyMap<string, string>>): void {
  let devices: unknown;
  try {
    devices = JSON.parse(payload.toString());
  } catch {
    return; // The usual units stand in.
  }
  if (!Array.isArray(devices)) return;
  exposed.clear();
  for (const device of devices) {
    if (!isJson(device) || typeof device['friendly_name'] !== 'string' || !isJson(device['definition'])) continue;
    const found = new Map<string, string>();
    collect(device['definition']['exposes'], found, 0);
    exposed.set(device['friendly_name'], found);
  }
}

function collect(exposes: unknown, found: Map<string, string>, depth: number): void {
  if (!Array.isArray(exposes) || depth > 4) return;
  for (const expose of exposes) {
    if (!isJson(expose)) continue;
    const { property, unit, features } = expose;
    const code = typeof unit === 'string' ? knownUnit(unit) : undefined;
    if (typeof property === 'string' && code !== undefined) found.set(property, code);
    collect(features, found, depth + 1);
  }
}
