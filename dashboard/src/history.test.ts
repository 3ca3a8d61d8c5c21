/** What one series was: ranges in each resolution, gaps, completeness, exports; against rows of a test's own in the real QuestDB. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import { parquetReadObjects } from 'hyparquet';
import {
  createTables,
  eventually,
  insert,
  type QuestdbAddresses,
  type RunningDashboard,
  readingLine,
  seriesLine,
  startDashboard,
} from '../test/running.ts';
import type { CompletenessCalendar, Gap, Range } from './answers.ts';

const gateway = `past-${randomBytes(4).toString('hex')}`;
const minute = 60_000;
const day = 1440 * minute;
/** Yesterday's noon: far enough from now that nothing is on its way, in whole minutes. */
const noon = Math.floor(Date.now() / day) * day - day / 2;
let questdb: QuestdbAddresses;
let dashboard: RunningDashboard;

/** Six hours at a reading each 30 s; of the fourth hour 20 minutes are missing, and the last ten readings are bad. */
const taken = Array.from({ length: 720 }, (_, i) => ({ i, at: noon + i * 30_000 })).filter(
  ({ at }) => at < noon + 190 * minute || at >= noon + 210 * minute,
);
const quality = (i: number): number => (i >= 710 ? 2 : 0);
const good = taken.filter(({ i }) => quality(i) === 0);

before(async () => {
  ({ questdb } = await sharedStack());
  await createTables(questdb);
  await insert(
    questdb,
    seriesLine(gateway, 30_000),
    seriesLine(gateway, 60_000, 'other'),
    ...taken.map(({ i, at }) => readingLine({ gateway, value: i, at, seq: i, quality: quality(i) })),
    // Another sensor of the gateway, which is silent for the first ten of those 20 minutes only.
    ...Array.from({ length: 360 }, (_, i) => noon + i * minute)
      .filter(at => at < noon + 190 * minute || at >= noon + 200 * minute)
      .map((at, i) => readingLine({ gateway, sensor: 'other', value: 1, at, seq: 1000 + i })),
    `stats,window=1m,gateway=${gateway},sensor=thermometer,metric=temperature count=2i,p50=5,p95=6,p99=7,final=t ${noon * 1000}`,
    `stats,window=1h/5m,gateway=${gateway},sensor=thermometer,metric=temperature count=2i,p50=50,p95=60,p99=70,final=t ${noon * 1000}`,
    `stats,window=1h/5m,gateway=${gateway},sensor=thermometer,metric=temperature count=2i,p50=50,p95=60,p99=70,final=t ${(noon + 5 * minute) * 1000}`,
  );
  dashboard = await startDashboard(questdb);
  await eventually('the views hold all', async () => {
    const { count } = await range({ resolution: '1d' });
    return sum(count) === good.length;
  });
});

after(() => dashboard?.[Symbol.asyncDispose]());

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const span = { from: String(noon), to: String(noon + 360 * minute) };
const series = { gateway, sensor: 'thermometer', metric: 'temperature' };

async function ask<T>(path: string, query: Record<string, string>): Promise<T> {
  const response = await fetch(
    `${dashboard.url}${path}?${new URLSearchParams({ ...series, ...span, ...query }).toString()}`,
  );
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as T;
}
const range = (query: Record<string, string> = {}): Promise<Range> => ask('/api/range', query);

test('each resolution has the same readings, each once, the bad ones in none but raw', async () => {
  for (const [resolution, stepMs] of [
    ['1m', minute],
    ['15m', 15 * minute],
    ['1h', 60 * minute],
    ['1d', day],
  ] as const) {
    const found = await range({ resolution });
    assert.deepEqual([found.resolution, found.stepMs, found.shown, found.unit], [resolution, stepMs, 'mean', 'Cel']);
    assert.equal(sum(found.count), good.length, resolution);
    const weighted = found.value.map((value, i) => value! * found.count[i]!);
    assert.ok(Math.abs(sum(weighted) - sum(good.map(({ i }) => i))) < 1e-6, resolution);
    assert.deepEqual([Math.min(...found.min.map(Number)), Math.max(...found.max.map(Number))], [0, 709]);
    assert.equal(found.last.at(-1), 709);
    assert.equal(found.gapMs, 3 * stepMs);
  }
  const raw = await range({ resolution: 'raw' });
  assert.deepEqual([raw.shown, raw.t.length, raw.quality.filter(q => q === 2).length], ['reading', taken.length, 10]);
  assert.deepEqual(
    raw.t,
    taken.map(({ at }) => at),
  );
  assert.equal(raw.gapMs, 90_000);
});

test('the resolution fits the span and the points asked for, and what is cut off is told', async () => {
  assert.equal((await range()).resolution, 'raw');
  assert.equal((await range({ points: '400' })).resolution, '1m');
  assert.equal((await range({ points: '30' })).resolution, '15m');
  assert.equal((await range({ from: String(noon - 300 * day) })).resolution, '1d');
  const cut = await range({ resolution: 'raw', points: '100' });
  assert.deepEqual([cut.truncated, cut.t.at(-1), cut.completeness], [true, taken.at(-1)!.at, null]);
});

test('completeness is of what the cadence asks for, from the first reading on', async () => {
  const { completeness } = await range({ from: String(noon - 60 * minute), resolution: 'raw' });
  assert.deepEqual(completeness, {
    from: noon,
    to: noon + 360 * minute,
    count: good.length,
    expected: 720,
    ratio: good.length / 720,
  });
});

test('quantiles are of minutes, or of the rolling hour, at the ends of their windows', async () => {
  const minutes = (await range({ resolution: '1m' })).quantiles;
  assert.deepEqual([minutes?.window, minutes?.t, minutes?.p50], ['1m', [noon + minute], [5]]);
  const quarters = (await range({ resolution: '15m' })).quantiles;
  assert.deepEqual([quarters?.window, quarters?.t, quarters?.p95], ['1h/5m', [noon + 60 * minute], [60]]);
  assert.equal((await range({ resolution: '1d' })).quantiles, null);
});

test('a gap has its ends, what is missing in it, and whether the whole gateway was silent', async () => {
  const { gaps, atLeastMs } = await ask<{ gaps: Gap[]; atLeastMs: number }>('/api/gaps', {});
  assert.equal(atLeastMs, 90_000);
  assert.deepEqual(gaps, [
    { from: noon + 190 * minute - 30_000, to: noon + 210 * minute, missing: 40, silent: 'sensor', open: false },
  ]);
  const other = await ask<{ gaps: Gap[] }>('/api/gaps', { sensor: 'other' });
  assert.deepEqual(
    other.gaps.map(({ from, to, silent }) => [from, to, silent]),
    [[noon + 189 * minute, noon + 200 * minute, 'gateway']],
  );
  const still = await ask<{ gaps: Gap[] }>('/api/gaps', { to: String(Date.now() + minute) });
  assert.deepEqual(
    still.gaps.map(({ open }) => open),
    [false, true],
  );
});

test('the calendar counts hours and days against what was to come', async () => {
  const hours = await ask<CompletenessCalendar>('/api/completeness', { step: '1h' });
  assert.deepEqual(hours.expected, [120, 120, 120, 120, 120, 120]);
  assert.deepEqual(hours.count, [120, 120, 120, 80, 120, 110]);
  assert.deepEqual(hours.ratio[3], 80 / 120);
  const { gateway: own } = series;
  const response = await fetch(
    `${dashboard.url}/api/completeness?${new URLSearchParams({ gateway: own, ...span, step: '1h' }).toString()}`,
  );
  const both = (await response.json()) as CompletenessCalendar;
  assert.deepEqual([both.series, both.withoutCadence, both.expected[0], both.count[3]], [2, 0, 180, 80 + 50]);
});

test('an export has every row once, in each format, with names and times as they are', async () => {
  const file = async (query: Record<string, string>): Promise<Response> => {
    const response = await fetch(
      `${dashboard.url}/api/export?${new URLSearchParams({ ...series, ...span, ...query }).toString()}`,
    );
    assert.equal(response.status, 200);
    return response;
  };
  const csv = await file({ format: 'csv' });
  assert.match(
    csv.headers.get('content-disposition')!,
    /^attachment; filename="past-\w+_thermometer_temperature_raw_.*\.csv"$/,
  );
  const [head, ...lines] = (await csv.text()).trimEnd().split('\r\n');
  assert.equal(head, 'ts,site,zone,gateway,sensor,metric,unit,value,quality,clock,received,boot,seq');
  assert.equal(lines.length, taken.length);
  assert.equal(
    lines[1],
    `${new Date(noon + 30_000).toISOString().slice(0, -1)}000Z,hall,roof,${gateway},thermometer,temperature,Cel,1,0,SYNCED,,1,1`,
  );
  const objects = (await (await file({ format: 'ndjson' })).text())
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { seq: number; received: null });
  assert.deepEqual(
    objects.map(({ seq }) => seq),
    taken.map(({ i }) => i),
  );

  const bytes = await (await file({ format: 'parquet' })).arrayBuffer();
  const rows = (await parquetReadObjects({ file: bytes })) as {
    seq: bigint;
    ts: Date;
    value: number;
    received: null;
  }[];
  assert.deepEqual(
    rows.map(({ seq }) => Number(seq)),
    taken.map(({ i }) => i),
  );
  assert.deepEqual([rows[1]!.ts.getTime(), rows[1]!.value, rows[1]!.received ?? null], [noon + 30_000, 1, null]);

  const hours = (await (await file({ format: 'csv', resolution: '1h' })).text()).trimEnd().split('\r\n');
  assert.equal(hours.length, 7);
  assert.match(hours[0]!, /unit,count,excluded,mean,min,max,last$/);
  assert.match(hours[6]!, /,Cel,110,10,/);
});

test('an export of more rows than one file may have is refused with their number', async () => {
  await using small = await startDashboard(questdb, { MAX_EXPORT_ROWS: '100' });
  const response = await fetch(
    `${small.url}/api/export?${new URLSearchParams({ ...series, ...span, format: 'csv' }).toString()}`,
  );
  assert.equal(response.status, 400);
  assert.match(((await response.json()) as { error: string }).error, /about 680 rows.*at most 100/);
});
