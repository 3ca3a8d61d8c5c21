import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../reading.ts';
import { shapeSchema } from './config.ts';
import { Shaper } from './shaper.ts';

const base: Reading = { sensor: 'wx', metric: 'temp', unit: 'Cel', value: 20, timeUs: 1_700_000_000_000_000 };

function shaper(rules: unknown) {
  const mismatches: string[] = [];
  const one = new Shaper({
    rules: shapeSchema.parse(rules),
    onMismatch: (source, sensor, why) => mismatches.push(`${source} ${sensor}: ${why}`),
  });
  return {
    one,
    mismatches,
    shape: (...readings: Partial<Reading>[]) =>
      one.shape(
        'mqtt',
        readings.map(r => ({ ...base, ...r })),
      ),
  };
}

const mistakes = (rules: unknown) =>
  shapeSchema.safeParse(rules).error?.issues.map(i => `${i.path.join('.')}: ${i.message}`);

test('°F converts into Cel, by what the source says or by what the rule says of it', () => {
  const { shape } = shaper([{ metric: 'temp', unit: { to: 'Cel' } }]);
  assert.deepEqual(
    shape({ unit: '[degF]', value: 212 }, { unit: '°F', value: 32 }, { unit: 'Cel', value: 5 }).map(r => [
      r.unit,
      Math.round(r.value * 1e9) / 1e9,
    ]),
    [
      ['Cel', 100],
      ['Cel', 0],
      ['Cel', 5],
    ],
  );
  const said = shaper([{ metric: 'temp', unit: { from: '°F', to: '°C' } }]);
  const [reading] = said.shape({ unit: '1', value: 50 });
  assert.equal(reading!.unit, 'Cel');
  assert.ok(Math.abs(reading!.value - 10) < 1e-9);
});

test('units of different dimensions are a mistake of the configuration, and an unknown one too', () => {
  assert.deepEqual(mistakes([{ metric: 'co2', unit: { from: 'ppm', to: 'Cel' } }]), [
    '0.unit.to: [ppm] does not convert into Cel: they measure different things',
  ]);
  assert.match(mistakes([{ metric: 'x', unit: { to: 'Celsius' } }])!.join(), /"Celsius" is not a UCUM unit/);
  assert.match(mistakes([{ unit: { to: 'Cel' } }])!.join(), /must name a source, a sensor or a metric/);
  assert.match(mistakes([{ metric: 'x', range: { valid: [5, 1] } }])!.join(), /the lower first/);
  assert.match(mistakes([{ metric: 'x', lat: 3 }])!.join(), /0\.lon: lat and lon must come together/);
});

test('a unit that a sensor invents is said, marked, and the reading kept as it came', () => {
  const { shape, mismatches } = shaper([{ metric: 'temp', unit: { to: 'Cel' } }]);
  const [reading] = shape({ unit: '%', value: 40 });
  assert.deepEqual([reading!.unit, reading!.value, reading!.quality], ['%', 40, 1]);
  assert.deepEqual(mismatches, ['mqtt wx: temp comes in %, which does not convert into Cel']);
});

test('calibration comes after the unit, ranges judge what comes of it, and quality never gets better', () => {
  const { shape } = shaper([
    {
      metric: 'temp',
      unit: { to: 'Cel' },
      calibrate: { factor: 2, offset: -1 },
      range: { plausible: [0, 50], valid: [-40, 90] },
    },
  ]);
  assert.deepEqual(
    shape({ value: 10 }, { value: 40 }, { value: 60 }, { value: 10, quality: 2 }, { value: 60, quality: 3 }).map(r => [
      r.value,
      r.quality ?? 0,
    ]),
    [
      [19, 0],
      [79, 1],
      [119, 2],
      [19, 2],
      [119, 3],
    ],
  );
});

test('a dead band leaves out what has not changed, and a reading goes out when its longest pause is over', () => {
  const { shape, one } = shaper([{ metric: 'temp', deadband: { change: 0.5, longestMs: 10_000 } }]);
  const at = (s: number, value: number, quality?: 0 | 1): Partial<Reading> => ({
    value,
    timeUs: base.timeUs + s * 1e6,
    ...(quality && { quality }),
  });
  const out = shape(
    at(0, 20),
    at(1, 20.4),
    at(2, 20.6),
    at(3, 20.7),
    at(4, 20.7, 1),
    at(5, 20.7, 1),
    at(14, 20.7, 1),
    at(13, 20.7, 1),
    at(13.5, 20.7),
  );
  assert.deepEqual(
    out.map(r => [(r.timeUs - base.timeUs) / 1e6, r.value]),
    [
      [0, 20],
      [2, 20.6],
      [4, 20.7],
      [14, 20.7],
      [13, 20.7],
      [13.5, 20.7],
    ],
  );
  assert.equal(out[0]!.intervalMs, 10_000);
  assert.equal(one.leftOut.deadband, 3);
  // Series apart.
  assert.equal(shape({ sensor: 'a', value: 1 }, { sensor: 'b', value: 1 }).length, 2);
});

test('all rules that match apply, the last one of a key stands; names, zone and position', () => {
  const { shape, one } = shaper([
    { sensor: '*', zone: 'north', intervalMs: 1000 },
    { sensor: 'wx*', zone: 'harbour', lat: 1, lon: 2 },
    { source: 'mqtt', metric: 'temp', rename: { sensor: 'weather-1', metric: 'temperature' } },
    { source: 'other', metric: 'temp', rename: { metric: 'never' } },
    { metric: 'debug*', drop: true },
  ]);
  assert.deepEqual(shape({}, { metric: 'debug_x' }, { sensor: 'y', metric: 'hum' }), [
    { ...base, sensor: 'weather-1', metric: 'temperature', zone: 'harbour', lat: 1, lon: 2, intervalMs: 1000 },
    { ...base, sensor: 'y', metric: 'hum', zone: 'north', intervalMs: 1000 },
  ]);
  assert.equal(one.leftOut.drop, 1);
});
