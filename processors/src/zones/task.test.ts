import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import {
  decodeZoneStats,
  encodeZoneParts,
  type ZonePart,
  type ZonePartBatch,
  type ZoneStatsRow,
  zoneKey,
} from '@millrace/wire/zones.ts';
import { ZonesTask } from './task.ts';
import { baseUs, hourUs, minuteUs, paneOf, zonesOptions } from './testing.ts';

const of = { site: 'town', zone: 'north', metric: 'm', unit: '1' };

/** A part of sensors with these readings each. */
function part(sensors: readonly (readonly number[])[], more: Partial<ZonePart> = {}): ZonePart {
  const values = sensors.flat();
  const { count, mean, min, max, sketch } = values.length > 0 ? paneOf(values) : { ...paneOf([0]), count: 0 };
  return {
    startUs: baseUs,
    sensors: sensors.length,
    sensorsExpected: sensors.length,
    count,
    expected: 6 * sensors.length,
    mean,
    meanOfMeans: sensors.reduce((sum, own) => sum + paneOf(own).mean / sensors.length, 0),
    min,
    max,
    sketch: count === 0 ? new Uint8Array() : sketch!.encode(),
    revision: 1,
    final: false,
    ...more,
  };
}

function record(batch: Partial<ZonePartBatch>, key = zoneKey({ ...of, ...batch })): IncomingRecord {
  const value = encodeZoneParts({ ...of, source: 0, settledThroughUs: 0, parts: [], ...batch });
  return { offset: 0n, key, value, headers: {}, timestampMs: 0 };
}

let monotonicMs = 0;

/** A second later by the monotonic clock. */
function flush(task: ZonesTask, nowUs = baseUs, state?: Map<string, Uint8Array>): ZoneStatsRow[] {
  const flushed = task.flush({ monotonicMs: (monotonicMs += 1000), nowUs });
  for (const [key, value] of flushed.state) {
    if (value === null) state?.delete(key);
    else state?.set(key, value);
  }
  const rows = flushed.results.flatMap(({ value }) => [...decodeZoneStats(value!).rows]);
  assert.equal(flushed.rows, rows.length);
  return rows;
}

function restored(state: ReadonlyMap<string, Uint8Array>): ZonesTask {
  const task = new ZonesTask(zonesOptions);
  for (const [key, value] of state) task.restore(key, value);
  return task;
}

test('parts of two partitions make one row: means by reading and by sensor, extremes, quantiles of all readings', () => {
  const task = new ZonesTask(zonesOptions);
  const many = Array.from({ length: 98 }, (_, i) => i + 1);
  task.process(record({ source: 1, parts: [part([many])] }));
  task.process(record({ source: 0, parts: [part([[200], [-7]], { sensorsExpected: 3, expected: 18 })] }));
  const [row] = flush(task);
  const { mean, meanOfMeans, p50, p95, p99, ...rest } = row!;
  assert.deepEqual(rest, {
    startUs: baseUs,
    sensors: 3,
    sensorsExpected: 4,
    count: 100,
    expected: 24,
    min: -7,
    max: 200,
    revision: 1,
    final: false,
  });
  assert.ok(Math.abs(mean - (49.5 * 98 + 193) / 100) < 1e-9);
  assert.ok(Math.abs(meanOfMeans - (49.5 + 200 - 7) / 3) < 1e-9);
  for (const [p, exact] of [
    [p50, 49],
    [p95, 94],
    [p99, 98],
  ] as const)
    assert.ok(Math.abs(p! - exact) <= 0.01 * exact, `${p} is not ${exact}`);
});

test('without a sketch of some part there are no quantiles, and without a cadence of some nothing is expected', () => {
  const task = new ZonesTask(zonesOptions);
  task.process(record({ source: 0, parts: [part([[1]])] }));
  task.process(record({ source: 1, parts: [part([[2]], { sketch: new Uint8Array(), expected: 0 })] }));
  const { p50, p95, p99, expected, mean } = flush(task)[0]!;
  assert.deepEqual({ p50, p95, p99, expected, mean }, { p50: null, p95: null, p99: null, expected: 0, mean: 1.5 });
});

test('a part that comes again changes nothing, an older one neither, a newer one replaces', () => {
  const task = new ZonesTask(zonesOptions);
  const take = (revision: number, value: number) => task.process(record({ parts: [part([[value]], { revision })] }));
  take(2, 5);
  assert.deepEqual(
    flush(task).map(({ mean, revision }) => [mean, revision]),
    [[5, 1]],
  );
  take(2, 5);
  take(1, 99);
  assert.deepEqual(flush(task), []);
  assert.equal(task.counters.stale, 2);
  take(3, 6);
  assert.deepEqual(
    flush(task).map(({ mean, revision }) => [mean, revision]),
    [[6, 2]],
  );
});

test('a row is early at most once an interval', () => {
  const task = new ZonesTask({ ...zonesOptions, earlyIntervalMs: 2_500 });
  const rows = [1, 2, 3, 4].map(revision => {
    task.process(record({ parts: [part([[revision]], { revision })] }));
    return flush(task).length;
  });
  assert.deepEqual(rows, [1, 0, 0, 1]);
});

test('a window is final when every source that is known is final with it, and revisions of it stay final', () => {
  const task = new ZonesTask(zonesOptions);
  const at = (minute: number, more: Partial<ZonePart> = {}) =>
    part([[1]], { startUs: baseUs + minute * minuteUs, ...more });
  const finals = () => flush(task).map(({ startUs, final }) => [(startUs - baseUs) / minuteUs, final]);
  task.process(record({ source: 0, parts: [at(0, { final: true })] }));
  task.process(record({ source: 1, parts: [at(0)] }));
  assert.deepEqual(finals(), [[0, false]]);
  task.process(record({ source: 0, parts: [at(1, { final: true })] }));
  task.process(record({ source: 1, parts: [at(0, { final: true, revision: 2 })] }));
  // Source 1 has said nothing of minute 1.
  assert.deepEqual(finals(), [
    [0, true],
    [1, false],
  ]);
  // Having made minute 2 final, it has nothing for minute 1.
  task.process(record({ source: 1, parts: [at(2, { final: true })] }));
  assert.deepEqual(finals(), [
    [1, true],
    [2, false],
  ]);
  task.process(record({ source: 1, parts: [at(1)] }));
  assert.deepEqual(finals(), [[1, true]]);
});

test('a source that is silent is waited for as long as windows are held, and an hour after its last part not at all', () => {
  const state = new Map<string, Uint8Array>();
  const task = new ZonesTask(zonesOptions);
  task.process(record({ source: 1, parts: [part([[1]], { final: true })] }));
  task.process(record({ source: 0, parts: [part([[1]], { final: true })] }));
  assert.equal(flush(task)[0]!.final, true);
  const nextUs = baseUs + minuteUs;
  task.process(record({ source: 0, parts: [part([[1]], { startUs: nextUs, final: true })] }));
  assert.equal(flush(task, nextUs, state)[0]!.final, false);
  const heldUs = nextUs + minuteUs + zonesOptions.maxHoldUs;
  assert.deepEqual(flush(task, heldUs, state), []);
  assert.deepEqual(
    flush(task, heldUs + 5_000_000, state).map(({ final }) => final),
    [true],
  );
  const laterUs = baseUs + hourUs + minuteUs;
  task.process(record({ source: 0, parts: [part([[1]], { startUs: laterUs, final: true })] }));
  assert.deepEqual(
    flush(task, laterUs).map(({ final, sensorsExpected }) => [final, sensorsExpected]),
    [[true, 2]],
  );
});

test('sensors of a silent source are expected for a day, also after a restart', () => {
  const state = new Map<string, Uint8Array>();
  let task = new ZonesTask(zonesOptions);
  const settle = (minute: number) => {
    const startUs = baseUs + minute * minuteUs;
    task.process(record({ source: 0, settledThroughUs: startUs, parts: [part([[1]], { startUs, final: true })] }));
    return flush(task, startUs + 10 * minuteUs, state).map(({ sensors, sensorsExpected }) => [
      sensors,
      sensorsExpected,
    ]);
  };
  task.process(record({ source: 1, settledThroughUs: baseUs + minuteUs, parts: [part([[1], [2]], { final: true })] }));
  assert.deepEqual(settle(0), [[3, 3]]);
  assert.deepEqual(settle(1), [[1, 3]]);
  flush(task, baseUs + hourUs, state);
  assert.ok(![...state.keys()].some(key => key.includes(String(baseUs))), 'minute 0 is forgotten');
  task = restored(state);
  assert.deepEqual(settle(2).at(-1), [1, 3]);
  assert.deepEqual(settle(24 * 60).at(-1), [1, 3]);
  assert.deepEqual(settle(24 * 60 + 1).at(-1), [1, 1]);
});

test('what a source says of its sensors with a late part holds for its later windows too', () => {
  const task = new ZonesTask(zonesOptions);
  const laterUs = baseUs + 2 * minuteUs;
  task.process(record({ source: 0, parts: [part([[1]])] }));
  task.process(record({ source: 1, parts: [part([[1]], { startUs: laterUs })] }));
  assert.deepEqual(
    flush(task).map(row => row.sensorsExpected),
    [1, 2],
  );
  task.process(record({ source: 0, parts: [part([[1]], { startUs: baseUs + minuteUs, sensorsExpected: 5 })] }));
  assert.deepEqual(
    flush(task).map(row => row.sensorsExpected),
    [5, 6],
  );
});

test('windows are forgotten when all sources have settled them, and a part for one is late, also after a restart', () => {
  const state = new Map<string, Uint8Array>();
  let task = new ZonesTask(zonesOptions);
  const endUs = baseUs + minuteUs;
  for (const source of [0, 1]) task.process(record({ source, parts: [part([[1]], { final: true })] }));
  flush(task, baseUs, state);
  task.process(record({ source: 0, settledThroughUs: endUs, parts: [] }));
  flush(task, baseUs, state);
  assert.equal(state.size, 4, 'a zone, a window, two parts');
  task.process(record({ source: 1, settledThroughUs: endUs, parts: [] }));
  assert.deepEqual(flush(task, baseUs, state), []);
  // After a start nobody knows what other sources there are: they have as long as windows are held.
  task.process(record({ source: 2, settledThroughUs: endUs, parts: [part([[1]], { final: true })] }));
  assert.equal(flush(task, baseUs, state)[0]!.count, 3);
  assert.deepEqual(flush(task, baseUs + hourUs, state), []);
  assert.deepEqual([...state.keys()], [`w/${zoneKey(of)}`]);
  task = restored(state);
  task.process(record({ parts: [part([[1], [2]], { revision: 9 })] }));
  assert.deepEqual(flush(task, baseUs, state), []);
  assert.equal(task.counters.late, 1);
});

test('a window waits for an absent source no longer than it is told to, and an idle zone leaves nothing behind', () => {
  const state = new Map<string, Uint8Array>();
  const task = new ZonesTask(zonesOptions);
  task.process(record({ parts: [part([[1]])] }));
  flush(task, baseUs, state);
  flush(task, baseUs + zonesOptions.maxHoldUs + hourUs, state);
  assert.equal(state.size, 3);
  flush(task, baseUs + 2 * hourUs + zonesOptions.waitUs, state);
  assert.equal(state.size, 1);
  flush(task, baseUs + 40 * hourUs, state);
  assert.equal(state.size, 0);
});

test('of more parts than are kept the oldest windows are given up, with their last result, and counted', () => {
  const task = new ZonesTask({ ...zonesOptions, limits: { zones: 1, parts: 3 } });
  const parts = Array.from({ length: 5 }, (_, i) => part([[i]], { startUs: baseUs + i * minuteUs }));
  task.process(record({ parts }));
  assert.deepEqual(
    flush(task).map(({ mean, final }) => [mean, final]),
    [
      [0, true],
      [1, true],
      [2, false],
      [3, false],
      [4, false],
    ],
  );
  assert.equal(task.counters.cut, 2);
  task.process(record({ parts: [part([[7]], { revision: 2 })] }));
  assert.deepEqual(flush(task), []);
  assert.equal(task.counters.late, 1);
  assert.equal(task.process(record({ zone: 'another', parts })), 5);
  assert.equal(task.counters.refused, 5);
});

test('what nobody can have written is rejected, and changes nothing', () => {
  const task = new ZonesTask(zonesOptions);
  const good = part([[1], [2]]);
  const bad: readonly [field: RegExp, batch: Partial<ZonePartBatch>, part?: Partial<ZonePart>][] = [
    [/^zone: is empty/, { zone: '' }],
    [/^metric: longer/, { metric: 'm'.repeat(256) }],
    [/^source/, { source: 100_001 }],
    [/^settled_through_us/, { settledThroughUs: -1 }],
    [/^parts: 1001 parts/, { parts: Array.from({ length: 1001 }, () => good) }],
    [/^parts\[1\]\.start_us: 1 is not the start/, {}, { startUs: 1 }],
    [/start_us: -60000000 is not a time/, {}, { startUs: -minuteUs }],
    [/sensors: 3 of 2 sensors/, {}, { sensors: 3 }],
    [/sensors: 2 of 2 sensors cannot have sent 1 readings/, {}, { count: 1 }],
    [/sensors: 0 of 2/, {}, { sensors: 0 }],
    [/mean: NaN/, {}, { mean: Number.NaN }],
    [/mean_of_means: Infinity/, {}, { meanOfMeans: Number.POSITIVE_INFINITY }],
    [/max: -Infinity/, {}, { max: Number.NEGATIVE_INFINITY }],
    [/min: 3 is above/, {}, { min: 3 }],
    [/revision/, {}, { revision: 0 }],
    [/sketch: has 40000 bytes/, {}, { sketch: new Uint8Array(40_000) }],
    [/sketch: /, {}, { sketch: new Uint8Array([255, 255]) }],
    [/sketch: is of 1 readings, the part of 2/, {}, { sketch: part([[1]]).sketch }],
  ];
  for (const [message, batch, wrong] of bad) {
    const parts = wrong === undefined ? [good] : [good, { ...good, ...wrong }];
    assert.throws(
      () => task.process(record({ parts, ...batch })),
      (error: unknown) => error instanceof RejectedError && message.test(error.message),
      String(message),
    );
  }
  assert.throws(() => task.process(record({ parts: [good] }, 'another key')), /^RejectedError: key/);
  assert.throws(() => task.process({ ...record({}), value: new Uint8Array(1_048_577) }), RejectedError);
  assert.throws(() => task.process({ ...record({}), value: Buffer.from('\xff\xff') }), RejectedError);
  const { results, state } = task.flush({ monotonicMs: 0, nowUs: baseUs });
  assert.deepEqual([results.length, state.size], [0, 0]);
});

test('windows of another size than today are left, and their state goes', () => {
  const task = new ZonesTask(zonesOptions);
  const entries = [`m/1000000/${baseUs}/${zoneKey(of)}`, `p/1000000/${baseUs}/3/${zoneKey(of)}`];
  for (const key of entries) task.restore(key, Buffer.from('anything'));
  const { state, results } = task.flush({ monotonicMs: 0, nowUs: baseUs });
  assert.deepEqual(
    [...state],
    entries.map(key => [key, null]),
  );
  assert.equal(results.length, 0);
});

test('a state that is not readable stops it', () => {
  const key = zoneKey(of);
  for (const [entry, value] of [
    [`w/${key}`, '[9,[0,0,[]]]'],
    [`w/${key}`, '{'],
    [`m/${minuteUs}/${baseUs}/not json`, '[1,[1,1,0,0]]'],
    [`p/${minuteUs}/${baseUs}/0/${key}`, '\xff'],
    ['q/what', '1'],
  ] as const)
    assert.throws(() => new ZonesTask(zonesOptions).restore(entry, Buffer.from(value)), InvariantError, entry);
});
