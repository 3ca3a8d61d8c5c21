import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { Batch } from '@millrace/wire/batch.ts';
import type { StatsRow } from '@millrace/wire/stats.ts';
import { baseUs, batchOf, clockAt, hourUs, Lab, minuteUs, placeOf, series } from '../test/lab.ts';
import { parseWindows } from './windows.ts';

const receivedAtUs = baseUs + hourUs;
const clock = clockAt(hourUs);

/** Feeds it, and commits. @returns the rows, by the start of their window. */
function send(lab: Lab, batch: Batch, at = clock): Map<number, StatsRow> {
  lab.feed({ batch, receivedAtUs });
  return new Map(lab.commit(at).map(row => [row.startUs - baseUs, row]));
}

test('a window has count, expected, mean, extremes, deviation, quantiles, first and last', () => {
  const row = send(
    new Lab(),
    batchOf(0, [
      [30_000_000, 4],
      [10_000_000, 2],
      [59_999_999, 9],
      [minuteUs, 100],
    ]),
  ).get(0)!;
  const { stddev, p50, p95, p99, ...rest } = row;
  assert.ok(Math.abs(stddev! - Math.sqrt(13)) < 1e-9);
  for (const [quantile, exact] of [
    [p50, 4],
    [p95, 4],
    [p99, 4],
  ] as const)
    assert.ok(Math.abs(quantile! / exact - 1) <= 0.01);
  assert.deepEqual(rest, {
    series,
    startUs: baseUs,
    count: 3,
    expected: 6,
    mean: 5,
    min: 2,
    max: 9,
    rate: null,
    first: 2,
    last: 9,
    revision: 1,
    final: false,
    window: '1m',
    gateway: 'g',
    place: placeOf('1m', 'g', 's', 'm', baseUs),
  });
});

test('a resend counts nothing, and a batch that overlaps counts only what is new', () => {
  const lab = new Lab();
  for (const [from, to] of [
    [0, 2],
    [0, 2],
    [1, 3],
  ] as const)
    lab.feed({
      batch: batchOf(
        from,
        Array.from({ length: to - from }, (_, i) => [from + i, i]),
      ),
      receivedAtUs,
    });
  assert.equal(lab.commit(clock)[0]!.count, 3);
  const { counted, duplicate } = lab.task.counters;
  assert.deepEqual({ counted, duplicate }, { counted: 3, duplicate: 3 });
});

test('a gateway closes its own windows; a reading after that makes a new final revision', () => {
  const lab = new Lab();
  assert.equal(send(lab, batchOf(0, [[1, 1]], { completeThroughUs: baseUs + minuteUs - 1 })).get(0)!.final, false);
  const closed = send(lab, batchOf(1, [[minuteUs + 1, 7]], { completeThroughUs: baseUs + minuteUs }));
  assert.deepEqual([closed.get(0)!.final, closed.get(0)!.revision, closed.get(minuteUs)!.final], [true, 2, false]);
  const revised = send(lab, batchOf(2, [[5, 3]])).get(0)!;
  assert.deepEqual([revised.count, revised.final, revised.revision], [2, true, 3]);
});

test('a reading for a settled pane goes to the late topic with its own number, also when a restart lies between', () => {
  const lab = new Lab();
  send(lab, batchOf(0, [[1, 1]], { completeThroughUs: baseUs + minuteUs }));
  send(lab, batchOf(1, [[10 * minuteUs, 1]], { completeThroughUs: baseUs + 10 * minuteUs }));
  lab.kill();
  const rows = send(
    lab,
    batchOf(2, [
      [2, 5],
      [11 * minuteUs, 1],
      [3, 6],
      [4, 7],
    ]),
  );
  assert.deepEqual([...rows.keys()], [11 * minuteUs]);
  const of = (seq: number, us: number, value: number) =>
    ({ reason: 'late', gateway: 'g', boot: 1, seq, timeUs: baseUs + us, value }) as const;
  assert.deepEqual(lab.late, [of(2, 2, 5), of(4, 3, 6), of(5, 4, 7)]);
  assert.equal(lab.task.counters.late, 3);
});

test('unsynchronised, far-future and bad readings enter no window, and a far-future or unsynchronised claim closes none', () => {
  const lab = new Lab();
  const feed = (batch: Batch) => lab.feed({ batch, receivedAtUs });
  feed(batchOf(0, [[1, 1]], { clock: 0, completeThroughUs: baseUs + 30 * minuteUs }));
  feed(batchOf(1, [[120 * minuteUs, 1]], { completeThroughUs: baseUs + 120 * minuteUs }));
  feed(batchOf(2, [[1, 1]], { quality: [2] }));
  feed(batchOf(3, [[1, 42]]));
  assert.deepEqual(
    lab.commit(clock).map(({ count, mean, final }) => ({ count, mean, final })),
    [{ count: 1, mean: 42, final: false }],
  );
  assert.deepEqual(lab.task.counters, {
    counted: 1,
    duplicate: 0,
    late: 0,
    unsynced: 1,
    future: 1,
    bad: 1,
    refused: 0,
  });
});

test('a silent gateway’s windows become final after max_hold, and stay so in their revisions', () => {
  const lab = new Lab({ maxHoldUs: 2 * minuteUs });
  lab.feed({ batch: batchOf(0, [[1, 1]]), receivedAtUs: baseUs + 1 });
  const finals = (us: number) => lab.commit({ ...clockAt(us), monotonicMs: 0 }).map(({ final }) => final);
  assert.deepEqual(finals(minuteUs), [false]);
  assert.deepEqual(finals(3 * minuteUs - 1), []);
  assert.deepEqual(finals(3 * minuteUs), [true]);
  lab.kill();
  assert.deepEqual(finals(3 * minuteUs), []);
  lab.feed({ batch: batchOf(1, [[2, 1]]), receivedAtUs: baseUs + 2 });
  // Somebody else's clock may be behind.
  assert.deepEqual(finals(minuteUs), [true]);
});

test('a backlog is of windows that ended long ago: it is waited for since its newest reading, also after a restart', () => {
  const lab = new Lab({ maxHoldUs: 2 * minuteUs });
  const finals = (us: number) => lab.commit({ ...clockAt(us), monotonicMs: us / 1000 }).map(({ final }) => final);
  lab.feed({ batch: batchOf(0, [[1, 1]]), receivedAtUs: baseUs + hourUs });
  assert.deepEqual(finals(hourUs), [false]);
  lab.feed({ batch: batchOf(1, [[2, 1]]), receivedAtUs: baseUs + hourUs + minuteUs });
  assert.deepEqual(finals(hourUs + minuteUs), [false]);
  lab.kill();
  assert.deepEqual(finals(hourUs + 3 * minuteUs - 1), []);
  assert.deepEqual(finals(hourUs + 3 * minuteUs), [true]);
});

test('early results keep their distance, and the last one comes although nothing follows', () => {
  const lab = new Lab({ earlyIntervalMs: 1000 });
  const at = (ms: number) => ({ nowUs: receivedAtUs, monotonicMs: ms });
  const counts = (seq: number, ms: number) =>
    [...send(lab, batchOf(seq, [[seq, 1]]), at(ms)).values()].map(r => r.count);
  assert.deepEqual(counts(0, 10_000), [1]);
  assert.deepEqual(counts(1, 10_500), []);
  lab.kill();
  lab.commit(at(20_000));
  assert.deepEqual(lab.rows.at(-1)!.count, 2, 'what was held back is not forgotten by a restart');
  assert.deepEqual(counts(2, 20_999), []);
  assert.deepEqual(
    lab.commit(at(21_000)).map(({ count, revision }) => [count, revision]),
    [[3, 3]],
  );
  assert.deepEqual(lab.commit(at(30_000)), []);
});

test('hopping windows: a reading shows early in the one that ends first after it, and final in all', () => {
  const lab = new Lab({ windows: parseWindows(['1m', '3m/1m']) });
  lab.feed({ batch: batchOf(0, [[5 * minuteUs, 1]], { completeThroughUs: baseUs + 5 * minuteUs }), receivedAtUs });
  const shown = () =>
    lab.commit(clock).map(({ window, startUs, final }) => [window, (startUs - baseUs) / minuteUs, final]);
  assert.deepEqual(shown(), [
    ['1m', 5, false],
    ['3m/1m', 3, false],
  ]);
  lab.feed({ batch: batchOf(1, [], { completeThroughUs: baseUs + 9 * minuteUs }), receivedAtUs });
  assert.deepEqual(shown(), [
    ['1m', 5, true],
    ['3m/1m', 3, true],
    ['3m/1m', 4, true],
    ['3m/1m', 5, true],
  ]);
  lab.feed({ batch: batchOf(1, [[5 * minuteUs + 1, 3]]), receivedAtUs });
  assert.equal(shown().length, 4, 'a late reading revises them all');
});

test('a counter has a rate, exact whatever the order its readings came in', () => {
  const counter = { ...series, metric: 'passed_total' };
  const windows = parseWindows(['1m', '5m/1m']);
  // 0 … 4 minutes, a step of 10 s; reset at the 15th.
  const readings = Array.from({ length: 30 }, (_, i) => [i * 10_000_000, i < 15 ? 100 + i * 7 : (i - 15) * 3] as const);
  const shuffled = readings.toSorted((a, b) => Math.sin(a[0]) - Math.sin(b[0]));
  const lab = new Lab({ windows });
  for (const [seq, reading] of shuffled.entries()) {
    lab.feed({ batch: batchOf(seq, [reading], { series: [counter] }), receivedAtUs });
    if (seq % 4 === 0) {
      lab.commit(clock);
      lab.kill();
    }
  }
  lab.feed({ batch: batchOf(30, [], { completeThroughUs: baseUs + 20 * minuteUs }), receivedAtUs });
  lab.commit(clock);
  const rate = lab.table().get(placeOf('5m/1m', 'g', 's', 'passed_total', baseUs))!.rate!;
  assert.ok(Math.abs(rate - (14 * 7 + 14 * 3) / 290) < 1e-12, `${rate}`);
});

test('a gateway that declares nothing, or makes up series and panes, does not fill the state, and what is refused is kept', () => {
  const limits = { seriesPerGateway: 100, panesPerGateway: 300, panes: 400 };
  const lab = new Lab({ limits });
  const at = receivedAtUs + 5000 * minuteUs;
  const feed = (batch: Batch) => lab.feed({ batch, receivedAtUs: at });
  for (let i = 0; i < 2000; i++) {
    feed(batchOf(i, [[i * minuteUs, 1]]));
    if (i % 10 === 0) lab.commit(clock);
  }
  lab.commit(clock);
  assert.ok(lab.state.size < 20, `${lab.state.size} entries`);
  const made = Array.from({ length: 1000 }, (_, i) => ({ ...series, sensor: `s${i}` }));
  const all = made.flatMap((_, i) => [0, 1, 2, 3, 4].map(minute => [i, 2000 + minute] as const));
  feed(
    batchOf(
      2000,
      all.map(([, minute]) => [minute * minuteUs, 1]),
      { series: made, seriesIndex: all.map(([i]) => i) },
    ),
  );
  lab.commit(clock);
  const { refused, counted } = lab.task.counters;
  assert.equal(counted + refused, 7000);
  assert.ok(refused > 4600);
  assert.equal(lab.late.filter(({ reason }) => reason === 'refused').length, refused);
  assert.ok(lab.task.sizes.panes <= 300 && lab.task.sizes.series <= 100);
  feed(batchOf(0, [[2100 * minuteUs, 1]], { gateway: 'other' as Batch['gateway'] }));
  assert.equal(lab.task.counters.counted, counted + 1, 'another gateway has room');
});

test('a gateway that has been silent for days keeps its account and nothing else', () => {
  const lab = new Lab({ windows: parseWindows(['1m', '1h/5m']) });
  send(lab, batchOf(0, [[1, 1]]));
  lab.commit(clockAt(50 * hourUs));
  assert.deepEqual([...lab.state.keys()], ['g/g']);
  assert.ok(
    lab
      .table()
      .values()
      .every(({ final }) => final),
  );
  lab.kill();
  const rows = send(
    lab,
    batchOf(0, [
      [1, 1],
      [2, 2],
    ]),
    clockAt(50 * hourUs),
  );
  assert.deepEqual([rows.size, lab.task.counters.duplicate, lab.task.counters.late], [0, 1, 1]);
});

for (const windows of [['10s', '5m/1m'], ['5m/1m', '10m/5m'], ['1h/5m', '15m'], ['1m']])
  test(`windows 1m, 5m/1m become ${windows.join(', ')}: nothing that was published is replaced by a part of it`, () => {
    const lab = new Lab({ windows: parseWindows(['1m', '5m/1m']) });
    send(
      lab,
      batchOf(0, [
        [1, 1],
        [6 * minuteUs, 1],
      ]),
    );
    const before = lab.table();
    lab.kill({ windows: parseWindows(windows) });
    const readings = [6 * minuteUs + 1, 7 * minuteUs, 30 * minuteUs].map(us => [us, 2] as const);
    send(lab, batchOf(2, readings, { completeThroughUs: baseUs + hourUs }));
    const table = lab.table();
    for (const [place, { count }] of before) assert.ok(table.get(place)!.count >= count, place);
    assert.ok(table.size > before.size);
    const { late, counted } = lab.task.counters;
    assert.equal(late + counted, 3);
    lab.feed({ batch: batchOf(5, [], { completeThroughUs: baseUs + 3 * hourUs }), receivedAtUs: baseUs + 3 * hourUs });
    lab.commit(clockAt(3 * hourUs));
    assert.deepEqual([...lab.state.keys()], ['g/g'], 'nothing of the old panes is left');
  });

test('a state of version 2 is taken over: windows go on, and its readings are not counted again', () => {
  const window = [baseUs, 2, 3, 2, 2, 4, baseUs + 1, 2, baseUs + 2, 4, 7, 1];
  const stored = {
    version: 2,
    gateway: 'g',
    site: 'town',
    completeThroughUs: baseUs + minuteUs,
    newestUs: baseUs + 2,
    offset: 7,
    forgottenUs: baseUs - 4 * minuteUs,
    boots: [[1, [[0, 1]]]],
    newest: { boot: 1, atUs: baseUs + 3, holeSinceUs: null },
    series: [{ series, windows: [window] }],
  };
  const lab = new Lab();
  lab.state.set('g', Buffer.from(JSON.stringify(stored)));
  lab.kill();
  const row = send(
    lab,
    batchOf(1, [
      [2, 4],
      [3, 9],
    ]),
  ).get(0)!;
  const { count, mean, min, max, first, last, p50, revision, final } = row;
  assert.deepEqual(
    { count, mean, min, max, first, last, p50, revision, final },
    { count: 3, mean: 5, min: 2, max: 9, first: 2, last: 9, p50: null, revision: 8, final: true },
  );
  assert.deepEqual([...lab.state.keys()].sort(), ['g/g', `p/g/60/${baseUs / 1e6}/0`, 's/g/0']);
  assert.equal(lab.task.counters.duplicate, 1);
});

test('records and state entries stay below what a topic takes, whatever names and values a gateway has', () => {
  const lab = new Lab();
  const names = Array.from({ length: 200 }, (_, i) => ({
    sensor: `${'é'.repeat(120)}${i}`,
    metric: `${'m'.repeat(240)}_total`,
    unit: '1',
    intervalMs: 0,
    zone: 'z'.repeat(255),
  }));
  // Values over 600 orders of magnitude, of both signs: no two in the same bin of a sketch.
  for (let i = 0; i < 600; i++) {
    const value = (i % 2 === 0 ? 1 : -1) * 10 ** (i - 300);
    const seriesIndex = names.slice(0, 64).map((_, at) => at);
    const readings = seriesIndex.map(() => [i * 1000, value * 1.0000001] as const);
    lab.feed({ batch: batchOf(i * 64, readings, { series: names.slice(0, 64), seriesIndex }), receivedAtUs });
  }
  const rest = names.map((_, at) => at);
  const late = rest.map(at => [2 * minuteUs + at, 1] as const);
  lab.feed({ batch: batchOf(38_400, late, { series: names, seriesIndex: rest }), receivedAtUs });
  const { results, rows } = lab.task.flush(clock);
  assert.equal(rows, 64 + 200);
  for (const { value } of results) assert.ok(value!.length < 700_000, `a record of ${value!.length} bytes`);
  lab.kill();
  const { state } = lab.task.flush(clock);
  for (const [key, value] of state) assert.ok(value!.length < 700_000, `${key} has ${value!.length} bytes`);
});

test('a state that is not readable stops the task: going on without it would count readings twice', () => {
  const lab = new Lab();
  send(lab, batchOf(0, [[1, 1]], { completeThroughUs: baseUs + minuteUs }));
  const sound = new Map(lab.state);
  const broken = (change: (state: Map<string, Uint8Array>) => void): void => {
    lab.state.clear();
    for (const [key, value] of sound) lab.state.set(key, value);
    change(lab.state);
    lab.kill();
    send(lab, batchOf(1, [[2, 1]]));
  };
  broken(() => {});
  for (const key of sound.keys()) {
    const value = sound.get(key)!;
    assert.throws(() => broken(state => state.set(key, value.subarray(0, -1))), InvariantError, `${key} cut`);
    assert.throws(
      () => broken(state => state.set(key, Uint8Array.of(99, ...value))),
      InvariantError,
      `${key} of another version`,
    );
  }
  for (const key of ['g/g', 's/g/0'])
    assert.throws(() => broken(state => state.delete(key)), InvariantError, `no ${key}`);
  assert.throws(() => broken(state => state.set('x/g', Uint8Array.of(1))), InvariantError);
  assert.throws(() => broken(state => state.set('p/g/60/soon/0', Uint8Array.of(1))), InvariantError);
});
