import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { Alert } from '@millrace/wire/alert.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import fc from 'fast-check';
import { AlertMonitor } from './monitor.ts';
import { bench, gateway, minuteUs, rulesOf, secondUs, series, shortly, startUs } from './testing.ts';

const allKinds = `
rules:
  - { name: hot, where: { metric: temperature }, above: 8, clear: 6, for: 2m, atMostEvery: 10m }
  - { name: cold, where: { sensor: 'air-*', metric: temp* }, below: 2, atMostEvery: 0s }
  - { name: leap, where: { metric: '*' }, changesFasterThan: 4, per: 5m, atMostEvery: 1m }
  - { name: stuck, flat: 4m, readings: 3, atMostEvery: 0s }
  - { name: gone, silent: sensor, missed: 3, atMostEvery: 7m }
  - { name: dark, silent: gateway, after: 4m, atMostEvery: 0s }
  - { name: odd, deviates: 2, over: 24m, readings: 5, atMostEvery: 0s }
`;

interface Step {
  readonly gateway: number;
  readonly sensor: number;
  readonly minutes: number;
  readonly lag: number;
  readonly values: readonly number[];
}

const step = fc.record<Step>({
  gateway: fc.integer({ min: 0, max: 1 }),
  sensor: fc.integer({ min: 0, max: 19 }).map(n => (n > 3 ? n % 2 : n)),
  minutes: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 9 }) }),
  lag: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) }),
  values: fc.array(fc.integer({ min: 0, max: 10 }), { maxLength: 4 }),
});

const lamp = (n: number): GatewayId => `lamp-${n}` as GatewayId;

function take(monitor: AlertMonitor, { gateway, sensor, lag, values }: Step, nowUs: number): void {
  const watch = monitor.watch(lamp(gateway), 'city', { ...series, sensor: `air-${sensor}` });
  for (const [i, value] of values.entries()) watch?.reading(nowUs - lag * minuteUs + i * 7 * secondUs, value);
  monitor.heard(lamp(gateway), 'city', nowUs, nowUs - lag * minuteUs);
}

/** The time after each step. */
function times(steps: readonly Step[]): readonly number[] {
  let nowUs = startUs;
  return steps.map(({ minutes }) => (nowUs += minutes * minuteUs));
}

/** Alerts in an order of their own: those of different gateways that are found at one flush have none. */
const sorted = (alerts: readonly Alert[]): readonly string[] =>
  alerts
    .map(alert => JSON.stringify([alert.gateway, alert.atUs, alert.sensor, alert.metric, alert.rule, alert]))
    .sort();

test('killed and restored at any moments, it gives the alerts of an undisturbed run, with their ids', () => {
  const rules = rulesOf(allKinds);
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 10, maxLength: 120 }),
      fc.array(fc.constantFrom('flush', 'kill', 'on'), { minLength: 120, maxLength: 120 }),
      (steps, moments) => {
        const at = times(steps);
        const calm = new AlertMonitor({ rules });
        const expected = steps.flatMap((one, i) => {
          take(calm, one, at[i]!);
          return calm.flush({ nowUs: at[i]! }).alerts;
        });
        const committed = new Map<string, Uint8Array>();
        const alerts: Alert[] = [];
        const kills = new Set(moments.keys().filter(i => moments[i] === 'kill'));
        let monitor = new AlertMonitor({ rules });
        let next = 0;
        for (let i = 0; i < steps.length; i++) {
          take(monitor, steps[i]!, at[i]!);
          if (kills.delete(i)) {
            monitor = new AlertMonitor({ rules });
            for (const [key, value] of [...committed].reverse()) monitor.restore(key, value);
            i = next - 1;
          } else if (moments[i] === 'flush' || i === steps.length - 1) {
            const flushed = monitor.flush({ nowUs: at[i]! });
            alerts.push(...flushed.alerts);
            for (const [key, value] of flushed.state)
              if (value === null) committed.delete(key);
              else committed.set(key, value);
            next = i + 1;
          }
        }
        assert.deepEqual(sorted(alerts), sorted(expected));
        for (const { rule, state } of expected) seen.add(`${rule} ${state}`);
        assertSane(expected);
      },
    ),
    { numRuns: 150 },
  );
  // The property says nothing of a condition that never was met.
  for (const { name } of rules) for (const state of [0, 1]) assert.ok(seen.has(`${name} ${state}`), `${name} ${state}`);
});

/** Of each rule and series raised and cleared in turns, both of one id, no id twice, not before it was raised. */
function assertSane(alerts: readonly Alert[]): void {
  const open = new Map<string, Alert>();
  const ids = new Set<string>();
  for (const alert of alerts) {
    const of = [alert.rule, alert.gateway, alert.sensor, alert.metric].join('/');
    const raised = open.get(of);
    assert.ok(Number.isFinite(alert.value) && Number.isSafeInteger(alert.atUs) && alert.message.endsWith('.'));
    if (alert.state === 1) {
      assert.equal(raised, undefined, `${of} raised twice`);
      assert.ok(!ids.has(alert.id), `${alert.id} twice`);
      ids.add(alert.id);
      open.set(of, alert);
    } else {
      assert.equal(alert.id, raised?.id);
      assert.ok(alert.atUs >= raised!.atUs);
      open.delete(of);
    }
  }
}

/** A monitor that goes on from what the other one has kept. */
function successor(state: ReadonlyMap<string, Uint8Array | null>, yaml: string, said: string[] = []): AlertMonitor {
  const monitor = new AlertMonitor({ rules: rulesOf(yaml), say: sentence => said.push(sentence) });
  for (const [key, value] of state) if (value !== null) monitor.restore(key, value);
  return monitor;
}

const hot = 'rules: [{ name: hot, where: { metric: temperature }, above: 80 }]';

function raised(yaml = hot) {
  const { monitor } = bench(yaml);
  monitor.watch(gateway, 'city', series)!.reading(startUs, 90);
  monitor.heard(gateway, 'city', startUs, startUs);
  const { alerts, state } = monitor.flush({ nowUs: startUs });
  assert.equal(shortly(alerts), '+0');
  return { alert: alerts[0]!, state };
}

test('an alert whose rule is gone, renamed, narrowed or of another kind is cleared, and says why', () => {
  const { alert, state } = raised();
  const later = { nowUs: startUs + 5 * minuteUs };
  for (const [yaml, why] of [
    ['rules: []', /: there is no rule hot any more, 5 min after it was raised\.$/],
    [hot.replace('hot', 'hotter'), /there is no rule hot any more/],
    [hot.replace('temperature', 'humidity'), /is no longer what rule hot is about/],
    [hot.replace('above', 'below'), /is no longer what rule hot is about/],
    [hot.replace('80', '80, unit: kW'), /is no longer what rule hot is about/],
  ] as const) {
    const monitor = successor(state, yaml);
    const { alerts, state: after } = monitor.flush(later);
    assert.equal(shortly(alerts), '-5', yaml);
    assert.match(alerts[0]!.message, why);
    assert.deepEqual([alerts[0]!.id, alerts[0]!.severity, alerts[0]!.value], [alert.id, alert.severity, 90]);
    const next = successor(new Map([...state, ...after]), yaml).flush(later);
    assert.deepEqual(next.alerts, [], 'cleared once');
  }
  const changed = successor(state, hot.replace('80', '85, severity: critical'));
  assert.deepEqual(changed.flush(later), { alerts: [], state: new Map() });
  changed.watch(gateway, 'city', series)!.reading(startUs + minuteUs, 84);
  assert.deepEqual(
    changed.flush(later).alerts.map(({ id, atUs }) => [id, atUs]),
    [[alert.id, startUs + minuteUs]],
  );
});

test('a silent gateway whose rule is gone is cleared too', () => {
  const dark = 'rules: [{ name: dark, silent: gateway, after: 5m }]';
  const { monitor } = bench(dark);
  monitor.heard(gateway, 'city', startUs, 0);
  const { alerts, state } = monitor.flush({ nowUs: startUs + 9 * minuteUs });
  assert.equal(shortly(alerts), '+5');
  assert.deepEqual(successor(state, dark).flush({ nowUs: startUs + 10 * minuteUs }).alerts, []);
  const after = successor(state, 'rules: []').flush({ nowUs: startUs + 10 * minuteUs });
  assert.equal(shortly(after.alerts), '-10');
  assert.match(after.alerts[0]!.message, /^gateway lamp-1 \(city\) is cleared: there is no rule dark any more/);
  assert.deepEqual([...after.state], [['a/lamp-1', null]]);
});

test('a series that changes its unit, zone or site goes on by the rules that are about it now', () => {
  const { monitor } = bench(
    'rules: [{ name: hot, where: { metric: temperature, zone: cbd, site: city }, above: 80, unit: Cel }]',
  );
  const read = (of: object, value: number, site = 'city') =>
    monitor.watch(gateway, site, { ...series, ...of })?.reading(startUs, value);
  const flush = () => shortly(monitor.flush({ nowUs: startUs + minuteUs }).alerts);
  read({}, 90);
  assert.equal(flush(), '+0');
  read({ unit: 'K' }, 360);
  assert.equal(flush(), '');
  read({ unit: 'K' }, 300);
  assert.equal(flush(), '-0');
  monitor.watch(gateway, 'city', series)!.reading(startUs + 9 * minuteUs, 90);
  assert.equal(flush(), '+9');
  assert.equal(monitor.watch(gateway, 'city', { ...series, zone: 'port' }), undefined);
  assert.equal(flush(), '-9');
  assert.equal(monitor.watch(gateway, 'village', series), undefined);
});

test('costs nothing where no rule is about a series, and writes only what changed', () => {
  const { monitor } = bench(hot);
  const watch = (n: number) => monitor.watch(gateway, 'city', { ...series, sensor: `air-${n}` })!;
  assert.equal(monitor.watch(gateway, 'city', { ...series, metric: 'humidity' }), undefined);
  monitor.heard('lamp-2' as GatewayId, 'city', startUs, startUs);
  assert.deepEqual(monitor.flush({ nowUs: startUs }), { alerts: [], state: new Map() });
  for (let n = 0; n < 40; n++) watch(n).reading(startUs, 20);
  const first = monitor.flush({ nowUs: startUs });
  assert.deepEqual([...first.state.keys()], ['a/lamp-1', 'a/lamp-1/0', 'a/lamp-1/1', 'a/lamp-1/2']);
  assert.deepEqual(monitor.flush({ nowUs: startUs + minuteUs }).state, new Map());
  const next = successor(first.state, hot);
  next.watch(gateway, 'city', { ...series, sensor: 'air-20' })!.reading(startUs + minuteUs, 20);
  next.watch(gateway, 'city', { ...series, sensor: 'air-1' });
  assert.deepEqual([...next.flush({ nowUs: startUs + minuteUs }).state.keys()], ['a/lamp-1/1']);
});

test('at most so many series are watched; those beyond are refused, counted and said once', () => {
  const said: string[] = [];
  const limits = { seriesPerGateway: 3, series: 4 };
  const monitor = new AlertMonitor({ rules: rulesOf(hot), say: sentence => said.push(sentence), limits });
  const watched = (name: GatewayId, sensors: number) =>
    Array.from({ length: sensors }, (_, n) => monitor.watch(name, 'city', { ...series, sensor: `air-${n}` })).filter(
      one => one !== undefined,
    ).length;
  assert.deepEqual([watched(lamp(1), 5), watched(lamp(2), 5)], [3, 1]);
  assert.equal(monitor.counters.refused, 6);
  assert.deepEqual(
    said.map(sentence => /^alerts watch (\d) series of (gateway [\w-]+|this partition)/.exec(sentence)?.slice(1)),
    [
      ['3', 'gateway lamp-1'],
      ['4', 'this partition'],
    ],
  );
});

test('what was not heard for two weeks is given up; when it sends again, it is taken anew', () => {
  const { monitor } = bench(`${hot.slice(0, -1)}, { name: dark, silent: gateway, after: 1h }]`);
  const watch = monitor.watch(gateway, 'city', series)!;
  watch.reading(startUs, 90);
  monitor.heard(gateway, 'city', startUs, startUs);
  const day = 24 * 60;
  assert.equal(shortly(monitor.flush({ nowUs: startUs + 13 * day * minuteUs }).alerts), '+0 +60');
  const { alerts, state } = monitor.flush({ nowUs: startUs + 15 * day * minuteUs });
  assert.equal(shortly(alerts), `-${15 * day} -${15 * day}`);
  assert.match(alerts[0]!.message, /has not been heard for 15 d and is given up/);
  assert.deepEqual(
    [...state],
    [
      ['a/lamp-1', null],
      ['a/lamp-1/0', null],
    ],
  );
  watch.reading(startUs + 16 * day * minuteUs, 90);
  const again = monitor.flush({ nowUs: startUs + 16 * day * minuteUs });
  assert.equal(shortly(again.alerts), `+${16 * day}`);
  assert.deepEqual([...again.state.keys()].sort(), ['a/lamp-1', 'a/lamp-1/0']);
});

test('what was recorded years ago is judged in its own time, in which a sensor is given up too', () => {
  const { monitor } = bench(hot);
  const nowUs = startUs + 3 * 365 * 24 * 60 * minuteUs;
  const day = 24 * 60;
  monitor.watch(gateway, 'city', series)!.reading(startUs, 90);
  const other = monitor.watch(gateway, 'city', { ...series, sensor: 'air-2' })!;
  const passed = (days: number): string => {
    other.reading(startUs + days * day * minuteUs, 20);
    monitor.heard(gateway, 'city', nowUs + days * 2 * 60 * minuteUs, startUs + days * day * minuteUs);
    return shortly(monitor.flush({ nowUs: nowUs + days * 2 * 60 * minuteUs }).alerts);
  };
  assert.deepEqual([passed(1), passed(13), passed(15)], ['+0', '', `-${15 * day}`]);
});

test('entries that cannot be read stop the program', () => {
  const { monitor } = bench(hot);
  assert.throws(() => monitor.restore('a/lamp-1/x', new Uint8Array()), InvariantError);
  for (const text of ['{', '{"version":2}']) {
    const one = bench(hot).monitor;
    one.restore('a/lamp-1/0', Buffer.from(text));
    assert.throws(() => one.flush({ nowUs: 0 }), InvariantError);
  }
});
