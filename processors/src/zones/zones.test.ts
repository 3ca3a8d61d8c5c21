/** Zones against an oracle: all readings in memory, whatever the order, the restarts and the moments of the flushes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayId } from '@millrace/wire/names.ts';
import fc from 'fast-check';
import { equalsOracle, zoneOracle } from './oracle.ts';
import {
  baseUs,
  CityPartition,
  CityZones,
  minuteUs,
  type Reading,
  rollUpOptions,
  seriesOf,
  zonesOptions,
} from './testing.ts';

const partitions = 3;
const gateways = 4;
const minutes = 8;
const moveAt = 4;
const keepUs = 3 * minuteUs;
/** Less than a schedule takes, so that windows are forgotten within it. */
const maxHoldUs = minuteUs / 2;

const gatewayOf = (number: number) => `g${number}` as GatewayId;
const partitionOf = (gateway: GatewayId) => Number(gateway.slice(1)) % partitions;

/** Sensor 2 of each gateway moves from north to south at one minute; 0 and 1 stay. */
function reading(gateway: number, sensor: number, minute: number, value: number): Reading {
  const zone = sensor === 0 || (sensor === 2 && minute < moveAt) ? 'north' : 'south';
  const series = seriesOf(`s${sensor}`, zone);
  return { gateway: gatewayOf(gateway), series, startUs: baseUs + minute * minuteUs, value };
}

type Event =
  | { readonly kind: 'reading'; readonly reading: Reading }
  | { readonly kind: 'close'; readonly gateway: number; readonly minutes: number }
  | { readonly kind: 'commit' | 'kill'; readonly partition: number }
  | { readonly kind: 'read'; readonly records: number }
  | { readonly kind: 'commitZones' | 'killZones' }
  | { readonly kind: 'pass'; readonly seconds: number };

const whole = (max: number) => fc.integer({ min: 0, max });

const events = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .tuple(whole(gateways - 1), whole(2), whole(minutes - 1), fc.double({ min: -1e6, max: 1e6, noNaN: true }))
        .map(
          ([gateway, sensor, minute, value]): Event => ({
            kind: 'reading',
            reading: reading(gateway, sensor, minute, value),
          }),
        ),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(whole(gateways - 1), whole(2))
        .map(([gateway, by]): Event => ({ kind: 'close', gateway, minutes: by })),
    },
    { weight: 4, arbitrary: whole(partitions - 1).map((partition): Event => ({ kind: 'commit', partition })) },
    { weight: 1, arbitrary: whole(partitions - 1).map((partition): Event => ({ kind: 'kill', partition })) },
    { weight: 3, arbitrary: whole(5).map((records): Event => ({ kind: 'read', records })) },
    { weight: 2, arbitrary: fc.constant<Event>({ kind: 'commitZones' }) },
    { weight: 1, arbitrary: fc.constant<Event>({ kind: 'killZones' }) },
    { weight: 3, arbitrary: whole(40).map((seconds): Event => ({ kind: 'pass', seconds })) },
  ),
  { minLength: 20, maxLength: 150, size: 'max' },
);

/** Runs a schedule to its end: all gateways close all they have. */
function run(
  schedule: readonly Event[],
  kills = true,
): { readings: Reading[]; zones: CityZones; city: CityPartition[] } {
  const city = Array.from(
    { length: partitions },
    (_, partition) => new CityPartition({ ...rollUpOptions, partition, maxHoldUs }, keepUs),
  );
  const zones = new CityZones({ ...zonesOptions, maxHoldUs });
  const sent = city.map(() => 0);
  const closed = Array.from({ length: gateways }, () => 0);
  const clock = { monotonicMs: 0, nowUs: baseUs };
  const partOf = (gateway: GatewayId) => city[partitionOf(gateway)]!;
  const publish = (partition: number) => {
    zones.append(city[partition]!.published.slice(sent[partition]));
    sent[partition] = city[partition]!.published.length;
  };
  const commit = (partition: number) => {
    city[partition]!.commit(clock);
    publish(partition);
  };
  const close = (gateway: number, by: number) => {
    closed[gateway]! += by;
    partOf(gatewayOf(gateway)).take({ gateway: gatewayOf(gateway), closedUs: baseUs + closed[gateway]! * minuteUs });
  };
  // Every gateway is known in both zones before anything closes: a zone waits for those it knows.
  for (let gateway = 0; gateway < gateways; gateway++)
    for (const sensor of [0, 1]) partOf(gatewayOf(gateway)).take(reading(gateway, sensor, 0, 1));
  city.forEach((_, partition) => commit(partition));
  zones.read();
  for (const event of schedule) {
    if (event.kind === 'reading') partOf(event.reading.gateway).take(event.reading);
    else if (event.kind === 'close') close(event.gateway, event.minutes);
    else if (event.kind === 'commit') commit(event.partition);
    else if (event.kind === 'kill') {
      if (!kills) continue;
      city[event.partition]!.kill();
    } else if (event.kind === 'read') zones.read(event.records);
    else if (event.kind === 'commitZones') zones.commit(clock);
    else if (event.kind === 'killZones') {
      if (!kills) continue;
      zones.kill();
    } else if (event.kind === 'pass') {
      clock.monotonicMs += event.seconds * 1000;
      clock.nowUs += event.seconds * 1e6;
    }
  }
  clock.monotonicMs += 60_000;
  for (let gateway = 0; gateway < gateways; gateway++) close(gateway, minutes);
  city.forEach((_, partition) => commit(partition));
  zones.read();
  zones.commit(clock);
  // Partitions without a reading in a window are waited for.
  clock.monotonicMs += 60_000;
  clock.nowUs += 60 * minuteUs;
  zones.commit(clock);
  return { readings: city.flatMap(({ counted }) => counted), zones, city };
}

test('whatever the order, the restarts and the flushes, zones end up as the oracle has them', () => {
  fc.assert(
    fc.property(events, schedule => {
      const { readings, zones, city } = run(schedule);
      equalsOracle(zones.table(), zoneOracle(readings));
      for (const [, rows] of Map.groupBy(zones.rows, ({ zone, row }) => `${zone} ${row.startUs}`)) {
        rows!.reduce((before, { row }) => {
          assert.equal(row.revision, before + 1);
          return row.revision;
        }, 0);
        const first = rows!.findIndex(({ row }) => row.final);
        assert.ok(
          rows!.slice(first).every(({ row }) => row.final),
          'final stays final',
        );
      }
      for (const { rollUp } of city) assert.deepEqual(rollUp.counters, { late: 0, refused: 0, cut: 0 });
      const { late, refused, cut } = zones.task.counters;
      assert.deepEqual([late, refused, cut], [0, 0, 0]);
    }),
    { numRuns: 60 },
  );
});

test('restarts change no bit', () => {
  // A task that was restored does not know what it last published, and publishes it again.
  const rowsOf = ({ zones }: { zones: CityZones }) =>
    new Map([...zones.table()].map(([key, row]) => [key, { ...row, revision: 0 }]));
  fc.assert(
    fc.property(events, schedule => {
      assert.deepEqual(rowsOf(run(schedule)), rowsOf(run(schedule, false)));
    }),
    { numRuns: 20 },
  );
});
