import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStack, type QuestdbServer, type Stack } from '@millrace/stack/stack.ts';
import {
  createTables,
  eventually,
  insert,
  liveEvents,
  type RunningDashboard,
  readingLine,
  startDashboard,
} from '../test/running.ts';
import type { ErrorAnswer } from './answers.ts';

// A QuestDB of its own: this one is killed.
const home = mkdtempSync(join(tmpdir(), 'millrace-dashboard-'));
let stack: Stack;
let questdb: QuestdbServer;
let dashboard: RunningDashboard;

before(async () => {
  stack = await openStack({ home, kafkaNodes: 0, questdbJit: 'quick' });
  questdb = stack.questdb!;
  dashboard = await startDashboard(questdb, { QUERY_TIMEOUT_MS: '1000' });
});

after(async () => {
  await dashboard?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const series = (): Promise<Response> => fetch(`${dashboard.url}/api/series`);
const ready = async (): Promise<string> => (await fetch(`${dashboard.healthUrl}/readyz`)).text();
const has = async (value: number): Promise<boolean> => (await (await series()).text()).includes(`"value":${value}`);

test('a database without tables is no data yet, and not an error', async () => {
  const response = await series();
  assert.equal(response.status, 200);
  assert.deepEqual(((await response.json()) as { series: unknown[] }).series, []);
  assert.deepEqual(
    ((await (await fetch(`${dashboard.url}/api/gateways`)).json()) as { gateways: unknown[] }).gateways,
    [],
  );
  const query = 'gateway=none&sensor=none&metric=none&minutes=15';
  assert.equal((await fetch(`${dashboard.url}/api/range?${query}`)).status, 200);
  assert.equal(await ready(), 'ready\n');
  await createTables(questdb);
  await insert(questdb, readingLine({ gateway: 'g', value: 11, at: Date.now(), seq: 0 }));
  await eventually('the first reading shows without a restart', () => has(11));
});

test('a database killed in the middle is told with its time, and the page goes on by itself', async () => {
  const end = new AbortController();
  const live = liveEvents(`${dashboard.url}/api/live`, end.signal);
  assert.equal((await live.next()).value?.name, 'snapshot');

  const killedAt = Date.now();
  await questdb.kill();
  await eventually('503', async () => (await series()).status === 503);
  const answer = (await (await series()).json()) as ErrorAnswer;
  assert.equal(answer.error, 'The database (QuestDB) does not answer.');
  assert.ok(answer.since !== undefined && answer.since >= killedAt && answer.since <= Date.now());
  assert.equal(await ready(), 'questdb: The database (QuestDB) does not answer.\n');
  assert.equal((await fetch(`${dashboard.url}/`)).status, 200);
  for await (const { name, data } of live) {
    if (name !== 'outage') continue;
    assert.equal(data['message'], answer.error);
    break;
  }

  await questdb.start();
  await eventually('ready', async () => (await ready()) === 'ready\n');
  await insert(questdb, readingLine({ gateway: 'g', value: 22, at: Date.now(), seq: 1 }));
  await eventually('the newest reading after the outage', () => has(22));
  assert.equal(dashboard.log.filter(line => line.includes('trying again until it works')).length, 1);
  assert.equal(dashboard.log.filter(line => line.includes('answers again')).length, 1);
  end.abort();
});

test('a database that hangs is an outage too', async () => {
  questdb.freeze();
  try {
    await eventually('503', async () => (await series()).status === 503);
    await eventually('not ready', async () => (await ready()) !== 'ready\n');
  } finally {
    questdb.thaw();
  }
  await eventually('ready', async () => (await ready()) === 'ready\n');
  await eventually('its readings again', () => has(22));
});

test('a database absent at the start is waited for', async () => {
  await questdb.kill();
  await using early = await startDashboard(questdb);
  assert.equal((await fetch(`${early.url}/api/series`)).status, 503);
  await questdb.start();
  await eventually('its readings', async () =>
    (await (await fetch(`${early.url}/api/series`)).text()).includes('"value":22'),
  );
});
