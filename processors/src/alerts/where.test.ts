import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDuration, showDuration } from './durations.ts';
import { seriesUnit } from './series-unit.ts';
import { covers, matches } from './where.ts';

test('a pattern matches as the regular expression that it stands for', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '\n'), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's');
      assert.equal(matches(pattern, text), expression.test(text));
    }),
    { numRuns: 2000 },
  );
});

test('many stars cost no more than the product of the lengths', () => {
  const startMs = performance.now();
  assert.equal(matches(`${'*a'.repeat(100)}b`, 'a'.repeat(255)), false);
  assert.ok(performance.now() - startMs < 1000);
});

test('all fields that are asked for must match, each by one of its patterns', () => {
  const named = { metric: 'temperature', zone: 'cbd', sensor: 'air-1', gateway: 'lamp-1', site: undefined };
  assert.ok(covers({}, named));
  assert.ok(covers({ metric: ['humidity', 'temp*'], zone: ['cbd'] }, named));
  assert.ok(!covers({ metric: ['temp*'], zone: ['port'] }, named));
  assert.ok(!covers({ site: ['?*'] }, named));
});

test('durations are read and shown', () => {
  assert.deepEqual(['30s', '5m', '1h', '2d', '0s', '5', '5min', '1.5h', '-1s', ' 1s', ''].map(parseDuration), [
    30e6,
    300e6,
    3600e6,
    172_800e6,
    0,
    ...Array.from({ length: 6 }, () => undefined),
  ]);
  for (const [us, text] of [
    [0, '0 s'],
    [1_500_000, '1.5 s'],
    [59_900_000, '59.9 s'],
    [60e6, '1 min'],
    [90e6, '1 min 30 s'],
    [3600e6, '1 h'],
    [3900e6, '1 h 5 min'],
    [3_599_900_000, '1 h'],
    [86_400e6 * 15, '15 d'],
    [86_400e6 + 3600e6 * 2, '1 d 2 h'],
  ] as const)
    assert.equal(showDuration(us), text);
});

test('values are shown with their unit, as people write it', () => {
  const shown = (unit: string, value = 1.5): string => seriesUnit(unit, undefined)!.show(value);
  assert.deepEqual(
    ['Cel', '[degF]', '1', '%', '{people}/h', 'ug/m3', 'kW.h', 'us'].map(unit => shown(unit)),
    ['1.5 °C', '1.5 °F', '1.5', '1.5 %', '1.5 people/h', '1.5 µg/m3', '1.5 kW·h', '1.5 µs'],
  );
  assert.equal(shown('1', 0.1 + 0.2), '0.3');
  assert.equal(shown('1', 123_456_789), '123457000');
});
