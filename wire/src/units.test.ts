import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUnit, type Unit } from './units.ts';

function unit(text: string): Unit {
  const parsed = parseUnit(text);
  assert.ok(typeof parsed !== 'string', `${text}: ${JSON.stringify(parsed)}`);
  return parsed;
}

test('the units that sensors in cities use are known', () => {
  for (const text of [
    'Cel',
    '[degF]',
    'K',
    '%',
    '1',
    '{people}',
    '{people}/h',
    '/min',
    'm/s',
    'km/h',
    'ug/m3',
    'mg/m3',
    '[ppm]',
    '[ppb]',
    'hPa',
    'kW.h',
    'W/m2',
    'lx',
    'dB[SPL]',
    'dB',
    'mm/h',
    'L/min',
    'deg',
    'By',
    'By/s',
    'MiBy',
    'V',
    'mA',
    'us/cm',
    'uS/cm',
    '10*3/mL',
    'm/s2',
    'g',
    '[pH]',
    'min',
    'ms',
    '2.m',
  ])
    unit(text);
});

test('units of one dimension convert by factor and offset', () => {
  const celsius = unit('Cel');
  const fahrenheit = unit('[degF]');
  assert.deepEqual(celsius.dimension, fahrenheit.dimension);
  assert.ok(Math.abs((212 * fahrenheit.factor + fahrenheit.offset - celsius.offset) / celsius.factor - 100) < 1e-9);
  assert.ok(Math.abs(unit('km/h').factor / unit('m/s').factor - 1 / 3.6) < 1e-12);
  assert.deepEqual(unit('kW.h').dimension, unit('J').dimension);
  assert.notDeepEqual(unit('[ppm]').dimension, celsius.dimension);
});

test('what is no unit is refused with a sentence', () => {
  for (const text of [
    '',
    'Celsius',
    'C°',
    'm//s',
    'm/',
    'kmin',
    '__proto__',
    'constructor',
    'm s',
    '{',
    'Cel/s',
    'Cel2',
    'm99',
    '0',
    'µg/m3',
    'x'.repeat(65),
  ]) {
    assert.equal(typeof parseUnit(text), 'string', text);
  }
});
