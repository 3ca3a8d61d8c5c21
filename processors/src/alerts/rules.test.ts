import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import fc from 'fast-check';
import { conditionKeys } from './rule-keys.ts';
import { loadRules } from './rules.ts';
import { rulesOf } from './testing.ts';

function mistakes(yaml: string): string[] {
  try {
    rulesOf(yaml);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.mistakes.map(({ key, place, message }) => `${key} :${place?.split(':').at(-2)} ${message}`);
  }
  return assert.fail('no mistake found');
}

test('every kind of rule is understood, with its defaults', () => {
  const rules = rulesOf(`
rules:
  - { name: hot, severity: critical, where: { metric: temperature, zone: [cbd, 'port-*'] }, above: 80, clear: 75, for: 1m, unit: Cel }
  - { name: cold, where: { metric: temperature }, below: -10 }
  - { name: heating, where: { metric: temperature }, risesFasterThan: 5, per: 10m, over: 20m, clear: 2 }
  - { name: stuck, flat: 30m, tolerance: 0.1 }
  - { name: gone, silent: sensor, missed: 5 }
  - { name: dark, severity: info, where: { site: city }, silent: gateway, after: 5m, atMostEvery: 1h }
  - { name: odd, deviates: 4 }
`);
  const minuteUs = 60_000_000;
  assert.deepEqual(
    rules.map(({ name, condition }) => [name, condition]),
    [
      ['hot', { kind: 'threshold', side: 'above', level: 80, clear: 75 }],
      ['cold', { kind: 'threshold', side: 'below', level: -10, clear: -10 }],
      [
        'heating',
        { kind: 'rate', direction: 'rises', level: 5, clear: 2, perUs: 10 * minuteUs, overUs: 20 * minuteUs },
      ],
      ['stuck', { kind: 'flat', lastsUs: 30 * minuteUs, tolerance: 0.1, readings: 10 }],
      ['gone', { kind: 'silence', of: 'sensor', missed: 5 }],
      ['dark', { kind: 'silence', of: 'gateway', afterUs: 5 * minuteUs }],
      ['odd', { kind: 'deviation', level: 4, clear: 2, overUs: 60 * minuteUs, readings: 30, atLeast: 0 }],
    ],
  );
  assert.deepEqual(
    rules.map(({ severity }) => severity),
    [2, 1, 1, 1, 1, 0, 1],
  );
  assert.deepEqual(
    [rules[0]!.where, rules[0]!.holdUs, rules[0]!.unit],
    [{ metric: ['temperature'], zone: ['cbd', 'port-*'] }, minuteUs, 'Cel'],
  );
  assert.deepEqual([rules[0]!.atMostEveryUs, rules[5]!.atMostEveryUs], [5 * minuteUs, 60 * minuteUs]);
});

test('all mistakes come at once, each with its rule, key and line, from top to bottom', () => {
  assert.deepEqual(
    mistakes(`rules:
  - name: hot
    severty: critical
    where: { metrik: temperature, zone: [] }
    above: high
    for: 5 minutes
  - name: hot
    where: { metric: temperature }
    above: 80
    clear: 85
    missed: 3
  - name: Cold
    where: { metric: temperature }
    below: 5
    above: 7
  - where: { metric: x }
    risesFasterThan: 5
    unit: Celsius
rule: 3
`),
    [
      'rules.hot.severty :3 no such key; did you mean severity?',
      'rules.hot.where.zone :4 must be a name or a list of names; * in a name stands for anything; it is []',
      'rules.hot.where.metrik :4 no such key; did you mean metric?',
      'rules.hot.where :4 lacks where.metric: above means nothing for all metrics alike',
      'rules.hot.above :5 must be a number; it is "high"',
      'rules.hot.for :6 must be a duration such as 30s, 5m, 1h or 2d, at most 7d; it is "5 minutes"',
      'rules.hot.name :7 must be unique: rule 1 is called hot too',
      'rules.hot.clear :10 must be at most 80: what is above that is raised, not cleared; it is 85',
      'rules.hot.missed :11 goes with silent, not with above',
      'rules.2.name :12 must be 1–64 of a-z 0-9 - _, the first a letter or digit; it is "Cold"',
      'rules.2.above :15 beside below: a rule has one condition; make it a rule of its own',
      'rules.3.name :16 must be 1–64 of a-z 0-9 - _, the first a letter or digit; it is missing',
      'rules.3 :16 lacks per: risesFasterThan 5 needs per: 10m, say',
      'rules.3.unit :18 "Celsius" is not a UCUM unit that Millrace knows (examples: Cel, %, m/s, ug/m3, kW.h, {people}/h); it is "Celsius"',
      'rule :19 no such key; allowed: rules',
    ],
  );
});

test('conditions say what they lack and what does not go with them', () => {
  const ofRule = (rule: string): string => mistakes(`rules:\n  - { name: a, ${rule} }\n`).join('; ');
  assert.match(ofRule('where: { zone: x }'), /^rules\.a :2 has no condition: it needs one of above, below/);
  assert.doesNotMatch(ofRule('abov: 3'), /has no condition/);
  assert.match(ofRule('silent: sensor'), /lacks missed .* or after/);
  assert.match(ofRule('silent: sensor, missed: 3, after: 5m'), /rules\.a\.after :2 beside missed/);
  assert.match(ofRule('silent: gateway, missed: 3'), /rules\.a\.missed .*no cadence.*; rules\.a :2 lacks after/);
  assert.match(ofRule('silent: gateway, after: 5m, where: { zone: x }'), /rules\.a\.where\.zone :2 a gateway has none/);
  assert.match(ofRule('silent: gateway, after: 0s'), /rules\.a\.after :2 must be a duration/);
  assert.match(ofRule('flat: 1m, for: 3m'), /rules\.a\.for :2 goes with above, .*, not with flat/);
  assert.match(ofRule('deviates: 3, for: 2h'), /rules\.a\.for :2 must be shorter than over, 1h/);
  assert.match(ofRule('deviates: 3, clear: 4'), /rules\.a\.clear :2 must be at most 3/);
  assert.match(ofRule('where: { metric: x }, below: 3, clear: 2'), /rules\.a\.clear :2 must be at least 3/);
  assert.match(ofRule('where: { metric: x }, changesFasterThan: 0, per: 1m'), /must be a number above 0; it is 0/);
  assert.match(ofRule('where: { metric: x }, above: .inf'), /must be a/);
  assert.match(ofRule('where: x, above: 3'), /rules\.a\.where :2 must be a mapping of any of metric, zone/);
});

test('files that hold no rules', () => {
  assert.deepEqual(rulesOf('rules: []'), []);
  assert.match(mistakes('')[0]!, /^rules .* must be a list of rules, each with a name and a condition; it is missing/);
  assert.match(mistakes('- a')[0]!, /must be a mapping with the key rules/);
  assert.match(mistakes('rules: [')[0]!, /^YAML :/);
  assert.match(mistakes('rules: [3]')[0]!, /^rules\.0 :1 must be a mapping with a name and a condition; it is 3/);
  assert.throws(() => loadRules('/nowhere/rules.yaml'), /FILE \(\/nowhere\/rules\.yaml\): cannot be read \(ENOENT/);
});

test('whatever a file holds, it is rules or mistakes', () => {
  const keys = [
    ...conditionKeys,
    'name',
    'where',
    'severity',
    'unit',
    'clear',
    'for',
    'per',
    'over',
    'after',
    'missed',
    'x',
  ];
  const value = fc.oneof(
    fc.constantFrom('a', '5m', '1h', 'sensor', 'gateway', 'Cel', 'critical', '', '__proto__'),
    fc.constantFrom(0, -1, 3, 1.5, 1e300, true, null),
    fc.constantFrom([], ['a', 1], {}, { metric: 'a*' }, { metric: ['a'], zone: null }, { metric: [] }),
  );
  const started = fc.constantFrom<object>(
    { name: 'a', where: { metric: 'x' }, above: 1 },
    { name: 'b', deviates: 3 },
    { name: 'c', silent: 'gateway', after: '5m' },
    {},
  );
  const changed = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 3 });
  const rule = fc.oneof(
    { weight: 9, arbitrary: fc.tuple(started, changed).map(([one, more]) => ({ ...one, ...more })) },
    { weight: 1, arbitrary: value },
  );
  let right = 0;
  fc.assert(
    fc.property(fc.oneof(fc.array(rule, { maxLength: 3 }), value), rules => {
      try {
        right += rulesOf(JSON.stringify({ rules })).length;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.ok(error.mistakes.length > 0 && error.mistakes.every(({ message }) => message !== ''));
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(right > 0);
});
