/** The whole pipeline on real input and real servers, through an orderly stop and through kills. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../cli/test/run.ts';
import { Pipeline, until } from './pipeline.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-pipeline-'));
const pipeline = new Pipeline(home);

before(() => pipeline.start(), { timeout: 150_000 });
after(async () => {
  await pipeline[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const gateways = ['host-1', 'replay-1'];

/** Per gateway and boot: how many rows, how many of them differ in seq, and the ends of the sequence. */
const sequences = () =>
  pipeline.sql(
    'select gateway, boot, count() rows, count_distinct(seq) distinct_seqs, min(seq) first, max(seq) last from readings',
  );

async function lastSeq(gateway: string): Promise<number> {
  return Number((await sequences()).find(row => row['gateway'] === gateway)?.['last'] ?? -1);
}

/** Waits until each gateway has this many more readings stored than now. */
async function flowsOn(more = 20): Promise<void> {
  for (const gateway of gateways) {
    const from = await until('the table answers', async () => ({ seq: await lastSeq(gateway) }));
    await until(
      `${gateway} flows on after ${from.seq}`,
      async () => (await lastSeq(gateway)) >= from.seq + more,
      90_000,
    );
  }
}

/** After what came out of order has settled: every sequence number from 0 to the last, each once, in one boot. */
async function assertNoHoleNoDouble(): Promise<void> {
  await until(
    'sequences without holes',
    async () => {
      const rows = await sequences();
      assert.deepEqual(new Set(rows.map(row => row['gateway'])), new Set(gateways));
      assert.equal(rows.length, gateways.length, 'a second boot');
      for (const row of rows)
        assert.deepEqual(
          { first: row['first'], rows: row['rows'], distinct: row['distinct_seqs'] },
          { first: 0, rows: Number(row['last']) + 1, distinct: Number(row['last']) + 1 },
        );
      return true;
    },
    60_000,
  );
}

/** Every final window counts just the readings that the table of readings has in it. */
async function assertWindowsAgree(): Promise<void> {
  await until(
    'final windows that agree with the readings',
    async () => {
      const windows = await pipeline.sql(
        "select gateway, sensor, metric, ts, count, mean from stats where window = '1m' and final = true",
      );
      if (windows.length === 0) return false;
      const readings = await pipeline.sql(
        "select gateway, sensor, metric, timestamp_floor('m', ts) ts, count() count, avg(value) mean from readings",
      );
      const key = (row: Record<string, unknown>): string =>
        [row['gateway'], row['sensor'], row['metric'], row['ts']].join(' ');
      const counted = new Map(readings.map(row => [key(row), row]));
      for (const window of windows) {
        const expected = counted.get(key(window));
        assert.equal(window['count'], expected?.['count'], key(window));
        assert.ok(
          Math.abs(Number(window['mean']) - Number(expected?.['mean'])) <=
            1e-9 * Math.max(1, Math.abs(Number(window['mean']))),
          key(window),
        );
      }
      return true;
    },
    120_000,
  );
}

test('readings and statistics of both gateways arrive in QuestDB, and the dashboard shows them', async () => {
  await flowsOn();
  await until(
    'statistics of both',
    async () => (await pipeline.sql('select distinct gateway from stats')).length === 2,
  );
  await until('status of both', async () => (await pipeline.sql('select distinct gateway from gateways')).length === 2);
  const page = await fetch(pipeline.running()!.dashboardUrl);
  assert.equal(page.status, 200);
  const shown = await until('the dashboard lists both', async () => {
    const text = await (await fetch(`${pipeline.running()!.dashboardUrl}/api/gateways`)).text();
    return gateways.every(gateway => text.includes(gateway)) && text;
  });
  assert.ok(shown);
  await assertNoHoleNoDouble();
});

test('Ctrl-C ends everything in order, and the next start goes on without hole or double', async () => {
  const pids = pipeline.running()!.processes.map(({ pid }) => pid!);
  assert.equal(await pipeline.stop('SIGINT'), 0);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  assert.doesNotMatch(pipeline.log, /not drained|SIGKILL/);
  await pipeline.start();
  await flowsOn();
  await assertNoHoleNoDouble();
});

test('a second start on the same data is refused with one sentence', async () => {
  const { pid, dashboardUrl } = pipeline.running()!;
  const second = await run(['up', '--free-ports'], { MILLRACE_HOME: home });
  assert.equal(second.code, 78);
  assert.match(
    second.stderr,
    new RegExp(
      `MILLRACE_HOME: Millrace runs on .* already \\(process ${pid}, dashboard ${dashboardUrl}\\); stop it, or set`,
    ),
  );
});

for (const name of [
  'sinks',
  'processors',
  'bridge',
  'edge host-1',
  'edge replay-1',
  'dashboard',
  'questdb',
  'kafka-1',
]) {
  test(`kill -9 of ${name} loses nothing and doubles nothing`, async () => {
    await flowsOn(1);
    await pipeline.kill9(name);
    await flowsOn();
    await assertNoHoleNoDouble();
  });
}

test('kill -9 of the parent ends its children, and the next start goes on', async () => {
  const pids = pipeline.running()!.processes.map(({ pid }) => pid!);
  await pipeline.stop('SIGKILL');
  await until('the children are gone', async () => pids.every(pid => !isAlive(pid)));
  await pipeline.start();
  await flowsOn();
  await assertNoHoleNoDouble();
});

test('after all that, every final window counts exactly the readings in it', assertWindowsAgree);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
