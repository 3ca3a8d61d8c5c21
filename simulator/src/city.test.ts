/** What the simulated city does over a day, read as anybody reads it: from its batches. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Batch, Clock, decodeBatch, Quality } from '@millrace/wire/batch.ts';
import { IntervalSet } from '@millrace/wire/intervals.ts';
import { Boot } from './boot.ts';
import { buildCity } from './city.ts';
import { dayAfter, midnight, nextBootStart } from './local-time.ts';

const hourMs = 3_600_000;

function bootsOf(day: string, gateways: number, seed: number): Boot[] {
  const [from, to] = [midnight(day)!, dayAfter(midnight(day)!)];
  return buildCity(gateways, seed, 'sim-').flatMap(post => {
    const boots: Boot[] = [];
    for (let at = from; at < to; at = nextBootStart(at)) boots.push(new Boot(seed, post, at));
    return boots;
  });
}

const slotsOf = (boot: Boot): number[] => Array.from({ length: boot.slots }, (_, slot) => slot);

/** The batches that are sent: what the outbox gave up is not. */
function* sent(boots: readonly Boot[]): Generator<{ boot: Boot; slot: number; batch: Batch }> {
  for (const boot of boots)
    for (const slot of slotsOf(boot)) {
      const bytes = boot.isDropped(slot) ? undefined : boot.seal(slot);
      if (bytes !== undefined) yield { boot, slot, batch: decodeBatch(bytes) };
    }
}

test('the bytes of a reading are the same in every run, in whatever order they are made; another seed gives others', () => {
  const digest = (seed: number, order: (slots: number[]) => number[]): string => {
    const parts = bootsOf('2026-03-14', 6, seed).flatMap(boot =>
      order(slotsOf(boot)).map(slot => {
        const bytes = boot.seal(slot) ?? new Uint8Array();
        return `${boot.post.gateway} ${boot.plan.boot} ${slot} ${createHash('sha256').update(bytes).digest('hex')}`;
      }),
    );
    return createHash('sha256').update(parts.toSorted().join('\n')).digest('hex');
  };
  const forward = digest(1, slots => slots);
  assert.equal(
    digest(1, slots => slots.toReversed()),
    forward,
  );
  assert.notEqual(
    digest(2, slots => slots),
    forward,
  );
});

test('a gateway does not depend on how many others there are', () => {
  const [few, many] = [buildCity(5, 1, 'sim-'), buildCity(500, 1, 'sim-')];
  assert.deepEqual(many.slice(0, 5), few);
  assert.equal(new Set(many.map(({ gateway }) => gateway)).size, 500);
});

test('of each boot every sequence number is sent once or declared as dropped, in order of time', () => {
  const boots = bootsOf('2026-06-05', 60, 4);
  const seen = new Map<Boot, IntervalSet>(boots.map(boot => [boot, new IntervalSet()]));
  let declared = 0;
  for (const { boot, slot, batch } of sent(boots)) {
    assert.equal(batch.firstSeq, boot.firstSeq(slot));
    const numbers = seen.get(boot)!;
    const add = (first: number, last: number): void => assert.deepEqual(numbers.add(first, last), [[first, last]]);
    if (batch.value.length > 0) add(batch.firstSeq, batch.firstSeq + batch.value.length - 1);
    for (const { firstSeq, lastSeq } of batch.dropped) {
      declared += lastSeq - firstSeq + 1;
      add(firstSeq, lastSeq);
    }
    for (const [i, time] of batch.timeUs.entries()) assert.ok(i === 0 || time >= batch.timeUs[i - 1]!);
  }
  for (const [boot, numbers] of seen) assert.deepEqual(numbers.intervals, [[0, boot.firstSeq(boot.slots) - 1]]);
  assert.ok(declared > 0, 'no outage of that day was longer than the outbox');
});

/** Medians of each metric's good readings by local hour. */
function byHour(boots: readonly Boot[]): (metric: string) => readonly number[] {
  const metrics = new Map<string, number[][]>();
  const from = boots[0]!.plan.startMs;
  for (const { batch } of sent(boots)) {
    if (batch.clock !== Clock.SYNCED) continue;
    for (const [i, value] of batch.value.entries()) {
      if (batch.quality[i] !== Quality.GOOD) continue;
      const { metric } = batch.series[batch.seriesIndex[i]!]!;
      const hours = metrics.get(metric) ?? Array.from({ length: 24 }, (): number[] => []);
      metrics.set(metric, hours);
      hours[Math.floor((batch.timeUs[i]! / 1000 - from) / hourMs)]!.push(value);
    }
  }
  return metric => metrics.get(metric)!.map(values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!);
}

test('a working day has rush hours, a sun, lamps at night and full car parks at noon', () => {
  const hourly = byHour(bootsOf('2026-03-16', 36, 1));
  const vehicles = hourly('vehicles');
  assert.ok(vehicles[8]! > 2 * vehicles[5]! && vehicles[17]! > vehicles[13]! && vehicles[17]! > 5 * vehicles[3]!);
  const light = hourly('illuminance');
  assert.ok(light[13]! > 2000 && light[2]! < 40 && light[23]! < 40);
  const power = hourly('power');
  assert.ok(power[13]! < 3 && power[21]! > 55 && power[2]! < 0.7 * power[21]!);
  const temperature = hourly('temperature');
  assert.ok(temperature[15]! > temperature[5]! + 1 && temperature.every(value => value > 5 && value < 30));
  const occupancy = hourly('occupancy');
  assert.ok(occupancy[12]! > 60 && occupancy[4]! < 20);
  // Loud when there is traffic; NO2 too.
  const [noise, no2] = [hourly('noise'), hourly('no2')];
  assert.ok(noise[17]! > noise[3]! + 5 && no2[17]! > 2 * no2[3]!);
});

test('January is warmer than July, and its days are longer', () => {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [summer, winter] = [byHour(bootsOf('2026-01-20', 12, 3)), byHour(bootsOf('2026-07-14', 12, 3))];
  assert.ok(mean(summer('temperature')) > mean(winter('temperature')) + 4);
  const lit = (hourly: (metric: string) => readonly number[]): number =>
    hourly('power').filter(value => value > 20).length;
  assert.ok(lit(winter) > lit(summer) + 3);
});

test('faults, outages, wrong clocks and dropped readings happen, and most of the day is well', () => {
  const boots = bootsOf('2026-05-12', 200, 1);
  const kinds = new Set(boots.flatMap(({ plan }) => plan.faults.map(fault => fault?.kind)));
  assert.deepEqual(kinds, new Set([undefined, 'stuck', 'drift', 'spikes', 'dropout']));
  const clocks = new Map<number, number>();
  const qualities = new Map<number, number>();
  let readings = 0;
  for (const { batch } of sent(boots.slice(0, 240))) {
    readings += batch.value.length;
    for (const quality of batch.quality) qualities.set(quality, (qualities.get(quality) ?? 0) + 1);
  }
  for (const { plan } of boots) clocks.set(plan.clock.state, (clocks.get(plan.clock.state) ?? 0) + 1);
  assert.ok([Clock.SYNCED, Clock.UNSYNCED, Clock.CORRECTED].every(state => (clocks.get(state) ?? 0) > 0));
  assert.ok(qualities.get(Quality.GOOD)! > 0.98 * readings);
  assert.ok((qualities.get(Quality.SUSPECT) ?? 0) > 0 && (qualities.get(Quality.BAD) ?? 0) > 0);
  const outages = boots.filter(({ plan }) => plan.outage !== undefined).length;
  assert.ok(outages > 0.06 * boots.length && outages < 0.25 * boots.length);
  for (const { plan } of boots)
    assert.ok(plan.outage === undefined || (plan.outage.fromMs > plan.startMs && plan.outage.toMs < plan.endMs));
});

test('posts stand in Auckland, each zone has some, and no two at one place', () => {
  const city = buildCity(400, 1, 'sim-');
  for (const { lat, lon } of city) assert.ok(lat > -36.9 && lat < -36.83 && lon > 174.73 && lon < 174.82);
  assert.equal(new Set(city.map(({ lat, lon }) => `${lat} ${lon}`)).size, 400);
  assert.ok(new Set(city.slice(0, 60).map(({ street }) => street.zone)).size >= 9);
});
