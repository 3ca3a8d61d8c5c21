import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RejectedError } from '@millrace/runtime/errors.ts';
import { faultOfNumbers, faultOfSeries, type Reading } from '../../../reading.ts';
import type { SensorTrouble } from '../../sensors.ts';
import { baseLevels } from '../filter.ts';
import type { Decoder } from '../preset.ts';
import { type PresetName, presets } from './list.ts';

const nowUs = 1_800_000_000_000_000;

function decoder(name: PresetName, filter: string, units: Record<string, string> = {}) {
  const made = presets[name]({ units, baseLevels: baseLevels(filter) });
  return { made, send: (topic: string, payload: unknown) => send(made, topic, payload) };
}

function send(made: Decoder, topic: string, payload: unknown) {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const taken = made.take({ topic, levels: topic.split('/'), payload: bytes, nowUs });
  for (const reading of taken.readings ?? [])
    assert.equal(faultOfNumbers(reading) ?? faultOfSeries(reading), undefined);
  return taken;
}

/** Plays a recording; gives its readings as `sensor metric: value unit`, and what was said of sensors. */
function play(name: PresetName, filter: string, units: Record<string, string> = {}) {
  const file = new URL(`testdata/${name}.json`, import.meta.url);
  const { messages } = JSON.parse(readFileSync(file, 'utf8')) as { messages: { topic: string; payload: unknown }[] };
  const { send } = decoder(name, filter, units);
  const readings: Reading[] = [];
  const troubles: SensorTrouble[] = [];
  for (const { topic, payload } of messages) {
    const taken = send(topic, payload);
    readings.push(...(taken.readings ?? []));
    troubles.push(...(taken.troubles ?? []));
  }
  return {
    readings,
    troubles: troubles.map(({ sensor, trouble }) => `${sensor} ${trouble}`),
    shown: readings.map(({ sensor, metric, value, unit }) => `${sensor} ${metric}: ${value} ${unit}`),
  };
}

const refused = (field: RegExp) => (error: unknown) => error instanceof RejectedError && field.test(error.message);

test('zigbee2mqtt: units from exposes, else the usual ones; availability; buttons and settings are no readings', () => {
  const { readings, shown, troubles } = play('zigbee2mqtt', 'zigbee2mqtt/#');
  assert.deepEqual(shown, [
    'hall/climate battery: 86 %',
    'hall/climate humidity: 55.43 %',
    'hall/climate linkquality: 97 1',
    'hall/climate pressure: 100.06 kPa',
    'hall/climate temperature: 22.75 Cel',
    'hall/climate voltage: 2975 mV',
    'plug state: 1 1',
    'plug power: 41.2 W',
    'plug current: 0.19 A',
    'plug voltage: 231 V',
    'plug energy: 12.61 kW.h',
    'plug linkquality: 132 1',
    'door contact: 0 1',
    'door battery: 100 %',
    'door voltage: 3045 mV',
  ]);
  assert.deepEqual(troubles, ['hall/climate absent', 'plug undefined']);
  assert.deepEqual([readings[0]!.timeUs, readings[0]!.dated], [nowUs, undefined]);
  assert.deepEqual([readings[6]!.timeUs, readings[6]!.dated], [Date.UTC(2026, 10, 27, 23) * 1000, 'source']);
  assert.equal(readings.at(-1)!.timeUs, 1_790_000_000_123_000);
  const { send } = decoder('zigbee2mqtt', 'zigbee2mqtt/+');
  assert.throws(() => send('zigbee2mqtt/x', 'broken'), refused(/no JSON/));
  assert.throws(() => send('zigbee2mqtt/x', { color: { mode: 'hs' } }), refused(/no number/));
});

test('tasmota: units of the device’s own choice, nested sensors, switches, LWT; dated by arrival', () => {
  const { readings, shown, troubles } = play('tasmota', 'tele/+/+', { 'Wifi.AP': '{ap}' });
  for (const one of [
    'pump ENERGY.Total: 3.705 kW.h',
    'pump ENERGY.Power: 5 W',
    'pump ENERGY.Factor: 1 1',
    'yard BME280.Temperature: 71.2 [degF]',
    'yard BME280.DewPoint: 50.7 [degF]',
    'yard BME280.Pressure: 753.1 mm[Hg]',
    'yard DS18B20.Temperature: 68.9 [degF]',
    'pump POWER: 1 1',
    'pump UptimeSec: 549191 s',
    'pump Wifi.Signal: -63 dB[mW]',
    'pump Wifi.AP: 1 {ap}',
  ])
    assert.ok(shown.includes(one), `${one} of\n${shown.join('\n')}`);
  assert.ok(!shown.some(one => /Id|Time:|SSId|Uptime:/.test(one)));
  assert.ok(readings.every(({ timeUs, dated }) => timeUs === nowUs && dated === undefined));
  assert.deepEqual(troubles, ['pump undefined', 'pump absent']);
});

test('esphome: the value as text, nan is garbage, the status topic is its birth and will', () => {
  const { send } = decoder('esphome', 'greenhouse/#', { air_temperature: 'Cel' });
  assert.deepEqual(send('greenhouse/sensor/air_temperature/state', '21.53').readings, [
    { sensor: 'greenhouse', metric: 'air_temperature', unit: 'Cel', value: 21.53, timeUs: nowUs },
  ]);
  assert.equal(send('greenhouse/binary_sensor/door/state', 'ON').readings![0]!.value, 1);
  assert.throws(() => send('greenhouse/sensor/air_temperature/state', 'nan'), refused(/air_temperature: is no number/));
  assert.deepEqual(send('greenhouse/debug', '\u001b[0;36m[D][sensor:093]').readings, undefined);
  assert.deepEqual(
    send('greenhouse/status', 'offline').troubles?.map(one => one.trouble),
    ['absent'],
  );
});

test('senml: absolute times are the sender’s, the others count from arrival', () => {
  const { send } = decoder('senml', 'senml/+');
  const { readings } = send('senml/mote-1', [
    { n: 'temp', u: 'Cel', v: 20, t: -5 },
    { n: 'urn:dev:mac:1:hum', u: '%RH', v: 50, t: 1.79e9 },
  ]);
  assert.deepEqual(readings, [
    { sensor: 'senml/mote-1', metric: 'temp', unit: 'Cel', value: 20, timeUs: nowUs - 5e6 },
    { sensor: 'urn:dev:mac:1', metric: 'hum', unit: '%', value: 50, timeUs: 1.79e15, dated: 'source' },
  ]);
  assert.throws(() => send('senml/mote-1', [{ n: 'a', v: 'x' }]), refused(/\[0\]\.v/));
});

test('chirpstack: the codec’s object, the best gateway’s signal, battery, and what the codec complains of', () => {
  const { readings, shown, troubles } = play('chirpstack', 'application/+/device/+/event/+', {
    temperature: 'Cel',
    'soil.moisture': '%',
  });
  assert.deepEqual(shown, [
    '0102030405060708 temperature: 18.4 Cel',
    '0102030405060708 soil.moisture: 31.5 %',
    '0102030405060708 motion: 1 1',
    '0102030405060708 rssi: -36 dB[mW]',
    '0102030405060708 snr: 10.5 dB',
    '0102030405060708 margin: 9 dB',
    '0102030405060708 battery: 75.3 %',
  ]);
  assert.deepEqual(
    [readings[0]!.timeUs, readings[0]!.dated],
    [Date.UTC(2026, 6, 18, 9, 34, 15) * 1000 + 775_023, 'source'],
  );
  assert.deepEqual(troubles, ['0102030405060708 garbage']);
  const { send } = decoder('chirpstack', 'application/+/device/+/event/+');
  assert.throws(() => send('application/a/device/b/event/up', { data: 'AQ==' }), refused(/no codec/));
});

test('the things stack: decoded payload, signal, battery; the network server’s time', () => {
  const { readings, shown } = play('the-things-stack', 'v3/+/devices/+/up', { temperature: 'Cel', humidity: '%' });
  assert.deepEqual(shown, [
    'bench-3 temperature: 30.5 Cel',
    'bench-3 humidity: 60 %',
    'bench-3 rssi: -42 dB[mW]',
    'bench-3 snr: 5.8 dB',
    'bench-3 battery: 94.09 %',
  ]);
  assert.equal(readings[0]!.timeUs, Date.UTC(2026, 6, 18, 2, 44, 18) * 1000 + 22_253);
  const { send } = decoder('the-things-stack', 'v3/+/devices/+/up');
  assert.throws(() => send('v3/a/devices/b/up', { uplink_message: { frm_payload: 'AQ==' } }), refused(/formatter/));
});
