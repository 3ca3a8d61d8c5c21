/**
 * ChirpStack 4, JSON marshaler: `application/+/device/+/event/+`. `up` has the codec's object, `status` battery and
 * margin, `log` says why an uplink could not be decoded. Formats: chirpstack.io «Event types», integration.proto.
 */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { timeUsOf } from '../../mapping/scalars.ts';
import { configured, fieldReadings, isJson, type Json, jsonObject, textAt } from '../fields.ts';
import { type Message, nothing, type Preset } from '../preset.ts';
import { radioUnits, signal } from './lorawan.ts';

export const chirpstack: Preset = ({ units }) => {
  const own = configured(units);
  return {
    sensorOf,
    take(message) {
      const kind = message.levels.at(-1);
      if (message.levels.at(-2) !== 'event' || !['up', 'status', 'log'].includes(kind!)) return nothing;
      const event = jsonObject(message.payload);
      const sensor = textAt(event, 'deviceInfo', 'devEui') ?? sensorOf(message);
      const ownUs = timeUsOf(event['time'], 'iso');
      const origin = {
        sensor,
        timeUs: ownUs ?? message.nowUs,
        dated: ownUs === undefined ? undefined : ('source' as const),
      };
      if (kind === 'log') return complaint(sensor, event);
      const radio = kind === 'up' ? signal(event['rxInfo']) : status(event);
      if (kind === 'up' && textAt(event, 'data') && !isJson(event['object']))
        throw new RejectedError('object', 'is not there: the device profile has no codec, or the codec failed');
      const decoded = kind === 'up' ? fieldReadings(event['object'], origin, own) : [];
      // A codec's own `rssi` is the device's, not the gateway's.
      const names = new Set(decoded.map(({ metric }) => metric));
      const link = fieldReadings(radio, origin, (key, name) => own(key, name) ?? radioUnits[key]);
      return {
        readings: [...decoded, ...link.filter(({ metric }) => !names.has(metric))],
      };
    },
  };
};

/** `application/ID/device/DEVEUI/event/KIND`. */
const sensorOf = ({ levels, topic }: Message): string => levels.at(-3) ?? topic;

/** batteryLevel is in %; of a device on mains or without a value it says nothing. */
function status(event: Json): Record<string, unknown> {
  const { margin, batteryLevel, batteryLevelUnavailable, externalPowerSource } = event;
  const known = batteryLevelUnavailable !== true && externalPowerSource !== true;
  return {
    ...(margin !== undefined && { margin }),
    ...(known && batteryLevel !== undefined && { battery: batteryLevel }),
  };
}

function complaint(sensor: string, event: Json) {
  if (event['level'] !== 'ERROR' || event['code'] !== 'UPLINK_CODEC') return nothing;
  return {
    troubles: [{ sensor, trouble: 'garbage' as const, why: `codec: ${textAt(event, 'description') ?? 'failed'}` }],
  };
}
