import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { StatsRow } from '@millrace/wire/stats.ts';
import fc from 'fast-check';
import { TumblingEngine } from './tumbling.ts';

const minute = 60_000_000;
const options = { window: '1m', sizeUs: minute, keepUs: 5 * minute, maxAheadUs: 10 * minute };
const base = 1_790_000_040_000_000 - (1_790_000_040_000_000 % minute);
const now = base + 60 * minute;
const series = { sensor: 's', metric: 'm', unit: '1', intervalMs: 10_000, zone: 'z' };

function batch(
  firstSeq: number,
  readings: readonly (readonly [timeUs: number, value: number])[],
  more: Partial<Batch> = {},
): Batch {
  return {
    gateway: 'g' as GatewayId,
    site: 'town',
    boot: 1,
    firstSeq,
    series: [series],
    clock: 1,
    completeThroughUs: 0,
    dropped: [],
    seriesIndex: readings.map(() => 0),
    timeUs: readings.map(([time]) => base + time),
    value: readings.map(([, value]) => value),
    quality: readings.map(() => 0),
    ...more,
  };
}

let offset = 0;

/** As the next record of the partition. */
function feed(engine: TumblingEngine, one: Batch, receivedAtUs: number): void {
  engine.process(one, receivedAtUs, offset++);
}

/** The newest row of each window, as an upserting table would hold it. */
function table(rows: Iterable<StatsRow>): Map<number, StatsRow> {
  return new Map([...rows].map(row => [row.startUs - base, row]));
}

const rowsOf = (engine: TumblingEngine): StatsRow[] => engine.flush().stats.flatMap(({ rows }) => rows);

test('a window has count, mean, extremes, deviation, first and last, and how many were expected', () => {
  const engine = new TumblingEngine(options);
  feed(
    engine,
    batch(0, [
      [30_000_000, 4],
      [10_000_000, 2],
      [59_999_999, 9],
      [minute, 100],
    ]),
    now,
  );
  const row = table(rowsOf(engine)).get(0)!;
  assert.deepEqual(
    { ...row, stddev: Number(row.stddev!.toFixed(9)) },
    {
      series,
      startUs: base,
      count: 3,
      expected: 6,
      mean: 5,
      min: 2,
      max: 9,
      stddev: 3.605551275,
      p50: null,
      p95: null,
      p99: null,
      rate: null,
      first: 2,
      last: 9,
      revision: 1,
      final: false,
    },
  );
});

test('a resend counts nothing, and a batch that overlaps counts only what is new', () => {
  const engine = new TumblingEngine(options);
  feed(
    engine,
    batch(0, [
      [1, 1],
      [2, 2],
    ]),
    now,
  );
  feed(
    engine,
    batch(0, [
      [1, 1],
      [2, 2],
    ]),
    now,
  );
  feed(
    engine,
    batch(1, [
      [2, 2],
      [3, 3],
    ]),
    now,
  );
  assert.equal(table(rowsOf(engine)).get(0)!.count, 3);
  assert.deepEqual(
    { counted: engine.counters.counted, duplicate: engine.counters.duplicate },
    { counted: 3, duplicate: 3 },
  );
});

test('a gateway closes its own windows; a reading after that makes a new final revision', () => {
  const engine = new TumblingEngine(options);
  feed(engine, batch(0, [[1, 1]], { completeThroughUs: base + minute - 1 }), now);
  assert.equal(table(rowsOf(engine)).get(0)!.final, false);
  feed(engine, batch(1, [[minute + 1, 7]], { completeThroughUs: base + minute }), now);
  const closed = table(rowsOf(engine));
  assert.deepEqual([closed.get(0)!.final, closed.get(0)!.revision, closed.get(minute)!.final], [true, 2, false]);
  feed(engine, batch(2, [[5, 3]]), now);
  const revised = table(rowsOf(engine)).get(0)!;
  assert.deepEqual([revised.count, revised.final, revised.revision], [2, true, 3]);
});

test('a reading for a forgotten window is late, also when a restart lies between', () => {
  const engine = new TumblingEngine(options);
  feed(engine, batch(0, [[1, 1]], { completeThroughUs: base + minute }), now);
  engine.flush();
  feed(engine, batch(1, [[10 * minute, 1]], { completeThroughUs: base + 10 * minute }), now);
  const { state } = engine.flush();
  const restored = new TumblingEngine(options);
  for (const [key, value] of state) restored.restore(key, value!);
  feed(restored, batch(2, [[2, 5]]), now);
  assert.deepEqual([restored.counters.late, rowsOf(restored).length], [1, 0]);
});

test('unsynchronised, far-future and bad readings enter no window, and a far-future declaration closes none', () => {
  const engine = new TumblingEngine(options);
  feed(engine, batch(0, [[1, 1]], { clock: 0 }), now);
  feed(engine, batch(1, [[120 * minute, 1]], { completeThroughUs: base + 120 * minute }), now);
  feed(engine, batch(2, [[1, 1]], { quality: [2] }), now);
  feed(engine, batch(3, [[1, 42]]), now);
  const rows = rowsOf(engine);
  assert.deepEqual(
    rows.map(({ count, mean, final }) => ({ count, mean, final })),
    [{ count: 1, mean: 42, final: false }],
  );
  assert.deepEqual(engine.counters, { counted: 1, duplicate: 0, late: 0, unsynced: 1, future: 1, bad: 1, refused: 0 });
});

test('an unsynchronised clock closes no window', () => {
  const engine = new TumblingEngine(options);
  feed(engine, batch(0, [[1, 1]], { clock: 0, completeThroughUs: base + 30 * minute }), now);
  feed(engine, batch(1, [[1, 42]]), now);
  assert.deepEqual(
    rowsOf(engine).map(({ count, final }) => ({ count, final })),
    [{ count: 1, final: false }],
  );
});

test('records that a crash brings again are told by their offset, however many boots they come from', () => {
  const engine = new TumblingEngine(options);
  const messages = Array.from({ length: 1000 }, (_, i) => batch(0, [[i, 1]], { boot: i }));
  const first = offset;
  for (const [i, message] of messages.entries()) engine.process(message, now, first + i);
  const { state } = engine.flush();
  const restored = new TumblingEngine(options);
  for (const [key, value] of state) restored.restore(key, value!);
  assert.equal(restored.endsAt(first + 1000), false);
  for (const [i, message] of messages.entries()) restored.process(message, now, first + i);
  assert.deepEqual([restored.counters.counted, restored.counters.duplicate], [0, 1000]);
  assert.equal(restored.endsAt(first), true, 'a topic made anew is noticed');
  restored.process(batch(0, [[5, 7]], { boot: 5000 }), now, 0);
  assert.equal(restored.counters.counted, 1);
});

test('a gateway that declares nothing, or makes up series and windows, does not fill the state', () => {
  const engine = new TumblingEngine(options);
  let bytes = 0;
  const late = now + 5000 * minute;
  for (let i = 0; i < 5000; i++) {
    feed(engine, batch(i, [[i * minute, 1]]), late);
    if (i % 10 === 0) for (const value of engine.flush().state.values()) bytes = value!.length;
  }
  assert.ok(bytes < 5000, `${bytes} bytes`);
  for (let i = 0; i < 10; i++) {
    const made = Array.from({ length: 1000 }, (_, j) => ({ ...series, sensor: `s${i}-${j}` }));
    feed(
      engine,
      batch(
        10_000 + i * 10_000,
        made.map((_, j) => [5000 * minute + j, 1] as const),
        { series: made, seriesIndex: made.map((_, j) => j) },
      ),
      late,
    );
  }
  assert.ok(engine.counters.refused > 7000);
  for (const value of engine.flush().state.values()) bytes = value!.length;
  assert.ok(bytes < 1_000_000, `${bytes} bytes`);
});

test('the deviation is exact where a sum of squares would lose every digit', () => {
  const engine = new TumblingEngine(options);
  feed(
    engine,
    batch(0, [
      [1, 1e9 + 4],
      [2, 1e9 + 7],
      [3, 1e9 + 13],
      [4, 1e9 + 16],
    ]),
    now,
  );
  assert.ok(Math.abs(rowsOf(engine)[0]!.stddev! - Math.sqrt(30)) < 1e-9);
});

test('property: resends, overlaps and restarts at any moment give the table of an undisturbed run', () => {
  const reading = fc.tuple(fc.integer({ min: 0, max: 4 * minute }), fc.integer({ min: -1000, max: 1000 }));
  const plan = fc.tuple(
    fc.array(reading, { minLength: 1, maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(39), fc.integer({ min: 1, max: 8 }), fc.boolean()), { maxLength: 30 }),
  );
  fc.assert(
    fc.property(plan, ([readings, disturbances]) => {
      const calm = new TumblingEngine(options);
      feed(calm, batch(0, readings), now);
      const expected = table(rowsOf(calm));

      let engine = new TumblingEngine(options);
      const rows: StatsRow[] = [];
      const kept = new Map<string, Uint8Array>();
      const commit = (): void => {
        const { stats, state } = engine.flush();
        rows.push(...stats.flatMap(one => one.rows));
        for (const [key, value] of state) kept.set(key, value!);
      };
      const send = (from: number, count: number): void => {
        const part = readings.slice(from, from + count);
        if (part.length > 0) feed(engine, batch(from, part), now);
      };
      for (const [from, count, restart] of disturbances) {
        send(from, count);
        if (restart) {
          // What was not committed comes again: here at the latest with the last send.
          if (count % 2 === 0) commit();
          engine = new TumblingEngine(options);
          for (const [key, value] of kept) engine.restore(key, value);
        }
      }
      send(0, readings.length);
      commit();
      const actual = table(rows);
      assert.deepEqual(new Set(actual.keys()), new Set(expected.keys()));
      for (const [start, row] of expected) {
        const { count, min, max, mean, stddev } = actual.get(start)!;
        assert.deepEqual({ count, min, max }, { count: row.count, min: row.min, max: row.max });
        assert.ok(Math.abs(mean - row.mean) < 1e-9 && Math.abs((stddev ?? 0) - (row.stddev ?? 0)) < 1e-7);
      }
    }),
    { numRuns: 500 },
  );
});
