import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mappingSchema } from './config.ts';
import { mapped } from './mapping.ts';
import { matches, parsePath } from './path.ts';
import { numberOf, timeUsOf } from './scalars.ts';

const mistakes = (mapping: unknown): string[] =>
  mappingSchema.safeParse(mapping).error!.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`);

test('a wildcard level gives its name to the sensor, and binds the other paths to the same place', () => {
  const rules = mappingSchema.parse({
    sensor: { key: 1 },
    metric: { key: 2 },
    unit: { path: 'rooms.*.values[*].u', codes: { '°C': 'Cel' } },
    time: { path: 'rooms.*.at', format: 'epoch-s' },
    value: 'rooms.*.values[*].v',
  });
  const { readings, faults } = mapped(
    rules,
    {
      rooms: {
        hall: {
          at: 1_790_000_000,
          values: [
            { v: '21.5', u: '°C' },
            { v: 'ON', u: '1' },
          ],
        },
        attic: { at: 'noon', values: [{ v: 3, u: '1' }] },
        cellar: {
          at: 1_790_000_001,
          values: [
            { v: {}, u: '1' },
            { v: 4, u: 'furlong' },
          ],
        },
      },
    },
    { nowUs: 5 },
  );
  assert.deepEqual(readings, [
    { sensor: 'hall', metric: '0', unit: 'Cel', value: 21.5, timeUs: 1.79e15, dated: 'source' },
    { sensor: 'hall', metric: '1', unit: '1', value: 1, timeUs: 1.79e15, dated: 'source' },
  ]);
  assert.deepEqual(
    faults.map(({ element }) => element),
    ['rooms.attic.at', 'rooms.cellar.values[0].v', 'rooms.cellar.values[1].v'],
  );
});

test('topic levels and constants; without a time the arrival', () => {
  const rules = mappingSchema.parse([
    { sensor: { topic: 2 }, metric: 'level', unit: 'm', value: '$' },
    { sensor: { topic: 2 }, metric: 'other', value: 'x' },
  ]);
  const { readings, faults } = mapped(rules, 2.5, { levels: ['river', 'north'], nowUs: 7 });
  assert.deepEqual(readings, [{ sensor: 'north', metric: 'level', unit: 'm', value: 2.5, timeUs: 7 }]);
  assert.deepEqual(faults, [{ element: 'x', message: 'is not there' }]);
});

test('mistakes are found when the configuration is read, all at once, each at its place', () => {
  const found = mistakes([
    { sensor: 'a', metric: { path: 'b..c' }, value: 'a[x]', colour: 1 },
    { sensor: { key: 2 }, metric: { path: 'x.*' }, value: '*.v' },
    { sensor: {}, metric: 'm', unit: 'furlong', value: 'v', time: { path: 't', format: 'noon' } },
  ]);
  const told = [
    '0.metric.path: is no path from character 2',
    '0.value: is no path from character 2',
    '0.colour: is no key',
  ];
  told.push('1.sensor.key: the value', '1.metric.path: must have its wildcards');
  told.push('2.sensor: must be a text, {', '2.unit: "furlong" is not a UCUM', '2.time.format: must be one of iso');
  for (const line of told)
    assert.ok(
      found.some(mistake => mistake.startsWith(line)),
      `${line} of\n${found.join('\n')}`,
    );
  assert.match(mistakes({ metric: 'm', value: 'v' }).join(), /^sensor: must be a text/);
  assert.match(mistakes('x')[0]!, /must be \{ sensor/);
});

test('paths: quoted keys, indices, and nothing of the prototype', () => {
  const at = (path: string, document: unknown) => {
    const parsed = parsePath(path);
    return typeof parsed === 'string' ? parsed : matches(parsed, document, 10).map(({ value }) => value);
  };
  assert.deepEqual(at('["a.b"][1]', { 'a.b': [1, 2] }), [2]);
  assert.deepEqual(at('constructor.name', {}), []);
  assert.deepEqual(at('$', 5), [5]);
  for (const bad of ['', 'a..b', 'a[', 'a[-1]', '.a b', 'a[?(@.x)]', 'a()*'])
    assert.equal(typeof parsePath(bad), 'string', bad);
});

test('numbers, switches and times as devices write them', () => {
  assert.deepEqual([1.5, '2.5', ' 7 ', true, 'OFF', 'on', '1e3', '0x10', '', null, 'NaN', [1]].map(numberOf), [
    1.5,
    2.5,
    7,
    1,
    0,
    1,
    1000,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.equal(timeUsOf('2026-11-28T12:00:00.123456789+13:00', 'iso'), Date.UTC(2026, 10, 27, 23) * 1000 + 123_456);
  assert.equal(timeUsOf('2026-11-28T12:00:00', 'iso'), undefined);
  assert.equal(timeUsOf('1790000000.5', 'epoch-s'), 1_790_000_000_500_000);
  assert.equal(timeUsOf(1_790_000_000_123, 'epoch-ms'), 1_790_000_000_123_000);
});
