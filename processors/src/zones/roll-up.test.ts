import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { decodeZoneParts, type ZonePart } from '@millrace/wire/zones.ts';
import { ZoneRollUp } from './roll-up.ts';
import { baseUs, CityPartition, hourUs, minuteUs, rollUpOptions, seriesOf } from './testing.ts';

const [a, b] = ['a' as GatewayId, 'b' as GatewayId];
const keepUs = 3 * minuteUs;

/** A partition, and what it published of each zone since it was last asked. */
class Town extends CityPartition {
  #seen = 0;
  #monotonicMs = 0;

  constructor(options = rollUpOptions) {
    super(options, keepUs);
  }

  read(gateway: GatewayId, sensor: string, minute: number, values: readonly number[], zone = 'z', intervalMs = 10_000) {
    const series = seriesOf(sensor, zone, intervalMs);
    for (const value of values) this.take({ gateway, series, startUs: baseUs + minute * minuteUs, value });
  }

  close(gateway: GatewayId, minute: number): void {
    this.take({ gateway, closedUs: baseUs + minute * minuteUs });
  }

  /** Commits, ten seconds after the last time. */
  parts(zone = 'z', nowUs = baseUs, afterMs = 10_000): ZonePart[] {
    this.commit({ monotonicMs: (this.#monotonicMs += afterMs), nowUs });
    const batches = this.published.slice(this.#seen).map(({ value }) => decodeZoneParts(value!));
    this.#seen = this.published.length;
    return batches.filter(batch => batch.zone === zone).flatMap(({ parts }) => [...parts]);
  }
}

const brief = ({ startUs, count, sensors, sensorsExpected, revision, final }: ZonePart) =>
  `${(startUs - baseUs) / minuteUs}: ${count} of ${sensors}/${sensorsExpected}, ${revision}${final ? ' final' : ''}`;

test('a part has all sensors of the partition: means by reading and by sensor, extremes, cadences', () => {
  const town = new Town();
  town.read(a, 's', 0, [1, 2, 3]);
  town.read(b, 's', 0, [10]);
  const [part] = town.parts();
  const { sketch, ...rest } = part!;
  assert.ok(sketch.length > 0);
  assert.deepEqual(rest, {
    startUs: baseUs,
    sensors: 2,
    sensorsExpected: 2,
    count: 4,
    expected: 12,
    mean: 4,
    meanOfMeans: 6,
    min: 1,
    max: 10,
    revision: 1,
    final: false,
  });
  town.read(b, 't', 0, [10], 'z', 0);
  assert.equal(town.parts()[0]!.expected, 0, 'a sensor without a cadence');
});

test('a part is early at most once an interval, final at once when all gateways have closed it, and revised after that', () => {
  const town = new Town();
  const parts = (afterMs: number) => town.parts('z', baseUs, afterMs).map(brief);
  town.read(a, 's', 0, [1]);
  town.read(b, 's', 0, [1]);
  assert.deepEqual(parts(0), ['0: 2 of 2/2, 1']);
  town.read(a, 's', 0, [1]);
  assert.deepEqual(parts(9_999), []);
  assert.deepEqual(parts(1), ['0: 3 of 2/2, 2']);
  town.close(a, 1);
  assert.deepEqual(parts(1), []);
  town.close(b, 1);
  assert.deepEqual(parts(1), ['0: 3 of 2/2, 3 final']);
  assert.deepEqual(parts(60_000), []);
  town.read(a, 's', 0, [1]);
  assert.deepEqual(parts(10_000), ['0: 4 of 2/2, 4 final']);
});

test('a gateway that is away holds a window only for so long, and brings its readings later', () => {
  const town = new Town();
  town.read(a, 's', 0, [1]);
  town.read(b, 's', 0, [1]);
  town.close(a, 60);
  town.parts();
  const heldUs = baseUs + minuteUs + rollUpOptions.maxHoldUs;
  assert.deepEqual(town.parts('z', heldUs - 1).map(brief), []);
  assert.deepEqual(town.parts('z', heldUs).map(brief), ['0: 2 of 2/2, 2 final']);
  town.kill();
  town.read(b, 's', 0, [3]);
  town.read(b, 's', 1, [4]);
  assert.deepEqual(town.parts('z', heldUs).map(brief), ['0: 3 of 2/2, 3 final', '1: 1 of 1/2, 1']);
});

test('a window that waits for nobody else is forgotten with its panes, and leaves only what the zone has forgotten', () => {
  const town = new Town();
  town.read(a, 's', 0, [1]);
  town.close(a, 4);
  assert.deepEqual(town.parts().map(brief), ['0: 1 of 1/1, 1 final']);
  // After a start nobody knows who else there is: a gateway has as long as windows are held.
  town.read(b, 's', 0, [1]);
  assert.deepEqual(town.parts().map(brief), ['0: 2 of 2/2, 2 final']);
  town.close(b, 4);
  assert.deepEqual(town.parts('z', baseUs + rollUpOptions.maxHoldUs), []);
  assert.deepEqual(new Set(town.stateKeys.map(key => key.split('/')[1])), new Set(['s', 'w']));
  // What it brings now is in its sensors' own statistics.
  const c = 'c' as GatewayId;
  town.read(c, 's', 0, [1]);
  assert.deepEqual(town.parts(), []);
  town.kill();
  town.read(c, 's', 0, [1]);
  assert.equal(town.rollUp.counters.late, 1);
  assert.deepEqual(town.parts(), []);
});

test('readings of panes that are gone stay in the part, to the last bit, also after a restart', () => {
  const run = (kill: boolean): ZonePart => {
    const town = new Town();
    town.read(a, 's', 0, [0.1, 0.2, 0.7]);
    town.read(a, 't', 0, [0.3]);
    town.read(b, 's', 0, [1 / 3]);
    town.close(a, 5);
    town.parts();
    if (kill) town.kill();
    town.read(b, 's', 0, [1e-9, 77]);
    town.close(b, 1);
    return town.parts()[0]!;
  };
  const [undisturbed, killed] = [run(false), run(true)];
  assert.equal(brief(undisturbed), '0: 7 of 3/3, 2 final');
  assert.deepEqual(killed, undisturbed);
});

test('a silent sensor is expected for a day, also after a restart, and then its zone forgets it', () => {
  const town = new Town();
  town.read(a, 's', 0, [1]);
  town.read(a, 't', 0, [1]);
  town.close(a, 10);
  town.parts();
  town.kill();
  const day = 24 * 60;
  for (const minute of [10, day]) {
    town.read(a, 's', minute, [1]);
    assert.match(brief(town.parts().at(-1)!), /1 of 1\/2/);
  }
  town.read(a, 's', day + 60, [1]);
  assert.match(brief(town.parts().at(-1)!), /1 of 1\/1/);
  town.close(a, 2 * day + 120);
  town.parts('z', baseUs + 2 * day * minuteUs);
  town.parts('z', baseUs + 4 * day * minuteUs);
  assert.deepEqual(town.stateKeys, []);
});

test('a sensor that moves is lost to its old zone from then on, and each pane is in one zone', () => {
  const town = new Town();
  town.read(a, 's', 0, [1], 'old');
  town.read(a, 't', 0, [1], 'old');
  town.read(a, 's', 1, [1], 'old');
  town.parts();
  // Within minute 1, which goes on being the old zone's.
  town.read(a, 's', 1, [2], 'new');
  assert.deepEqual(town.parts('new'), []);
  town.read(a, 's', 2, [3], 'new');
  assert.deepEqual(town.parts('old').map(brief), ['2: 0 of 0/1, 1']);
  // The backlog was sealed before.
  town.read(a, 's', 1, [4], 'old');
  assert.deepEqual(town.parts('old').map(brief), ['1: 3 of 1/2, 3']);
  town.kill();
  town.read(a, 's', 1, [5], 'new');
  town.read(a, 's', 2, [6], 'old');
  town.read(a, 's', 3, [7], 'new');
  town.commit({ monotonicMs: 100_000, nowUs: baseUs });
  const all = town.published.map(({ value }) => decodeZoneParts(value!));
  const newest = (zone: string, minute: number) =>
    all
      .filter(batch => batch.zone === zone)
      .flatMap(({ parts }) => parts.filter(({ startUs }) => startUs === baseUs + minute * minuteUs))
      .at(-1);
  assert.match(brief(newest('old', 1)!), /4 of 1\/2/);
  assert.match(brief(newest('new', 2)!), /2 of 1\/1/);
  assert.match(brief(newest('new', 3)!), /1 of 1\/1/);
  assert.equal(newest('old', 3), undefined);
});

test('a sensor that goes from zone to zone and back, or to none, leaves nothing twice and nothing behind', () => {
  const town = new Town();
  for (let minute = 0; minute < 60; minute++) {
    town.read(a, 's', minute, [1], ['x', 'y', ''][minute % 3]);
    town.close(a, minute);
    town.parts('x', baseUs + minute * minuteUs);
    if (minute % 7 === 0) town.kill();
  }
  town.close(a, 100);
  town.parts();
  const parts = town.published.map(({ value }) => decodeZoneParts(value!));
  for (const [zone, first] of [
    ['x', 0],
    ['y', 1],
  ] as const) {
    const minutes = parts
      .filter(batch => batch.zone === zone)
      .flatMap(batch => batch.parts.filter(({ count }) => count > 0).map(part => (part.startUs - baseUs) / minuteUs));
    assert.deepEqual(new Set(minutes), new Set(Array.from({ length: 20 }, (_, i) => first + 3 * i)));
  }
  for (const hours of [100, 200]) town.parts('x', baseUs + hours * hourUs);
  assert.deepEqual(town.stateKeys, []);
});

test('of more windows than are kept the oldest are given up, with their last part, and counted', () => {
  const town = new Town({ ...rollUpOptions, limits: { ...rollUpOptions.limits, windows: 2 } });
  for (const minute of [3, 1, 0, 2]) town.read(a, 's', minute, [1]);
  assert.deepEqual(town.parts().map(brief), [
    '0: 1 of 1/1, 1 final',
    '1: 1 of 1/1, 1 final',
    '2: 1 of 1/1, 1',
    '3: 1 of 1/1, 1',
  ]);
  assert.equal(town.rollUp.counters.cut, 2);
  town.read(a, 's', 0, [1]);
  assert.equal(town.rollUp.counters.late, 1);
  assert.deepEqual(town.parts().map(brief), []);
});

test('sensors and zones beyond the limits are refused and counted, and room that is left is used again', () => {
  const town = new Town({ ...rollUpOptions, limits: { ...rollUpOptions.limits, sensorsPerGateway: 2, zones: 2 } });
  for (const sensor of ['s', 't', 'u']) town.read(a, sensor, 0, [1]);
  town.read(b, 's', 0, [1], 'y');
  town.read(b, 't', 0, [1], 'x');
  assert.deepEqual(town.parts().map(brief), ['0: 2 of 2/2, 1']);
  assert.equal(town.rollUp.counters.refused, 2);
  for (const gateway of [a, b]) town.close(gateway, 60 * 50);
  town.parts('z', baseUs + 50 * hourUs);
  town.parts('z', baseUs + 100 * hourUs);
  town.read(a, 'u', 3_000, [1]);
  town.read(b, 't', 3_000, [1], 'x');
  assert.deepEqual(town.parts('x', baseUs + 100 * hourUs).map(brief), ['3000: 1 of 1/1, 1']);
  assert.equal(town.rollUp.counters.refused, 2);
});

test('a gateway that names ever new zones leaves none behind where no reading of it came', () => {
  const rollUp = new ZoneRollUp({ ...rollUpOptions, limits: { ...rollUpOptions.limits, zones: 10 } });
  const member = rollUp.join(a, 'town', seriesOf('s', 'z'), { pane: () => undefined })!;
  for (let i = 0; i < 100; i++) {
    rollUp.describe(member, 'town', seriesOf('s', `z${i}`));
    rollUp.flush({ monotonicMs: i, nowUs: baseUs + i * 50 * hourUs });
  }
  assert.equal(rollUp.counters.refused, 0);
});

test('without a sketch of some pane the part has none', () => {
  const rollUp = new ZoneRollUp(rollUpOptions);
  const pane = { count: 1, mean: 2, min: 2, max: 2, sketch: undefined };
  rollUp.opened(rollUp.join(a, 'town', seriesOf('s', 'z'), { pane: () => pane })!, baseUs);
  const [record] = rollUp.flush({ monotonicMs: 0, nowUs: baseUs }).results;
  assert.equal(decodeZoneParts(record!.value!).parts[0]!.sketch.length, 0);
});

test('windows of another size than today are left, and their state goes', () => {
  const rollUp = new ZoneRollUp(rollUpOptions);
  const key = `z/m/${5 * minuteUs}/${baseUs}/["town","z","m","1"]`;
  rollUp.restore(key, Buffer.from('anything'));
  assert.deepEqual([...rollUp.flush({ monotonicMs: 0, nowUs: baseUs }).state], [[key, null]]);
  assert.equal(rollUp.flush({ monotonicMs: 1, nowUs: baseUs }).state.size, 0);
});

test('a state that is not readable stops it', () => {
  for (const [key, value] of [
    ['z/s/a/0', '[9,[]]'],
    ['z/s/a/0', '[1,[7]]'],
    ['z/w/["town"', '[1,[0,0]]'],
    [`z/m/${minuteUs}/${baseUs}/["town","z","m","1"]`, '{'],
    [`z/m/${minuteUs}/${baseUs}/["town","z","m","1"]`, '[1,[1,1,0,0,[1,1,[1],[1],1,1,"////"]]]'],
    ['z/q/', '[1,[]]'],
  ] as const)
    assert.throws(() => new ZoneRollUp(rollUpOptions).restore(key, Buffer.from(value)), InvariantError, key);
});
