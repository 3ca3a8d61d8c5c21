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
  startDashboard,
} from '../test/running.ts';
import type { Gateway, Range, Series } from './answers.ts';

const gateway = `dash-${randomBytes(4).toString('hex')}`;
const stopped = `${gateway}-stopped`;
let questdb: QuestdbAddresses;
let dashboard: RunningDashboard;
/** Of the rows written; taken when the servers stand, which may take a while. */
let now: number;
let minute: number;

before(async () => {
  ({ questdb } = await sharedStack());
  await createTables(questdb);
  now = Date.now();
  minute = Math.floor(now / 60_000) * 60_000 - 60_000;
  await insert(
    questdb,
    ...Array.from({ length: 30 }, (_, i) => readingLine({ gateway, value: i, at: now - (30 - i) * 1000, seq: i })),
    readingLine({ gateway: stopped, value: 7, at: now - 3_600_000, seq: 0 }),
    readingLine({ gateway: stopped, value: 8, at: now + 86_400_000, seq: 1 }),
    `stats,window=1m,gateway=${gateway},sensor=thermometer,metric=temperature count=10i,expected=12i,completeness=0.8333,final=t ${minute * 1000}`,
    `stats,window=1m,gateway=${gateway},sensor=thermometer,metric=temperature count=1i,expected=12i,completeness=0.0833,final=f ${(minute + 60_000) * 1000}`,
    `gateways,gateway=${gateway},site=hall,state=online,version=0.1.0,clock=synced outbox_readings=12i,dropped=3i,missing=7i,ledger_at=${(now - 2000) * 1000}t ${now * 1000}`,
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
  const [silent] = (await own('gateways', stopped)) as Gateway[];
  assert.deepEqual(silent && [silent.dropped, silent.missing, silent.missingAt], [null, null, null]);
  assert.equal(silent?.state, 'silent');
  assert.equal(silent?.lastSeen, now - 3_500_000);
});

test('a series has its newest value, its age in any time zone, and the last closed minute', async () => {
  const [series] = (await own('series', gateway)) as (Series & { ageMs: number })[];
  assert.ok(series);
  assert.deepEqual([series.value, series.unit, series.zone, series.at], [29, 'Cel', 'roof', now - 1000]);
  assert.ok(Math.abs(series.ageMs - (Date.now() - series.at)) < 5_000, `age ${series.ageMs}`);
  assert.equal(series.expectedMs, 5_000);
  assert.equal(series.staleAfterMs, 15_000);
  assert.deepEqual(series.completeness, { at: minute, count: 10, expected: 12, ratio: 0.8333 });
});

test('a reading from a far future does not hide the newest one', async () => {
  const [series] = (await own('series', stopped)) as (Series & { ageMs: number })[];
  assert.equal(series?.value, 7);
  assert.equal(series?.staleAfterMs, 300_000);
});

test('a range has buckets with lowest, mean and highest, and only where readings are', async () => {
  const response = await get(`/api/range?gateway=${gateway}&sensor=thermometer&metric=temperature&minutes=360`);
  const range = (await response.json()) as Range;
  assert.equal(range.stepMs, 30_000);
  assert.equal(
    range.count.reduce((sum, count) => sum + count, 0),
    30,
  );
  assert.equal(Math.min(...range.min.map(Number)), 0);
  assert.equal(Math.max(...range.max.map(Number)), 29);
  assert.ok(range.t.length <= 2 && range.t.every(t => t % 30_000 === 0));
});

test('the longest range still has at most about a thousand buckets', async () => {
  const response = await get(`/api/range?gateway=${gateway}&sensor=thermometer&metric=temperature&minutes=44640`);
  assert.ok((44_640 * 60_000) / ((await response.json()) as Range).stepMs <= 1_000);
});

test('hostile parameters are refused with a sentence, or are plain values', async () => {
  const good = { gateway, sensor: 'thermometer', metric: 'temperature', minutes: '15' };
  const cases: Record<string, Record<string, string>> = {
    gateway: { ...good, gateway: "x' OR '1'='1" },
    sensor: { ...good, sensor: 'x'.repeat(256) },
    metric: { ...good, metric: 'a\u0000b' },
    minutes: { ...good, minutes: '15; DROP TABLE readings' },
    span: { ...good, minutes: '44641' },
    fraction: { ...good, minutes: '1.5' },
    unknown: { ...good, limit: '1' },
    missing: { gateway },
  };
  for (const [name, query] of Object.entries(cases)) {
    for (const path of ['/api/range', '/api/live']) {
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
  const query = new URLSearchParams({ gateway, sensor: 'thermometer', metric: 'temperature', minutes: '15' });
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
    const { series = [], mean = [] } = data as { series?: Series[]; mean?: (number | null)[] };
    if (inserted && name === 'change' && series.some(one => one.value === 1234.5 && one.at === at)) seen.add('value');
    if (inserted && name === 'points' && mean.some(value => value !== null && value > 600)) seen.add('point');
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

test('the page and all its files come from here alone, and its policy allows nothing else', async () => {
  const page = await get('/');
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'(;|$)/);
  assert.match(policy, /style-src 'self'(;|$)/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.equal(page.headers.get('cache-control'), 'no-cache');

  const html = await page.text();
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  const found = new Set([...html.matchAll(/(?:href|src)="(page\/[^"]+)"/g)].map(match => match[1]!));
  for (const path of found) {
    const file = await get(`/${path}`);
    assert.equal(file.status, 200, path);
    assert.equal((await fetch(file.url, { headers: { 'if-none-match': file.headers.get('etag')! } })).status, 304);
    const text = await file.text();
    for (const match of text.matchAll(/^(?:import|export)\s[^'"]*from '\.\/([^']+)'/gm)) found.add(`page/${match[1]}`);
    // In quotes or url(): an address in a comment, or the SVG namespace, is no request.
    const urls = [...text.matchAll(/["'`(]\s*(https?:)?\/\/[\w.-]+[^"'`)]*/g)].map(match => match[0].slice(1));
    assert.deepEqual(
      urls.filter(url => url !== 'http://www.w3.org/2000/svg'),
      [],
      path,
    );
  }
  assert.ok(found.has('page/chart.ts') && found.has('page/uplot.js') && found.size > 10, [...found].join(' '));
  assert.doesNotMatch(html, /https?:\/\//);
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
