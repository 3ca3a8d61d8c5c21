/** Runs a schedule through the task, and holds what came out against the oracle and against a run without disturbance. */
import assert from 'node:assert/strict';
import { Lab, type PlacedRow } from './lab.ts';
import { type Answer, answer, type Expected } from './oracle.ts';
import { makeSchedule, type Schedule } from './schedule.ts';

/** @param batches of one gateway, at most. @throws {AssertionError} with the seed in its message. @returns how many readings and rows there were. */
export function checkSchedule(seed: number, batches = 80): { readings: number; rows: number; kills: number } {
  const schedule = makeSchedule(seed, batches);
  const { windows, keepUs, maxAheadUs } = schedule;
  const arrivals = schedule.steps.flatMap(step => (step.kind === 'arrival' ? [step.arrival] : []));
  const expected = answer(arrivals, { windows, keepUs, maxAheadUs, isCounter: metric => metric.includes('_total') });
  try {
    const lab = run(schedule, true);
    const calm = run(schedule, false);
    checkTable(lab.table(), expected);
    checkOrder(lab, schedule);
    checkAccounts(lab, calm, expected, schedule);
    assert.deepEqual(withoutRevision(lab.table()), withoutRevision(calm.table()), 'the same bits as undisturbed');
    assert.deepEqual(lab.late, expected.late);
    const entries = [...lab.state.keys()].filter(key => !key.startsWith('g/'));
    assert.deepEqual(entries, [], 'nothing is kept of what is over');
    const readings = arrivals.reduce((sum, { batch }) => sum + batch.value.length, 0);
    return { readings, rows: lab.rows.length, kills: schedule.steps.filter(({ kind }) => kind === 'kill').length };
  } catch (error) {
    if (error instanceof Error) error.message = `schedule ${seed}: ${error.message}`;
    throw error;
  }
}

/** @param disturbed false: nothing is committed before the end. */
function run({ steps, windows, keepUs, maxHoldUs, maxAheadUs, earlyIntervalMs }: Schedule, disturbed: boolean): Lab {
  const lab = new Lab({ windows, keepUs, maxHoldUs, maxAheadUs, earlyIntervalMs, counters: ['*_total*'] });
  for (const [i, step] of steps.entries()) {
    if (step.kind === 'arrival') lab.feed(step.arrival);
    else if (!disturbed && i < steps.length - 1) continue;
    else if (step.kind === 'commit') lab.commit(step);
    else lab.kill();
  }
  return lab;
}

function checkTable(table: ReadonlyMap<string, PlacedRow>, { table: expected }: Answer): void {
  assert.deepEqual([...table.keys()].sort(), [...expected.keys()].sort(), 'windows');
  for (const [place, row] of table) {
    const exact = expected.get(place)!;
    assert.equal(row.final, true, `${place} is final`);
    for (const name of ['count', 'expected', 'min', 'max', 'first', 'last'] as const)
      assert.equal(row[name], exact[name], `${name} of ${place}`);
    const size = Math.max(Math.abs(exact.min), Math.abs(exact.max));
    near(row, exact, 'mean', 1e-9, size);
    near(row, exact, 'stddev', 1e-9, size);
    near(row, exact, 'rate', 1e-9, exact.rateSize);
    for (const name of ['p50', 'p95', 'p99'] as const) near(row, exact, name, 0.01 + 1e-9, 0);
  }
}

/** @param size what rounding is relative to, where it is more than the number itself. */
function near(
  row: PlacedRow,
  exact: Expected,
  name: 'mean' | 'stddev' | 'rate' | 'p50' | 'p95' | 'p99',
  error: number,
  size: number,
) {
  const [a, b] = [row[name], exact[name]];
  if (a === null || b === null) assert.equal(a, b, `${name} of ${row.place}`);
  else assert.ok(Math.abs(a - b) <= error * Math.max(Math.abs(b), size), `${name} of ${row.place}: ${a} for ${b}`);
}

/** Revisions rise, what is final stays so, and what is late changes nothing any more. */
function checkOrder(lab: Lab, { windows }: Schedule): void {
  const paneUs = Math.min(...windows.map(({ stepUs }) => stepUs));
  const newest = new Map<string, PlacedRow>();
  for (const row of lab.rows) {
    const before = newest.get(row.place);
    newest.set(row.place, row);
    if (before === undefined) continue;
    assert.ok(row.revision > before.revision, `${row.place}: revision ${row.revision} after ${before.revision}`);
    assert.ok(row.final || !before.final, `${row.place} was final`);
    assert.ok(
      row.count > before.count || (row.final && !before.final),
      `${row.place}: revision ${row.revision} says nothing new`,
    );
  }
  const lateIn = new Map<string, number>();
  for (const { gateway, timeUs, commit } of lab.late.map((late, i) => ({ ...late, commit: lab.lateCommits[i]! }))) {
    const pane = `${gateway} ${timeUs - (timeUs % paneUs)}`;
    lateIn.set(pane, Math.min(commit, lateIn.get(pane) ?? commit));
  }
  for (const [i, { gateway, startUs, window, place }] of lab.rows.entries()) {
    if (windows.find(({ name }) => name === window)!.sizeUs !== paneUs) continue;
    const late = lateIn.get(`${gateway} ${startUs}`);
    assert.ok(late === undefined || lab.rowCommits[i]! <= late, `${place} changed after a reading of it was late`);
  }
}

/** Each reading that was fed is in exactly one place. */
function checkAccounts(lab: Lab, calm: Lab, { outcomes }: Answer, { windows, steps }: Schedule): void {
  const fed = steps.reduce((sum, step) => sum + (step.kind === 'arrival' ? step.arrival.batch.value.length : 0), 0);
  const { refused, ...counters } = calm.task.counters;
  assert.deepEqual(counters, outcomes);
  assert.equal(refused, 0);
  const paneUs = Math.min(...windows.map(({ stepUs }) => stepUs));
  const { name } = windows.find(({ sizeUs }) => sizeUs === paneUs)!;
  const inWindows = [...lab.table().values()].reduce(
    (sum, { window, count }) => sum + (window === name ? count : 0),
    0,
  );
  const { duplicate, unsynced, future, bad } = outcomes;
  assert.equal(inWindows + lab.late.length + duplicate + unsynced + future + bad, fed);
  const ledgers = (of: Lab) => new Map(of.ledgers.map(ledger => [ledger.gateway, ledger]));
  assert.deepEqual(ledgers(lab), ledgers(calm));
}

function withoutRevision(table: ReadonlyMap<string, PlacedRow>): Map<string, object> {
  return new Map([...table].map(([place, row]) => [place, { ...row, revision: 0 }]));
}
