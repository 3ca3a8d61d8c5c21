import assert from 'node:assert/strict';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Clock, decodeBatch } from '@millrace/wire/batch.ts';
import { folder, gateway, openAt, readings, silent, until } from '../../test/outbox.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Reading } from '../reading.ts';
import { GatewayClock } from './clock.ts';
import { Dating } from './dating.ts';
import { Held } from './held.ts';
import { type SystemClock, systemClock, timesyncdFile } from './system.ts';

const hourUs = 3_600_000_000;
const trueUs = Date.UTC(2026, 5, 1) * 1000;

/** A machine whose wall clock the test sets; the monotonic clock goes on by `pass`. */
function machine(bootId = 'boot-1') {
  const state = { monotonicUs: 5_000_000, offUs: 0, answer: undefined as boolean | undefined };
  const system: SystemClock = {
    monotonicUs: () => state.monotonicUs,
    wallUs: () => trueUs + state.monotonicUs + state.offUs,
    bootId,
    synchronised: () => Promise.resolve(state.answer),
  };
  return {
    system,
    state,
    trueUs: () => trueUs + state.monotonicUs,
    pass: (ms: number) => void (state.monotonicUs += ms * 1000),
  };
}

const open = (system: SystemClock) => GatewayClock.open({ system, log: silent, pollMs: 5 });

for (const [name, offUs] of [
  ['behind, as a machine without a battery is', -20 * 365 * 24 * hourUs],
  ['ahead', 3 * hourUs],
] as const)
  test(`a clock that starts ${name}: provisional times get the right correction`, async () => {
    const { system, state, trueUs: now, pass } = machine();
    Object.assign(state, { offUs, answer: false });
    using clock = await open(system);
    assert.equal(clock.state, Clock.UNSYNCED);
    const taken = [0, 1, 2].map(() => {
      pass(1000);
      return { provisionalUs: clock.nowUs(), trueUs: now() };
    });
    const { timeline } = clock;
    assert.equal(clock.correctionUs(timeline), undefined);
    let synced = 0;
    clock.onSynced(() => void (synced += 1));
    Object.assign(state, { offUs: 0, answer: true });
    await until('synchronised', () => synced === 1);
    assert.equal(clock.state, Clock.SYNCED);
    const shiftUs = clock.correctionUs(timeline)!;
    for (const { provisionalUs, trueUs: at } of taken) assert.equal(provisionalUs + shiftUs, at);
    assert.equal(clock.nowUs(), now());
    // A source that asked before and emits after it.
    assert.equal(clock.amended(taken[2]!.provisionalUs), taken[2]!.trueUs);
    assert.equal(clock.amended(clock.nowUs()), now());
    assert.equal(clock.correctionUs({ bootId: 'another', aheadUs: 0 }), undefined);
  });

test('a wall clock that is set, back or forth, moves no time; synchronised again, it counts again', async () => {
  for (const stepUs of [-hourUs, 24 * hourUs]) {
    const { system, state, trueUs: now, pass } = machine();
    state.answer = true;
    using clock = await open(system);
    assert.equal(clock.nowUs(), now());
    state.answer = false;
    state.offUs = stepUs;
    pass(500);
    assert.equal(clock.nowUs(), now());
    assert.equal(clock.state, Clock.CORRECTED);
    assert.equal(clock.offsetMs, stepUs / 1000);
    // Undone.
    state.offUs = 0;
    assert.equal(clock.state, Clock.SYNCED);
    // Set, and confirmed by the system: the time that was gone by was the wrong one.
    state.offUs = stepUs;
    assert.equal(clock.state, Clock.CORRECTED);
    state.answer = true;
    await until('synchronised', () => clock.state === Clock.SYNCED);
    assert.equal(clock.nowUs(), now() + stepUs);
  }
});

test('a wall clock that is slewed is followed', async () => {
  const { system, state, trueUs: now, pass } = machine();
  state.answer = true;
  using clock = await open(system);
  for (let i = 0; i < 100; i++) {
    pass(1000);
    state.offUs += 500;
    assert.equal(clock.nowUs(), now() + state.offUs);
  }
  assert.equal(clock.state, Clock.SYNCED);
});

test('where nobody can tell, a plausible clock is taken as it is, and one of the past is not', async () => {
  const { system, state, trueUs: now } = machine();
  using clock = await open(system);
  assert.equal(clock.state, Clock.SYNCED);
  state.offUs = hourUs;
  assert.equal(clock.nowUs(), now() + hourUs);
  const old = machine();
  old.state.offUs = -trueUs;
  using other = await open(old.system);
  assert.equal(other.state, Clock.UNSYNCED);
});

test('the file of systemd-timesyncd tells, and after a step only once it was touched again', async () => {
  const file = join(folder(), 'synchronized');
  const system = systemClock(file);
  assert.equal(await system.synchronised(false), false);
  writeFileSync(file, '');
  assert.equal(await system.synchronised(false), true);
  assert.equal(await system.synchronised(true), false);
  utimesSync(file, 1_800_000_000, 1_800_000_000);
  assert.equal(await system.synchronised(true), true);
  assert.equal(system.bootId, systemClock(file).bootId);
});

test('a system that does not answer in time says nothing of the clock, and it is not taken as right', {
  skip: existsSync(timesyncdFile) ? 'this machine has a time service' : false,
}, async () => {
  const programs = folder();
  writeFileSync(join(programs, 'timedatectl'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  const path = process.env['PATH'];
  process.env['PATH'] = `${programs}:${path}`;
  try {
    assert.equal(await systemClock().synchronised(false), false);
  } finally {
    process.env['PATH'] = path;
  }
});

interface Lab extends AsyncDisposable {
  readonly dating: Dating;
  readonly clock: GatewayClock;
  readonly outbox: Outbox;
  readonly path: string;
}

async function lab(path: string, system: SystemClock, maxHeldBytes = 1 << 20): Promise<Lab> {
  const clock = await open(system);
  const outbox = openAt(join(path, 'o.db'), { groupCommitMs: 1, sources: ['s'] });
  const heldPath = join(path, 'o.db.held');
  const origin = { gateway, site: 'test', zone: 'z', clock: Clock.UNSYNCED };
  const openHeld = () => new Held({ path: heldPath, origin, groupCommitMs: 1, log: silent });
  const dating = new Dating({
    clock,
    outbox,
    openHeld,
    isHeldThere: Held.isThere(heldPath),
    maxHeldBytes,
    log: silent,
  });
  return {
    dating,
    clock,
    outbox,
    path,
    async [Symbol.asyncDispose]() {
      await dating[Symbol.asyncDispose]();
      clock[Symbol.dispose]();
      await outbox[Symbol.asyncDispose]();
    },
  };
}

const at = (timeUs: number, value: number): Reading => ({ ...readings(1, value)[0]!, timeUs, quality: 1 });

function sent(outbox: Outbox) {
  return outbox.page(-1, 10_000).flatMap(({ bytes }) => {
    const { value, timeUs, clock, quality, series, seriesIndex, firstSeq } = decodeBatch(bytes);
    return value.map((one, i) => ({
      seq: firstSeq + i,
      value: one,
      timeUs: timeUs[i]!,
      clock,
      quality: quality[i],
      zone: series[seriesIndex[i]!]!.zone,
    }));
  });
}

test('readings before the first synchronisation are sealed after it, with the time at which they were taken', async () => {
  const { system, state, trueUs: now, pass } = machine();
  Object.assign(state, { offUs: -400 * 24 * hourUs, answer: false });
  const path = folder();
  const expected: number[] = [];
  await using first = await lab(path, system);
  for (let i = 0; i < 5; i++) {
    pass(1000);
    expected.push(now());
    const { nowUs } = { nowUs: first.clock.nowUs() };
    await first.dating.append('s', [at(nowUs, i)], { cursor: String(i), completeThroughUs: nowUs });
  }
  assert.equal(first.outbox.level.lastSeq, -1);
  assert.equal(first.dating.heldReadings, 5);
  assert.equal(first.dating.cursor('s'), '4');
  // What a source has dated itself does not wait.
  await first.dating.append('s', [{ ...at(trueUs - hourUs, 99), dated: 'source' }]);
  assert.deepEqual(
    sent(first.outbox).map(({ value, clock }) => [value, clock]),
    [[99, Clock.SYNCED]],
  );
  Object.assign(state, { offUs: 0, answer: true });
  await until('moved', () => first.dating.heldReadings === 0 && first.outbox.level.lastSeq === 5);
  await until('passing', () => first.outbox.cursor('s') === '4');
  pass(1000);
  await first.dating.append('s', [at(first.clock.nowUs(), 5)], { completeThroughUs: first.clock.nowUs() });
  const [own, ...rest] = sent(first.outbox);
  assert.equal(own!.value, 99);
  assert.deepEqual(
    rest.map(({ value, timeUs, clock }) => [value, timeUs, clock]),
    [...expected.map((timeUs, i) => [i, timeUs, Clock.CORRECTED]), [5, now(), Clock.SYNCED]],
  );
  assert.ok(rest.every(({ quality }) => quality === 1));
  assert.equal(first.outbox.level.completeThroughUs, now());
});

test('an agent that starts again before the synchronisation dates what the one before has held; after a restart of the machine nobody can', async () => {
  const path = folder();
  const { system, state, trueUs: now, pass } = machine();
  Object.assign(state, { offUs: -hourUs, answer: false });
  let takenUs = 0;
  {
    await using first = await lab(path, system);
    takenUs = now();
    await first.dating.append('s', [at(first.clock.nowUs(), 1)]);
  }
  {
    // The same start of the machine, and somebody set its clock meanwhile, wrongly.
    state.offUs = -2 * hourUs;
    pass(60_000);
    await using second = await lab(path, system);
    await second.dating.append('s', [at(second.clock.nowUs(), 2)]);
    Object.assign(state, { offUs: 0, answer: true });
    await until('moved', () => second.outbox.level.lastSeq === 1);
    assert.deepEqual(
      sent(second.outbox).map(({ value, timeUs, clock }) => [value, timeUs, clock]),
      [
        [1, takenUs, Clock.CORRECTED],
        [2, takenUs + 60_000_000, Clock.CORRECTED],
      ],
    );
  }
  const other = machine('boot-2');
  Object.assign(other.state, { offUs: -hourUs, answer: false });
  {
    await using third = await lab(path, other.system);
    await third.dating.append('s', [at(third.clock.nowUs(), 3)]);
  }
  const next = machine('boot-3');
  next.state.answer = false;
  await using fourth = await lab(path, next.system);
  // At once: nothing that comes later can date it.
  await until('moved', () => fourth.outbox.level.lastSeq === 2);
  const { value, clock } = sent(fourth.outbox).at(-1)!;
  assert.deepEqual([value, clock], [3, Clock.UNSYNCED]);
});

test('more than may be held goes out unsynchronised, the oldest first, and every reading once', async () => {
  const { system, state } = machine();
  Object.assign(state, { offUs: -hourUs, answer: false });
  await using one = await lab(folder(), system, 2000);
  for (let i = 0; i < 100; i++) await one.dating.append('s', [at(one.clock.nowUs(), i)]);
  await until('some moved', () => one.outbox.level.lastSeq > 10);
  Object.assign(state, { offUs: 0, answer: true });
  await until('all moved', () => one.outbox.level.lastSeq === 99);
  const values = sent(one.outbox);
  assert.deepEqual(
    values.map(({ value }) => value),
    [...Array(100).keys()],
  );
  assert.deepEqual(
    values.map(({ seq }) => seq),
    [...Array(100).keys()],
  );
  assert.equal(values[0]!.clock, Clock.UNSYNCED);
  assert.equal(values.at(-1)!.clock, Clock.CORRECTED);
});

test('a crash between the outbox and the held file moves nothing twice', async () => {
  const path = folder();
  const { system, state } = machine();
  Object.assign(state, { offUs: -hourUs, answer: false });
  {
    await using one = await lab(path, system);
    for (let i = 0; i < 10; i++) await one.dating.append('s', [at(one.clock.nowUs(), i)]);
  }
  assert.ok(existsSync(join(path, 'o.db.held')));
  {
    // What the crash leaves: the rows are in the outbox with their mark, and still in their file.
    using held = new Held({
      path: join(path, 'o.db.held'),
      origin: { gateway, site: '', zone: '', clock: Clock.UNSYNCED },
      groupCommitMs: 0,
      log: silent,
    });
    await using outbox = openAt(join(path, 'o.db'), { groupCommitMs: 1 });
    const rows = held.oldest(-1, 5);
    await outbox.append(
      '@held',
      rows.flatMap(row => row.readings),
      { cursor: `${held.uuid}:${rows.at(-1)!.id}` },
    );
  }
  Object.assign(state, { offUs: 0, answer: true });
  await using two = await lab(path, system);
  await until('moved', () => two.dating.heldReadings === 0);
  await two.dating.append('s', [at(two.clock.nowUs(), 10)]);
  assert.deepEqual(
    sent(two.outbox).map(({ value }) => value),
    [...Array(11).keys()],
  );
});
