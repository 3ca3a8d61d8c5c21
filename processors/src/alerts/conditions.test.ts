/** Each condition with its edges, as the monitor judges it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, gateway, minuteUs, series, shortly, startUs } from './testing.ts';

const rule = (text: string): string => `rules: [{ name: r, where: { metric: temperature }, atMostEvery: 0s, ${text} }]`;
const gap = Number.NaN;

test('above: beyond the level, not at it; cleared at the other level, not above it', () => {
  const alerts = bench(rule('above: 80, clear: 75')).feed([80, 80.1, 90, 79, 75.1, 75, 79, 80.5]);
  assert.equal(shortly(alerts), '+1 -5 +7');
  const [raised, cleared, again] = alerts;
  assert.equal(
    raised!.message,
    'temperature of air-1 at lamp-1 (cbd) is 80.1 °C, above 80 °C since 2026-01-01 00:01:00 UTC.',
  );
  assert.equal(
    cleared!.message,
    'temperature of air-1 at lamp-1 (cbd) is 75 °C, no longer above 75 °C, 4 min after it was raised.',
  );
  assert.equal(cleared!.id, raised!.id);
  assert.notEqual(again!.id, raised!.id);
  assert.deepEqual([raised!.value, cleared!.value, raised!.rule, raised!.severity], [80.1, 75, 'r', 1]);
});

test('below, without a level to clear', () => {
  assert.equal(shortly(bench(rule('below: 0')).feed([1, 0, -0.1, 0])), '+2 -3');
});

test('a condition must hold for its time, and begins anew when it did not', () => {
  const { feed } = bench(rule('above: 80, for: 3m'));
  const alerts = feed([90, 90, 90, 70, 90, 90, 90, 90, 70]);
  assert.equal(shortly(alerts), '+7 -8');
  assert.match(alerts[0]!.message, /since 2026-01-01 00:04:00 UTC/);
});

test('flapping input raises at most once in the time between', () => {
  const values = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 90 : 70));
  assert.equal(bench(rule('above: 80')).feed(values).length, 60);
  const calm = bench(rule('above: 80').replace('atMostEvery: 0s', 'atMostEvery: 20m')).feed(values);
  assert.equal(shortly(calm), '+0 -1 +20 -21 +40 -41');
  assert.equal(bench(rule('above: 80, clear: 60')).feed(values).length, 1);
  assert.equal(bench(rule('above: 80, for: 1m')).feed(values).length, 0);
});

test('a threshold in another unit is converted; what does not convert is said once and not judged', () => {
  const alerts = bench(rule('above: 176, clear: 167, unit: "[degF]"')).feed([79.9, 80.2, 75.2, 74.9]);
  assert.equal(shortly(alerts), '+1 -3');
  assert.match(alerts[0]!.message, /above 80 °C/);
  assert.equal(shortly(bench(rule('above: 5, unit: kW'), { unit: 'W' }).feed([5000, 5001])), '+1');
  const wrong = bench(rule('above: 5, unit: kW'));
  assert.deepEqual(wrong.feed([9000, 9001]), []);
  assert.deepEqual(wrong.said, [
    'rule r does not judge temperature of air-1 at lamp-1, nor any series in the unit Cel: its own unit kW does not convert into that',
  ]);
  // A level of 3 % is no level of 3 dB, though both are numbers without a dimension.
  assert.deepEqual(bench(rule('above: 3, unit: "%"'), { unit: 'dB' }).feed([90]), []);
});

test('rates rise, fall and change, over the time that really lies between', () => {
  const ramp = (step: number, minutes: number): number[] => Array.from({ length: minutes }, (_, i) => i * step);
  const rises = bench(rule('risesFasterThan: 5, per: 10m'));
  const alerts = rises.feed([...ramp(0.49, 30), ...ramp(0.51, 30).map(x => x + 14.7), ...ramp(0, 12).map(() => 29.5)]);
  assert.equal(alerts.length, 2);
  assert.match(
    alerts[0]!.message,
    /rises by 5\.\d+ °C in 10 min \(over the last 10 min\), faster than 5 °C in 10 min since/,
  );
  assert.match(alerts[1]!.message, /no longer faster than 5 °C in 10 min/);
  assert.equal(bench(rule('risesFasterThan: 5, per: 10m')).feed(ramp(-2, 30)).length, 0);
  assert.equal(bench(rule('fallsFasterThan: 5, per: 10m')).feed(ramp(-2, 30)).length, 1);
  assert.equal(bench(rule('fallsFasterThan: 5, per: 10m')).feed(ramp(2, 30)).length, 0);
  for (const step of [-2, 2])
    assert.equal(bench(rule('changesFasterThan: 5, per: 10m')).feed(ramp(step, 30)).length, 1);
  // The same speed, measured over a longer stretch and said per minute, in Fahrenheit.
  assert.equal(bench(rule('risesFasterThan: 0.89, per: 1m, over: 10m, unit: "[degF]"')).feed(ramp(0.5, 30)).length, 1);
  assert.equal(bench(rule('risesFasterThan: 0.91, per: 1m, over: 10m, unit: "[degF]"')).feed(ramp(0.5, 30)).length, 0);
});

test('a rate needs half its stretch, and none is judged across a gap of more than twice of it', () => {
  const quick = bench(rule('risesFasterThan: 5, per: 10m')).feed([0, 100, 100, 100, 100, 100]);
  assert.equal(shortly(quick), '+5');
  const hour = Array.from({ length: 60 }, () => gap);
  assert.deepEqual(bench(rule('risesFasterThan: 5, per: 10m')).feed([0, ...hour, 100]), []);
  assert.equal(shortly(bench(rule('risesFasterThan: 5, per: 10m')).feed([0, ...hour.slice(0, 15), 100])), '+16');
  // Hourly readings, an hour's stretch: each is judged by the one before.
  assert.equal(
    shortly(bench(rule('risesFasterThan: 500, per: 1h')).feed([0, 400, 1000, 1100], 60 * minuteUs), 60 * minuteUs),
    '+2 -3',
  );
});

test('flat: long enough, often enough, within the tolerance', () => {
  assert.equal(shortly(bench(rule('flat: 5m, readings: 3')).feed([20, 20, 20, 20, 20, 20, 20, 21])), '+5 -7');
  assert.equal(shortly(bench(rule('flat: 5m, readings: 8')).feed([20, 20, 20, 20, 20, 20, 20, 20])), '+7');
  const flickers = [20, 20.1, 20, 20.1, 20, 20.1, 20];
  assert.equal(shortly(bench(rule('flat: 5m, readings: 3, tolerance: 0.1')).feed(flickers)), '+5');
  assert.deepEqual(bench(rule('flat: 5m, readings: 3, tolerance: 0.09')).feed(flickers), []);
  const drift = Array.from({ length: 30 }, (_, i) => i * 0.03);
  assert.deepEqual(bench(rule('flat: 5m, readings: 3, tolerance: 0.1')).feed(drift), []);
  const [raised, cleared] = bench(rule('flat: 5m, readings: 3')).feed([20, 20, 20, 20, 20, 20, 20, 21]);
  assert.match(raised!.message, /is 20 °C and has not changed since 2026-01-01 00:00:00 UTC: 6 readings in 5 min\./);
  assert.match(cleared!.message, /is 21 °C: it moves again, 2 min after/);
});

test('a silent sensor is raised when the gateway’s own time has passed the readings that it missed', () => {
  const { monitor, feed } = bench(rule('silent: sensor, missed: 5'));
  const alerts = feed([20, 21, gap, gap, gap, gap, gap, gap, gap, 22]);
  assert.equal(shortly(alerts), '+6 -9');
  assert.equal(
    alerts[0]!.message,
    'temperature of air-1 at lamp-1 (cbd) has no reading since 2026-01-01 00:01:00 UTC, for 5 min: 5 readings missed, one each 1 min.',
  );
  assert.match(alerts[1]!.message, /sends again \(22 °C\), 3 min after/);
  // Hours pass, and the gateway says nothing of its own time: its backlog may still hold the readings.
  monitor.heard(gateway, 'city', startUs + 600 * minuteUs, startUs + 9 * minuteUs);
  assert.deepEqual(monitor.flush({ nowUs: startUs + 600 * minuteUs }).alerts, []);
});

test('a sensor without a cadence can be silent for a time, and not miss readings', () => {
  const timed = bench(rule('silent: sensor, after: 3m'), { intervalMs: 0 });
  assert.equal(shortly(timed.feed([20, gap, gap, gap, gap, 20])), '+3 -5');
  const unknown = bench(rule('silent: sensor, missed: 3'), { intervalMs: 0 });
  assert.deepEqual(unknown.feed([20, gap, gap, gap, gap, 20]), []);
  assert.match(unknown.said.join(), /without a declared cadence: give it after/);
});

test('a sensor that stays silent is raised once, and again when it fell silent again', () => {
  const silence = Array.from({ length: 20 }, () => gap);
  const { feed } = bench('rules: [{ name: r, silent: sensor, missed: 2, atMostEvery: 10m }]');
  assert.equal(shortly(feed([1, ...silence.slice(0, 3), 1, gap, gap, gap, 1, ...silence])), '+2 -4 +12');
});

test('a silent gateway is raised by the time that has come, whether or not anybody looked in between', () => {
  const yaml = 'rules: [{ name: dark, silent: gateway, after: 5m, atMostEvery: 0s, where: { site: city } }]';
  const at = (minute: number): number => startUs + minute * minuteUs;
  const play = (looks: readonly number[]) => {
    const { monitor } = bench(yaml);
    const heard = [0, 4, 20, 21];
    const alerts = [...heard, ...looks]
      .sort((a, b) => a - b)
      .flatMap(minute => {
        if (heard.includes(minute)) monitor.heard(gateway, 'city', at(minute), 0);
        return looks.includes(minute) ? monitor.flush({ nowUs: at(minute) }).alerts : [];
      });
    return [...alerts, ...monitor.flush({ nowUs: at(22) }).alerts];
  };
  const seldom = play([]);
  assert.equal(shortly(seldom), '+9 -20');
  assert.deepEqual(play([8, 9, 10, 15, 20]), seldom);
  assert.equal(
    seldom[0]!.message,
    'gateway lamp-1 (city) has not been heard since 2026-01-01 00:04:00 UTC, for 5 min.',
  );
  assert.deepEqual([seldom[0]!.sensor, seldom[0]!.metric, seldom[1]!.id], ['', '', seldom[0]!.id]);
  const { monitor } = bench(yaml);
  monitor.heard(gateway, 'village', at(0), 0);
  assert.deepEqual(monitor.flush({ nowUs: at(99) }), { alerts: [], state: new Map() });
});

/** Around 20, of standard deviation 1. */
const normal = (n: number): number[] => Array.from({ length: n }, (_, i) => 20 + (i % 2 === 0 ? 1 : -1));

test('a deviation from the series’ own mean is raised, lasts while it deviates, and is cleared', () => {
  const alerts = bench(rule('deviates: 4, over: 1h, readings: 30')).feed([...normal(60), 23, 25, 25, 25, 25, 21, 20]);
  assert.equal(shortly(alerts), '+61 -65');
  assert.match(
    alerts[0]!.message,
    /is 25 °C, 4\.81 standard deviations from its mean of 20\.\d+ °C \(the last 1 h, standard deviation 1\.\d+ °C\)/,
  );
  assert.match(alerts[1]!.message, /is 21 °C, back near its mean of 20\.\d+ °C, 4 min after/);
});

test('a fault does not hide behind its own spread within minutes, and a level that stays becomes the baseline', () => {
  const stays = (step: number): number => {
    const { feed } = bench(rule('deviates: 4, over: 1h, readings: 30'));
    const [raised, cleared, ...more] = feed([...normal(60), ...normal(240).map(x => x + step)]);
    assert.deepEqual([shortly([raised!]), cleared!.state, more], ['+60', 0, []]);
    return (cleared!.atUs - raised!.atUs) / minuteUs;
  };
  const [small, large] = [stays(5), stays(30)];
  assert.ok(small > 10 && small < 60, String(small));
  assert.ok(large > 60 && large < 180, String(large));
});

test('nothing deviates from too few readings, nor from a series that never moved unless it is said how far is far', () => {
  assert.deepEqual(bench(rule('deviates: 4, over: 1h, readings: 30')).feed([...normal(29), 90]), []);
  assert.equal(shortly(bench(rule('deviates: 4, over: 1h, readings: 30')).feed([...normal(30), 90])), '+30');
  const still = [...Array.from({ length: 41 }, () => 20), 30];
  assert.deepEqual(bench(rule('deviates: 4')).feed(still), []);
  assert.equal(shortly(bench(rule('deviates: 4, atLeast: 1')).feed(still)), '+41');
  // Beyond four standard deviations, and yet nearer than is of interest.
  assert.deepEqual(bench(rule('deviates: 4, atLeast: 50')).feed([...normal(60), 40]), []);
});

test('the baseline forgets what is older than its stretch', () => {
  const { feed } = bench(rule('deviates: 4, over: 1h, readings: 30'));
  const day = Array.from({ length: 120 }, () => gap);
  assert.deepEqual(feed([...normal(60), ...day, 90]), []);
});

test('values at the ends of what a double holds break nothing', () => {
  const ends = [1e308, -1e308, 1.7e308, -1.7e308];
  for (const text of [
    'deviates: 1, readings: 2',
    'changesFasterThan: 1, per: 1m',
    'flat: 1m, readings: 2',
    'above: 1',
  ]) {
    const { feed, monitor } = bench(rule(text));
    for (const { value } of feed([...ends, ...ends, ...normal(10), ...ends])) assert.ok(Number.isFinite(value), text);
    monitor.watch(gateway, 'city', series)?.reading(startUs + 100 * minuteUs, 1);
    for (const entry of monitor.flush({ nowUs: startUs }).state.values())
      assert.ok(
        !/null,null,null|Infinity|NaN/.test(Buffer.from(entry ?? []).toString()),
        Buffer.from(entry ?? []).toString(),
      );
  }
});

test('a reading older than the newest one judged is not judged, and counted', () => {
  const { monitor } = bench(rule('above: 80'));
  const watch = monitor.watch(gateway, 'city', series)!;
  watch.reading(startUs + minuteUs, 20);
  watch.reading(startUs, 90);
  watch.reading(startUs + minuteUs, 90);
  assert.equal(shortly(monitor.flush({ nowUs: startUs }).alerts), '+1');
  assert.deepEqual([monitor.counters.judged, monitor.counters.outOfOrder], [2, 1]);
});
