/**
 * The Things Stack 3: `v3/<application>@<tenant>/devices/<device>/up`. Its broker speaks QoS 0 only.
 * Formats: thethingsindustries.com/docs, «Data Formats» and «MQTT Server».
 */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { timeUsOf } from '../../mapping/scalars.ts';
import { configured, fieldReadings, isJson, jsonObject, textAt } from '../fields.ts';
import { type Message, nothing, type Preset } from '../preset.ts';
import { radioUnits, signal } from './lorawan.ts';

export const theThingsStack: Preset = ({ units }) => {
  const own = configured(units);
  return {
    sensorOf,
    take(message) {
      if (message.levels.at(-1) !== 'up') return nothing;
      const event = jsonObject(message.payload);
      const uplink = event['uplink_message'];
      if (!isJson(uplink)) throw new RejectedError('uplink_message', 'is not there');
      if (textAt(uplink, 'frm_payload') && !isJson(uplink['decoded_payload']))
        throw new RejectedError('uplink_message.decoded_payload', 'is not there: no payload formatter, or it failed');
      // The network server's time is nearer to the uplink than the application server's.
      const ownUs = timeUsOf(uplink['received_at'], 'iso') ?? timeUsOf(event['received_at'], 'iso');
      const origin = {
        sensor: textAt(event, 'end_device_ids', 'device_id') ?? sensorOf(message),
        timeUs: ownUs ?? message.nowUs,
        dated: ownUs === undefined ? undefined : ('source' as const),
      };
      const battery = isJson(uplink['last_battery_percentage'])
        ? uplink['last_battery_percentage']['value']
        : undefined;
      const radio = { ...signal(uplink['rx_metadata']), ...(battery !== undefined && { battery }) };
      const decoded = fieldReadings(uplink['decoded_payload'], origin, own);
      // A decoder's own `battery` is not the network's.
      const names = new Set(decoded.map(({ metric }) => metric));
      const link = fieldReadings(radio, origin, (key, name) => own(key, name) ?? radioUnits[key]);
      return { readings: [...decoded, ...link.filter(({ metric }) => !names.has(metric))] };
    },
  };
};

const sensorOf = ({ levels, topic }: Message): string => levels.at(-2) ?? topic;
