import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import {
  createTables,
  eventually,
  failingDashboard,
  insert,
  liveEvents,
  type QuestdbAddresses,
  type RunningDashboard,
  readingLine,
  seriesLine,
  startDashboard,
} from '../test/running.ts';
import type { Gateway, Range, Series, Site, Zone } from './answers.ts';

const gateway = `dash-${randomBytes(4).toString('hex')}`;
const stopped = `${gateway}-stopped`;
let questdb: QuestdbAddresses;
let dashboard: RunningDashboard;
/** Of the rows written; taken when the servers stand, which may take a while. */
let now: number;
/** The last full hour that completeness is of. */
let hour: { from: number; to: number };

before(async () => {
  ({ questdb } = await sharedStack());
  await createTables(questdb);
  now = Date.now();
  const to = Math.floor((now - 120_000) / 60_000) * 60_000;
  hour = { from: to - 3_600_000, to };
  await insert(
    questdb,
    ...Array.from({ length: 30 }, (_, i) => readingLine({ gateway, value: i, at: now - (30 - i) * 1000, seq: i })),
    readingLine({ gateway: stopped, value: 7, at: now - 3_600_000, seq: 0 }),
    readingLine({ gateway: stopped, value: 8, at: now + 86_400_000, seq: 1 }),
    seriesLine(gateway, 5_000),
    // Two hours at a reading each five seconds, without the quarter of an hour before the last full one.
    ...Array.from({ length: 1440 }, (_, i) => ({ i, at: hour.to - (1440 - i) * 5_000 }))
      .filter(({ at }) => at < hour.to - 30 * 60_000 || at >= hour.to - 15 * 60_000)
      .map(({ i, at }) => readingLine({ gateway, value: i % 10, at, seq: 10_000 + i })),
    `zones,window=1m,site=hall,zone=roof,metric=temperature,unit=Cel sensors=2i,sensors_expected=3i,count=20i,expected=36i,completeness=0.5556,mean_of_means=21.5,min=1,max=40,final=t ${(hour.to - 60_000) * 1000}`,
    `gateways,gateway=${gateway},site=hall,state=online,version=0.1.0,clock=SYNCED outbox_readings=12i,outbox_bytes=99i,clock_offset_ms=-4i,lat=-36.8,lon=174.7,dropped=3i,missing=7i,ledger_at=${(now - 2000) * 1000}t ${now * 1000}`,
    `gateways,gateway=${stopped},site=hall,state=online outbox_readings=0i ${(now - 3_500_000) * 1000}`,
  );
  dashboard = await startDashboard(questdb);
  await eventually('the rows are visible', async () => {
    const gateways = (await own('gateways', gateway)) as Gateway[];
    return gateways[0]?.outboxReadings === 12 && (await own('series', stopped)).length === 1;
  });
});

after(() => dashboard?.[Symbol.asyncDispose]());

const get = (path: string): Promise<Response> => fetch(dashboard.url + path);

async function own(what: 'gateways' | 'series', id: string): Promise<(Gateway | (Series & { ageMs: number }))[]> {
  const answer = (await (await get(`/api/${what}`)).json()) as Record<
    string,
    (Gateway | (Series & { ageMs: number }))[]
  >;
  return answer[what]!.filter(one => one.gateway === id);
}

test('a gateway has its state, last sign of life, outbox, and what is dropped and missing; one that fell silent is not called online', async () => {
  const [live] = (await own('gateways', gateway)) as Gateway[];
  assert.deepEqual(live && [live.site, live.state, live.outboxReadings, live.lastSeen], ['hall', 'online', 12, now]);
  assert.deepEqual(live && [live.dropped, live.missing, live.missingAt], [3, 7, now - 2000]);
  assert.deepEqual(live && [live.outboxBytes, live.clock, live.clockOffsetMs, live.lat], [99, 'synced', -4, -36.8]);
  const [silent] = (await own('gateways', stopped)) as Gateway[];
  assert.deepEqual(silent && [silent.dropped, silent.missing, silent.missingAt], [null, null, null]);
  assert.equal(silent?.state, 'silent');
  assert.equal(silent?.lastSeen, now - 3_500_000);
});

test('a series has its newest value, its age in any time zone, where it stands, and how complete its last hour is', async () => {
  const [series] = (await own('series', gateway)) as (Series & { ageMs: number })[];
  assert.ok(series);
  assert.deepEqual([series.value, series.unit, series.zone, series.at], [29, 'Cel', 'roof', now - 1000]);
  assert.ok(Math.abs(series.ageMs - (Date.now() - series.at)) < 5_000, `age ${series.ageMs}`);
  assert.deepEqual([series.expectedMs, series.staleAfterMs, series.lat, series.lon], [5_000, 15_000, -36.85, 174.76]);
  await eventually('the hour', async () => {
    const [one] = (await own('series', gateway)) as Series[];
    const { from, to, count, expected, ratio } = one!.completeness!;
    return (
      to >= hour.to &&
      to - from === 3_600_000 &&
      expected === 720 &&
      Math.abs(count - 540) <= 30 &&
      ratio === count / 720
    );
  });
});

test('sites and zones count what is theirs, what is stale, and what is missing', async () => {
  const { sites } = (await (await get('/api/sites')).json()) as { sites: Site[] };
  const site = sites.find(one => one.site === 'hall');
  assert.ok(site && site.zones >= 1 && site.series >= 2 && site.staleSeries >= 1 && site.gateways.silent >= 1);
  assert.ok(site.completeness && site.completeness.ratio < 1 && site.completeness.ratio > 0);
  const { zones } = (await (await get('/api/zones?site=hall')).json()) as { zones: Zone[] };
  const roof = zones.find(one => one.zone === 'roof');
  assert.ok(roof && roof.series >= 2);
  const [metric] = roof.metrics.filter(one => one.metric === 'temperature' && one.unit === 'Cel');
  assert.deepEqual([metric?.sensors, metric?.sensorsExpected, metric?.mean, metric?.ratio], [2, 3, 21.5, 0.5556]);
  const nowhere = (await (await get('/api/zones?site=nowhere')).json()) as { zones: Zone[] };
  assert.deepEqual(nowhere.zones, []);
});

test('series are found by words, place and staleness, a page at a time', async () => {
  const find = async (query: Record<string, string>) =>
    (await (await get(`/api/series?${new URLSearchParams(query).toString()}`)).json()) as {
      total: number;
      series: Series[];
    };
  assert.equal((await find({ q: `TEMP ${gateway} roof` })).total, 2);
  assert.equal((await find({ q: `${gateway} cellar` })).total, 0);
  assert.deepEqual(
    (await find({ gateway: stopped, stale: 'true' })).series.map(one => one.gateway),
    [stopped],
  );
  assert.equal((await find({ gateway: stopped, stale: 'false' })).total, 0);
  const second = await find({ q: gateway, offset: '1', limit: '1' });
  assert.deepEqual([second.total, second.series.map(one => one.gateway)], [2, [stopped]]);
  const { latest } = (await (await get(`/api/latest?gateway=${stopped}`)).json()) as { latest: { stale: boolean }[] };
  assert.deepEqual(
    latest.map(one => one.stale),
    [true],
  );
});

test('a reading from a far future does not hide the newest one', async () => {
  const [series] = (await own('series', stopped)) as (Series & { ageMs: number })[];
  assert.equal(series?.value, 7);
  assert.equal(series?.staleAfterMs, 300_000);
});

test('hostile parameters are refused with a sentence, or are plain values', async () => {
  const good = { gateway, sensor: 'thermometer', metric: 'temperature', minutes: '15' };
  const cases: Record<string, Record<string, string>> = {
    gateway: { ...good, gateway: "x' OR '1'='1" },
    sensor: { ...good, sensor: 'x'.repeat(256) },
    metric: { ...good, metric: 'a\u0000b' },
    minutes: { ...good, minutes: '15; DROP TABLE readings' },
    span: { ...good, minutes: '999999999' },
    order: { gateway, sensor: 'a', metric: 'b', from: '2000', to: '1000' },
    resolution: { ...good, resolution: '1m; DROP TABLE readings' },
    fraction: { ...good, minutes: '1.5' },
    unknown: { ...good, limit: '1' },
    missing: { gateway },
  };
  for (const [name, query] of Object.entries(cases)) {
    for (const path of ['/api/range', '/api/gaps', '/api/live', '/api/export']) {
      const response = await get(`${path}?${new URLSearchParams(query).toString()}`);
      assert.equal(response.status, 400, `${path} ${name}`);
      assert.ok(((await response.json()) as { error: string }).error.length > 10);
    }
  }
  assert.equal((await get(`/api/range?${new URLSearchParams(good).toString()}&gateway=twice`)).status, 400);
  assert.equal((await get('/api/series?x=1')).status, 400);
  const quoted = await get(`/api/range?${new URLSearchParams({ ...good, sensor: "x' OR '1'='1' --" }).toString()}`);
  assert.deepEqual([quoted.status, ((await quoted.json()) as Range).t], [200, []]);
  assert.equal((await get('/page/../../package.json')).status, 404);
  assert.equal((await get('/page/%2e%2e%2fsrc%2fmain.ts')).status, 404);
});

test('a live connection brings everything at once, then a value inserted meanwhile, and its point', async () => {
  const end = new AbortController();
  const query = new URLSearchParams({ gateway, sensor: 'thermometer', metric: 'temperature' });
  const at = Date.now();
  let inserted = false;
  const seen = new Set<string>();
  const timer = setTimeout(() => end.abort(new Error(`seen in time only: ${[...seen].join()}`)), 20_000);
  for await (const { name, data } of liveEvents(`${dashboard.url}/api/live?${query.toString()}`, end.signal)) {
    if (name === 'snapshot') {
      assert.ok((data['series'] as Series[]).some(one => one.gateway === gateway));
      await insert(questdb, readingLine({ gateway, value: 1234.5, at, seq: 1_000 }));
      inserted = true;
    }
    const { series = [], value = [] } = data as { series?: Series[]; value?: (number | null)[] };
    if (inserted && name === 'change' && series.some(one => one.value === 1234.5 && one.at === at)) seen.add('value');
    if (inserted && name === 'points' && value.includes(1234.5)) seen.add('point');
    if (seen.size === 2) break;
  }
  clearTimeout(timer);
});

test('more live connections than allowed get 503, and a place that was left is free again', async () => {
  await using small = await startDashboard(questdb, { MAX_VIEWERS: '1' });
  const first = new AbortController();
  assert.equal((await fetch(`${small.url}/api/live`, { signal: first.signal })).status, 200);
  const refused = await fetch(`${small.url}/api/live`);
  assert.equal(refused.status, 503);
  assert.match(((await refused.json()) as { error: string }).error, /viewers/);
  first.abort();
  const second = new AbortController();
  await eventually('a free place', async () => {
    const { status } = await fetch(`${small.url}/api/live`, { signal: second.signal });
    return status === 200;
  });
  second.abort();
});

test('answers of the API are not kept, and an unknown address is told', async () => {
  assert.equal((await get('/api/series')).headers.get('cache-control'), 'no-store');
  const nowhere = await get('/api/nothing');
  assert.equal(nowhere.status, 404);
  assert.equal(nowhere.headers.get('content-security-policy') === null, false);
});

test('a port in use ends the start with code 78 and one sentence', async () => {
  const port = new URL(dashboard.url).port;
  const { code, log } = await failingDashboard({ PORT: port });
  assert.equal(code, 78);
  assert.match(log, new RegExp(`dashboard\\.port: port ${port} on 127\\.0\\.0\\.1 is in use; set another`));
});
