import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseUnit } from '@millrace/wire/units.ts';
import { folder, silent, until } from '../../../test/outbox.ts';
import { faultOfNumbers, faultOfSeries, type Reading } from '../../reading.ts';
import { channelsOf, endsOf, faultOf } from './channels.ts';
import { iioSchema } from './config.ts';
import { iioSource } from './source.ts';

/** A tree of devices, written as the kernel would show it. */
function tree(devices: Record<number, Record<string, string>>) {
  const root = folder();
  const at = (device: number, file: string) => join(root, 'sys/bus/iio/devices', `iio:device${device}`, file);
  const put = (device: number, files: Record<string, string>): void => {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(at(device, file)), { recursive: true });
      rmSync(at(device, file), { force: true });
      writeFileSync(at(device, file), `${text}\n`);
    }
  };
  for (const [device, files] of Object.entries(devices)) put(Number(device), files);
  return {
    root,
    put,
    hang: (device: number, file: string) => {
      rmSync(at(device, file), { force: true });
      execFileSync('mkfifo', [at(device, file)]);
    },
    remove: (device: number) => rmSync(at(device, ''), { recursive: true }),
  };
}

function running(t: TestContext, root: string, timeoutMs = 2000) {
  const stop = new AbortController();
  const emitted: Reading[] = [];
  const ticks: { readings: readonly Reading[]; completeThroughUs: number }[] = [];
  const troubles: string[] = [];
  const run = iioSource({ ...iioSchema.parse({ type: 'iio' }), timeoutMs, intervalMs: 100 }, root, 50).run(
    // oxlint-disable-next-line require-await
    async (readings, note) => {
      ticks.push({ readings, completeThroughUs: note!.completeThroughUs! });
      emitted.push(...readings);
    },
    {
      signal: stop.signal,
      cursor: undefined,
      log: silent,
      nowUs: () => Date.now() * 1000,
      trouble: (sensor, trouble, why) => troubles.push(`${sensor} ${trouble}: ${why}`),
    },
  );
  run.catch(() => {});
  t.after(async () => {
    stop.abort(new Error('stopping'));
    await run.catch(() => {});
  });
  const last = (sensor: string, metric: string) =>
    emitted.findLast(reading => reading.sensor === sensor && reading.metric === metric)?.value;
  return { emitted, ticks, troubles, last };
}

const shown = (readings: readonly Reading[]) =>
  Object.fromEntries(readings.map(({ sensor, metric, value, unit }) => [`${sensor} ${metric}`, `${value} ${unit}`]));

const bme280 = {
  name: 'bme280',
  in_temp_input: '25730',
  in_humidityrelative_input: '48560',
  in_pressure_input: '100.934',
};

test('channels come scaled, in units of the contract, under the name of their chip', async t => {
  const { root } = tree({
    0: { ...bme280, in_temp_oversampling_ratio: '2', uevent: 'x' },
    1: {
      name: 'mcp3208',
      in_voltage_scale: '1.220703125',
      in_voltage0_raw: '1024',
      in_voltage1_raw: '4095',
      'in_voltage0-voltage1_raw': '12',
      'in_voltage-voltage_scale': '0.5',
      'scan_elements/in_voltage1_type': 'be:u12/16>>0',
    },
    2: {
      name: 'si7020',
      in_temp_raw: '6000',
      in_temp_offset: '-4368',
      in_temp_scale: '10.725097656',
      in_humidityrelative_raw: '2000',
    },
    3: { name: 'tsl2563', in_illuminance0_input: '312.5', in_intensity_both_raw: '800', in_temp_peak_raw: '1' },
    4: { name: 'scd30', in_concentration_co2_input: '0.0415', label: 'hall' },
    5: { name: 'ina226', in_current3_raw: '250', in_power2_raw: '40', in_power2_scale: '25' },
  });
  const { ticks, emitted, troubles } = running(t, root);
  await until('two ticks', () => ticks.length >= 2);
  assert.deepEqual(shown(ticks[0]!.readings), {
    'bme280 temperature': '25.73 Cel',
    'bme280 humidity': '48.56 %',
    'bme280 pressure': '100.934 kPa',
    'mcp3208 voltage0': '1250 mV',
    'mcp3208 voltage0-1': '6 mV',
    'si7020 temperature': `${((6000 - 4368) * 10.725097656) / 1000} Cel`,
    'tsl2563 illuminance0': '312.5 lx',
    'scd30 concentration_co2': '0.0415 %',
    'ina226 current3': '250 mA',
    'ina226 power2': '1000 mW',
  });
  assert.equal(troubles[0], 'mcp3208 garbage: voltage1: the converter is at its end (4095)');
  assert.ok(emitted.every(reading => (faultOfNumbers(reading) ?? faultOfSeries(reading)) === undefined));
  assert.ok(ticks[0]!.readings.every(({ timeUs }) => timeUs <= ticks[0]!.completeThroughUs));
});

test('two that are alike are told apart by label, or by number', async t => {
  const { root, put, remove } = tree({
    0: { name: 'bmp280', label: 'roof', in_temp_input: '1000' },
    1: { name: 'bmp280', in_temp_input: '2000' },
    2: { name: 'sht3x', in_temp_input: '3000' },
  });
  const { ticks, last, troubles } = running(t, root);
  await until('a tick', () => ticks.length > 0);
  assert.deepEqual(shown(ticks[0]!.readings), {
    'bmp280-roof temperature': '1 Cel',
    'bmp280-1 temperature': '2 Cel',
    'sht3x temperature': '3 Cel',
  });
  put(7, { name: 'sht3x', in_temp_input: '4000' }); // The first one keeps its name.
  await until('the new one', () => last('sht3x-7', 'temperature') === 4 && last('sht3x', 'temperature') === 3);
  remove(2);
  await until('absent', () => troubles.some(text => text.startsWith('sht3x absent: temperature: it is gone')));
  put(2, { name: 'sht3x', in_temp_input: '5000' });
  await until('it is back', () => last('sht3x', 'temperature') === 5);
});

test('a channel that is false is refused, the others of its device go on', async t => {
  const { root, put } = tree({ 0: { ...bme280, in_pressure_input: '0.000000000' }, 1: { name: 'dht11' } });
  put(1, { in_temp_input: '21000', in_humidityrelative_input: '255000' });
  const { ticks, troubles, last } = running(t, root);
  await until('a tick', () => ticks.length > 0);
  assert.deepEqual(Object.keys(shown(ticks[0]!.readings)), [
    'bme280 humidity',
    'bme280 temperature',
    'dht11 temperature',
  ]);
  assert.ok(troubles.includes('bme280 garbage: pressure: 0 kPa is no pressure of air'));
  assert.ok(troubles.includes('dht11 garbage: humidity: 255 % is no humidity'));
  put(0, { in_pressure_input: '101.2', in_temp_input: 'nothing' });
  await until('the pressure', () => last('bme280', 'pressure') === 101.2);
  await until('garbage', () => troubles.includes('bme280 garbage: temperature: its file holds no number'));
});

test('a device that hangs is late and holds nobody back; once it answers it is read again', async t => {
  const { root, hang, put } = tree({
    0: { name: 'dht22', in_temp_input: '1', in_humidityrelative_input: '50000' },
    1: { name: 'ads1015', in_voltage0_raw: '1', in_voltage1_raw: '1', in_voltage0_scale: '1', in_voltage1_scale: '1' },
    2: bme280,
  });
  hang(0, 'in_humidityrelative_input');
  hang(1, 'in_voltage0_scale');
  const { ticks, troubles, last } = running(t, root, 200);
  await until('late', () => troubles.includes('dht22 late: humidity: its read takes longer than 200 ms'));
  await until('the others', () => ticks.filter(({ readings }) => 'bme280 temperature' in shown(readings)).length >= 3);
  put(0, { in_humidityrelative_input: '51000' });
  put(1, { in_voltage0_scale: '2' });
  await until('both', () => last('dht22', 'humidity') === 51 && last('ads1015', 'voltage0') === 2);
});

test('without IIO there is nothing, and nothing breaks', async t => {
  const { ticks } = running(t, folder());
  await until('two ticks', () => ticks.length >= 2);
  assert.ok(ticks.every(({ readings }) => readings.length === 0));
});

test('channels, their units, and what is false of them', () => {
  const kinds =
    'accel_x angl anglvel_z capacitance0 concentration current0 distance electricalconductivity energy gravity_x humidityrelative illuminance incli_x magn_x massconcentration_pm2p5 ph power0 pressure resistance temp_object uvindex voltage0';
  const channels = channelsOf(kinds.split(' ').map(kind => `in_${kind}_raw`));
  assert.equal(channels.length, kinds.split(' ').length);
  for (const { unit, metric } of channels) assert.equal(typeof parseUnit(unit), 'object', `${metric} ${unit}`);
  assert.deepEqual(channelsOf(['in_voltage0_i_raw'])[0]!.stems, [
    'in_voltage0_i',
    'in_voltage0',
    'in_voltage_i',
    'in_voltage',
  ]);
  assert.deepEqual(
    channelsOf(['in_temp_raw', 'in_temp_input', 'in_temp_mean_raw', 'out_voltage0_raw', 'in_steps_input']).map(
      ({ file }) => file,
    ),
    ['in_temp_input'],
  );
  assert.deepEqual(endsOf('le:s16/16>>0'), [32_767, -32_768]);
  assert.equal(endsOf('le:s64/64>>0'), undefined);
  const temperature = { kind: 'temperature', metric: 'temperature' };
  assert.match(faultOf(temperature, -61, 'bme280')!, /beyond -60 to 150/);
  assert.match(faultOf(temperature, 151, 'bme280')!, /beyond/);
  assert.equal(faultOf(temperature, 900, 'max31855'), undefined);
  assert.equal(faultOf({ kind: 'pressure', metric: 'pressure' }, 0, 'sdp500'), undefined);
});
