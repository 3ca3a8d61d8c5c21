import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { childEnv, folder, openAt, silent, unwatched } from '../../../test/outbox.ts';
import type { Note } from '../../outbox/declarations.ts';
import type { Reading } from '../../reading.ts';
import type { Emit } from '../source.ts';
import { replaySchema } from './config.ts';
import { rows } from './rows.ts';
import { replay } from './source.ts';
import { choose, timeParser } from './time.ts';

const auckland = fileURLToPath(import.meta.resolve('../../../../demo/auckland-pedestrians/counts-2023.csv'));
const places = fileURLToPath(import.meta.resolve('../../../../demo/auckland-pedestrians/sensors.csv'));
const replayer = fileURLToPath(import.meta.resolve('./testdata/replayer.ts'));
const hourMs = 3_600_000;

const wide = {
  type: 'replay',
  file: auckland,
  timeColumn: 'local',
  timeFormat: 'local',
  timeZone: 'Pacific/Auckland',
  metric: 'pedestrians',
  unit: '{people}/h',
  intervalMs: hourMs,
  speed: 1e9,
};
const configOf = (overrides: object = {}) => replaySchema.parse({ ...wide, ...overrides });

function file(text: string): string {
  const path = join(folder(), 'data.csv');
  writeFileSync(path, text);
  return path;
}

const open = (overrides: object) =>
  replay.open(configOf(overrides), { key: 'edge.sources.0', resolvePath: path => path });

/** Runs a replay to its end, or until `enough` says so. */
async function play(
  overrides: object,
  { cursor, enough = () => false }: { cursor?: string; enough?: (n: number) => boolean } = {},
) {
  const source = await open(overrides);
  const readings: Reading[] = [];
  const notes: Note[] = [];
  const stop = new AbortController();
  // oxlint-disable-next-line require-await
  const emit: Emit = async (some, note = {}) => {
    readings.push(...some);
    notes.push(note);
    if (enough(readings.length)) stop.abort();
  };
  await source.run(emit, { signal: stop.signal, cursor, log: silent, ...unwatched }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return { readings, notes };
}

const utc = (text: string): number => Date.parse(text);

test('local times follow the time zone through both changes of the clocks', () => {
  const parse = timeParser({ timeFormat: 'local', timeZone: 'Pacific/Auckland' });
  assert.deepEqual(parse('2023-01-01T00:00'), [utc('2022-12-31T11:00Z')]); // NZDT, +13
  assert.deepEqual(parse('2023-07-01 12:30:15.5'), [utc('2023-07-01T00:30:15.5Z')]); // NZST, +12
  assert.deepEqual(parse('2023-04-02T01:59'), [utc('2023-04-01T12:59Z')]);
  assert.deepEqual(parse('2023-04-02T02:30'), [utc('2023-04-01T13:30Z'), utc('2023-04-01T14:30Z')]);
  assert.deepEqual(parse('2023-04-02T03:00'), [utc('2023-04-01T15:00Z')]);
  assert.deepEqual(parse('2023-09-24T01:59'), [utc('2023-09-23T13:59Z')]);
  assert.deepEqual(parse('2023-09-24T02:00'), []);
  assert.deepEqual(parse('2023-09-24T02:59'), []);
  assert.deepEqual(parse('2023-09-24T03:00'), [utc('2023-09-23T14:00Z')]);
  const newYork = timeParser({ timeFormat: 'local', timeZone: 'America/New_York' });
  assert.deepEqual(newYork('2023-11-05T01:00'), [utc('2023-11-05T05:00Z'), utc('2023-11-05T06:00Z')]);
  assert.deepEqual(newYork('2023-03-12T02:30'), []);
});

test('a double hour written twice gets both its instants, and one written once the first', () => {
  const parse = timeParser({ timeFormat: 'local', timeZone: 'Pacific/Auckland' });
  let before: number | undefined;
  const instants = ['02:00', '02:30', '02:00', '02:30', '03:00'].map(time => {
    before = choose(parse(`2023-04-02T${time}`), before);
    return before;
  });
  const first = utc('2023-04-01T13:00Z');
  assert.deepEqual(
    instants,
    [0, 0.5, 1, 1.5, 2].map(hours => first + hours * hourMs),
  );
});

test('other formats of time, and texts that are none', () => {
  assert.deepEqual(timeParser({ timeFormat: 'epoch-s' })('1700000000.5'), [1_700_000_000_500]);
  assert.deepEqual(timeParser({ timeFormat: 'epoch-ms' })('1700000000500'), [1_700_000_000_500]);
  assert.deepEqual(timeParser({ timeFormat: 'offset' })('2023-01-01T00:00+13:00'), [utc('2022-12-31T11:00Z')]);
  assert.throws(() => timeParser({ timeFormat: 'offset' })('2023-01-01T00:00'), /no ISO 8601 time with offset/);
  const local = timeParser({ timeFormat: 'local', timeZone: 'UTC' });
  for (const text of ['', 'yesterday', '2023-02-30T00:00', '2023-01-01T24:30', '2023-01-01T00:00Z'])
    assert.throws(() => local(text), /no ISO 8601 time without offset/, text);
});

test('the recorded year: every hour of the data that ever was, once, and each gap a gap', async () => {
  const { readings, notes } = await play({ sensorsFile: places });
  const cells = 8760 * 21 - 159; // Blanks, by SOURCE.md and `grep`.
  const atMissingHour = 21;
  assert.equal(readings.length, cells - atMissingHour);
  const bySensor = Map.groupBy(readings, ({ sensor }) => sensor);
  assert.equal(bySensor.size, 21);
  for (const series of bySensor.values())
    for (let i = 1; i < series.length; i++) assert.ok(series[i]!.timeUs > series[i - 1]!.timeUs);
  const steps = Map.groupBy(
    [...new Set(readings.map(({ timeUs }) => timeUs))].map((time, i, all) =>
      i === 0 ? 0 : (time - all[i - 1]!) / hourMs / 1000,
    ),
    step => step,
  );
  // Two hours pass after 02:00 on 2 April, which the data holds once, and over the hour that is blank at all counters;
  // nothing jumps on 24 September.
  const count = (step: number): number => steps.get(step)?.length ?? 0;
  assert.deepEqual([count(0), count(1), count(2), steps.size], [1, 8755, 2, 3]);
  assert.equal(readings[0]!.timeUs, utc('2022-12-31T11:00Z') * 1000);
  assert.deepEqual([readings[0]!.lat, readings[0]!.lon, readings[0]!.intervalMs], [-36.843015, 174.766494, hourMs]);
  const through = notes.map(({ completeThroughUs }) => completeThroughUs!);
  assert.deepEqual(
    through,
    through.toSorted((a, b) => a - b),
  );
  assert.equal(through.at(-1), readings.at(-1)!.timeUs + hourMs * 1000);
});

test('long format, blanks, bad cells and broken rows: the rest comes through', async () => {
  const path = file('at,id,v\n0,a,1\n0,b,\n10,a,x\n10,b,2\nsoon,a,3\n20,a\n30,"a""b",4\n40,a,5\n');
  const long = {
    file: path,
    timeColumn: 'at',
    timeFormat: 'epoch-s',
    timeZone: undefined,
    layout: 'long',
    sensorColumn: 'id',
    valueColumn: 'v',
  };
  const { readings } = await play(long);
  assert.deepEqual(
    readings.map(({ sensor, timeUs, value }) => [sensor, timeUs / 1e6, value]),
    [
      ['a', 0, 1],
      ['b', 10, 2],
      ['a"b', 30, 4],
      ['a', 40, 5],
    ],
  );
});

test('as now: timestamps follow the wall clock, compressed, pass after pass', async () => {
  const path = file('t,a\n0,1\n3600,2\n7200,3\n');
  const startedUs = Date.now() * 1000;
  const config = {
    file: path,
    timeColumn: 't',
    timeFormat: 'epoch-s',
    timeZone: undefined,
    as: 'now',
    repeat: true,
    speed: 360_000,
  };
  const { readings } = await play(config, { enough: count => count >= 8 });
  assert.deepEqual(
    readings.slice(0, 7).map(({ value }) => value),
    [1, 2, 3, 1, 2, 3, 1],
  );
  assert.ok(readings[0]!.timeUs >= startedUs && readings[0]!.timeUs < startedUs + 5e6);
  for (let i = 1; i < readings.length; i++) assert.equal(readings[i]!.timeUs - readings[i - 1]!.timeUs, 10_000);
  assert.equal(readings[0]!.intervalMs, 10);
  assert.ok(readings.every(({ timeUs }) => timeUs <= Date.now() * 1000));
});

test('rows are emitted when they are due, not before', async () => {
  const path = file('t,a\n0,1\n0.1,2\n0.2,3\n');
  const startedAt = performance.now();
  await play({ file: path, timeColumn: 't', timeFormat: 'epoch-s', timeZone: undefined, speed: 1 });
  assert.ok(performance.now() - startedAt >= 195);
});

test('a cursor goes on after its row; of another file, or at the end, it begins or ends', async () => {
  const path = file('t,a\n0,1\n1,\n2,3\n3,4\n');
  const config = { file: path, timeColumn: 't', timeFormat: 'epoch-s', timeZone: undefined };
  const from = async (cursor: object) =>
    (await play(config, { cursor: JSON.stringify(cursor) })).readings.map(({ value }) => value);
  assert.deepEqual(await from({ file: path, pass: 0, row: 2 }), [3, 4]);
  assert.deepEqual(await from({ file: 'other', pass: 0, row: 2 }), [1, 3, 4]);
  assert.deepEqual(await from({ file: path, pass: 0, row: 4 }), []);
});

test('kills in the middle of a replay leave no hole and no double', async () => {
  const path = join(folder(), 'o.db');
  const csv = file(readFileSync(auckland, 'utf8').split('\n').slice(0, 800).join('\n'));
  let ended = false;
  let kills = 0;
  while (!ended) {
    const child = spawn(process.execPath, [replayer, path, csv], {
      env: childEnv(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    await Promise.race([once(child.stdout, 'data'), closed]);
    if (kills < 5) {
      await wait(Math.random() * 20);
      if (child.kill('SIGKILL')) kills += 1;
    }
    const [code] = (await closed) as [number | null];
    ended = code === 0;
  }
  await using outbox = openAt(path, { sources: ['replay'] });
  const replayed = outbox.page(-1, 1_000_000).flatMap(({ bytes }) => {
    const { value, timeUs, series, seriesIndex } = decodeBatch(bytes);
    return value.map((v, i) => `${series[seriesIndex[i]!]!.sensor} ${timeUs[i]} ${v}`);
  });
  const expected: string[] = [];
  for await (const { atMs, values } of rows(csv, configOf(), silent))
    for (const { sensor, value } of values) expected.push(`${sensor} ${atMs * 1000} ${value}`);
  assert.ok(kills >= 2);
  assert.deepEqual(replayed, expected);
});

test('mistakes in the configuration are told', async () => {
  const mistakes = (overrides: object): string =>
    replaySchema
      .safeParse({ ...wide, ...overrides })
      .error!.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
      .join('; ');
  assert.equal(mistakes({ timeZone: undefined }), 'timeZone: must be set when timeFormat is local');
  assert.equal(
    mistakes({ timeZone: 'Pacific/Aukland' }),
    'timeZone: must be an IANA time zone such as Pacific/Auckland',
  );
  assert.match(mistakes({ unit: 'peeple' }), /^unit: "peeple" is not a UCUM unit/);
  assert.match(mistakes({ repeat: true }), /^repeat: is only allowed with as: now/);
  assert.match(mistakes({ layout: 'long' }), /sensorColumn: must be set.*valueColumn: must be set/);
  await assert.rejects(open({ file: 'absent.csv' }), ConfigError);
  await assert.rejects(
    open({ timeColumn: 'time' }),
    /edge\.sources\.0\.timeColumn: .* has no column time; it has local, akl-01/,
  );
  await assert.rejects(open({ sensorsFile: auckland }), /has no column lat/);
});
