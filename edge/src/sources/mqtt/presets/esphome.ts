/**
 * ESPHome: `<prefix>/<component>/<id>/state` with the value as text, `<prefix>/status` with its birth and will.
 * Formats: esphome.io, «MQTT Client Component». Units are not published (only Home Assistant's discovery has them): give `units` by id.
 */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { numberOf } from '../../mapping/scalars.ts';
import { configured } from '../fields.ts';
import { availability, type Message, nothing, type Preset } from '../preset.ts';

const measuring = new Set(['sensor', 'binary_sensor', 'switch', 'number']);

export const esphome: Preset = ({ units }) => {
  const own = configured(units);
  return {
    sensorOf,
    take(message) {
      const { levels, payload, nowUs } = message;
      if (levels.at(-1) === 'status') return availability(levels.slice(0, -1).join('/'), payload);
      const [component, metric, last] = levels.slice(-3);
      if (last !== 'state' || metric === undefined || !measuring.has(component!) || payload.length === 0)
        return nothing;
      const text = payload.toString('utf8', 0, 40);
      const value = numberOf(text);
      // ESPHome publishes `nan` for a sensor that it cannot read.
      if (value === undefined) throw new RejectedError(metric, `is no number, but ${JSON.stringify(text)}`);
      const sensor = sensorOf(message);
      return { readings: [{ sensor, metric, unit: own(metric, `${sensor}/${metric}`) ?? '1', value, timeUs: nowUs }] };
    },
  };
};

const sensorOf = ({ levels }: Message): string => levels.slice(0, -3).join('/') || levels.join('/');
