/**
 * How long the dashboard's answers take over many rows, idle and while rows come in; a QuestDB and a dashboard of its own.
 *
 *   npx node dashboard/bench/queries.ts --rows 50000000 --rounds 8 --rate 20000
 *
 * 2,000 series with a reading each ten seconds, up to now. Each round asks everything once idle and once under ingest, in
 * turn, each time of other series, so that no answer is one that was kept. Prints p50 and p95 in ms of each query.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStack } from '@millrace/stack/stack.ts';
import { createTables, eventually, startDashboard } from '../test/running.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '50000000' },
    rounds: { type: 'string', default: '8' },
    rate: { type: 'string', default: '20000' },
    each: { type: 'string', default: '5' },
    home: { type: 'string' },
  },
});
const [rows, rounds, rate, each] = [options.rows, options.rounds, options.rate, options.each].map(Number) as [
  number,
  number,
  number,
  number,
];

const metrics = ['temperature', 'humidity', 'pm2.5', 'no2', 'noise', 'light', 'count', 'level', 'battery', 'wind'];
const gateways = 200;
const seriesCount = 2_000;
const everyMs = 10_000;
const hourMs = 3_600_000;
const end = Math.floor(Date.now() / everyMs) * everyMs;
const start = end - Math.floor(rows / seriesCount) * everyMs;

const home = options.home ?? mkdtempSync(join(tmpdir(), 'millrace-queries-'));
try {
  await run();
} finally {
  if (options.home === undefined) rmSync(home, { recursive: true, force: true });
}

async function run(): Promise<void> {
  await using stack = await openStack({ home, kafkaNodes: 0, questdbHeapMb: 1024 });
  const questdb = stack.questdb!;
  await createTables(questdb);
  const exec = async (query: string): Promise<(string | number)[][]> => {
    const response = await fetch(`${questdb.httpUrl}/exec?${new URLSearchParams({ query }).toString()}`);
    const answer = (await response.json()) as { error?: string; dataset?: (string | number)[][] };
    if (answer.error !== undefined) throw new Error(`${answer.error}: ${query}`);
    return answer.dataset ?? [];
  };
  const begun = performance.now();
  await fill(exec);
  console.log(`${rows} rows and their views in ${Math.round((performance.now() - begun) / 1000)} s`);

  await using dashboard = await startDashboard(questdb, { REFRESH_MS: '2000', MAX_SERIES: '5000' });
  await eventually('the catalog', async () => {
    const answer = (await (await fetch(`${dashboard.url}/api/series?limit=1`)).json()) as { total: number };
    return answer.total >= seriesCount;
  });
  const times = { idle: new Map<string, number[]>(), ingest: new Map<string, number[]>() };
  let shift = 0;
  for (let round = 0; round < rounds; round++) {
    for (const state of ['idle', 'ingest'] as const) {
      await using _load = state === 'ingest' ? ingest(questdb.httpUrl, rate) : undefined;
      await wait(state === 'ingest' ? 3_000 : 1_000);
      for (let i = 0; i < each; i++) {
        for (const [name, path] of Object.entries(questions(shift++))) {
          const before = performance.now();
          const response = await fetch(dashboard.url + path);
          await response.arrayBuffer();
          if (!response.ok) throw new Error(`${name}: ${response.status}`);
          const list = times[state].get(name) ?? [];
          times[state].set(name, [...list, performance.now() - before]);
        }
      }
    }
  }
  for (const [name, idle] of times.idle) {
    const busy = times.ingest.get(name)!;
    console.log(
      `${name.padEnd(34)} idle p50 ${at(idle, 0.5)} p95 ${at(idle, 0.95)}   ${rate} rows/s p50 ${at(busy, 0.5)} p95 ${at(busy, 0.95)} ms`,
    );
  }
}

function at(times: readonly number[], share: number): string {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(0).padStart(5);
}

/** What a viewer's clicks ask for, of series `n`. */
function questions(n: number): Record<string, string> {
  const name = nameOf((n * 37) % seriesCount);
  const range = (lastMs: number): string => {
    const to = end - (n % 60) * 1000;
    return `/api/range?${new URLSearchParams({ ...name, from: String(to - lastMs), to: String(to) }).toString()}`;
  };
  return {
    'range, an hour of readings': range(hourMs),
    'range, six hours by the minute': `${range(6 * hourMs)}&points=500`,
    'range, a day by the minute': range(24 * hourMs),
    'range, all of it': range(end - start),
    gaps: `/api/gaps?${new URLSearchParams({ ...name, from: String(start), to: String(end) }).toString()}`,
    'completeness of the city by hour': `/api/completeness?site=city&step=1h&from=${start + n}`,
    'completeness of a gateway by day': `/api/completeness?gateway=${name.gateway}&from=${start + n}`,
    'series list': `/api/series?limit=500&offset=${n}`,
    sites: '/api/sites',
    zones: '/api/zones',
    gateways: '/api/gateways',
    alerts: `/api/alerts?from=${start + n}`,
  };
}

function nameOf(index: number): { gateway: string; sensor: string; metric: string } {
  const metric = metrics[Math.floor(index / gateways)]!;
  return { gateway: `gw-${index % gateways}`, sensor: `s-${metric}`, metric };
}

type Exec = (query: string) => Promise<(string | number)[][]>;

/** Made by QuestDB itself: rows by the tick of all series, then what the views and the windows say of them. */
async function fill(exec: Exec): Promise<void> {
  const metric = `CASE ${metrics.map((name, i) => `WHEN x % ${seriesCount} < ${(i + 1) * gateways} THEN '${name}'`).join(' ')} END`;
  const names = `'city' site, 'zone-' || (x % 20) zone, 'gw-' || (x % ${gateways}) gateway, 's-' || ${metric} sensor, ${metric} metric, 'u' unit`;
  const pieceRows = 2_000_000;
  for (let from = 0; from < rows; from += pieceRows) {
    const count = Math.min(pieceRows, rows - from);
    const ts = `cast(${start * 1000} + ((x + ${from} - 1) / ${seriesCount}) * ${everyMs * 1000}L + (x % ${seriesCount}) * 100L AS TIMESTAMP)`;
    await exec(
      `INSERT INTO readings SELECT ${ts} ts, ${names}, 20 + 5 * sin(x / 100000.0) + rnd_double() value, cast(0 AS BYTE) quality, 'SYNCED' clock, ${ts} received, 1L boot, x + ${from} seq FROM long_sequence(${count})`,
    );
  }
  const month = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth()) * 1000;
  await exec(
    `INSERT INTO series SELECT cast(${month} AS TIMESTAMP), ${names}, ${everyMs}L, -36.85 + x / 10000.0, 174.76 + x / 10000.0 FROM long_sequence(${seriesCount})`,
  );
  await exec(
    `INSERT INTO gateways (ts, gateway, site, state, clock, outbox_readings, missing) SELECT cast(${end * 1000} AS TIMESTAMP), 'gw-' || x, 'city', 'ONLINE', 'SYNCED', 0L, 0L FROM long_sequence(${gateways})`,
  );
  await caughtUp(exec, async () => {
    const [[count] = [0]] = await exec('SELECT sum(count) FROM readings_1d');
    return Number(count) === rows;
  });
  await exec(
    `INSERT INTO stats (ts, window, site, zone, gateway, sensor, metric, unit, count, p50, p95, p99, revision, final) SELECT ts, '1m', site, zone, gateway, sensor, metric, unit, count, sum / count, max, max, 1L, true FROM readings_1m`,
  );
  await exec(
    `INSERT INTO stats (ts, window, site, zone, gateway, sensor, metric, unit, count, p50, p95, p99, revision, final) SELECT ts, '1h/5m', site, zone, gateway, sensor, metric, unit, count, sum / count, max, max, 1L, true FROM readings_15m`,
  );
  await caughtUp(exec, async () => {
    const [[lag] = [1]] = await exec('SELECT sum(sequencerTxn - writerTxn) FROM wal_tables()');
    return Number(lag) === 0;
  });
}

async function caughtUp(exec: Exec, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 1_800_000;
  while (!(await done())) {
    if (Date.now() > deadline) {
      const lag = await exec('SELECT name, suspended, sequencerTxn - writerTxn FROM wal_tables()');
      throw new Error(`QuestDB has not caught up in half an hour: ${JSON.stringify(lag)}`);
    }
    await wait(1_000);
  }
}

/** New readings of all series at the rate, in requests of a fifth of a second. */
function ingest(url: string, perSecond: number): AsyncDisposable {
  const stop = new AbortController();
  let seq = rows;
  const piece = Math.ceil(perSecond / 5);
  const running = (async () => {
    let due = performance.now();
    while (!stop.signal.aborted) {
      const now = Date.now();
      const lines = Array.from({ length: piece }, (_, i) => {
        const { gateway, sensor, metric } = nameOf(seq % seriesCount);
        const at = now * 1000 - 200_000 + Math.floor((i * 200_000) / piece);
        return `readings,site=city,zone=zone-${seq % 20},gateway=${gateway},sensor=${sensor},metric=${metric},unit=u,clock=SYNCED value=${20 + (seq % 100) / 10},quality=0i,received=${now * 1000}t,boot=1i,seq=${seq++}i ${at}`;
      });
      const response = await fetch(`${url}/write?precision=u`, { method: 'POST', body: `${lines.join('\n')}\n` });
      if (response.status !== 204) throw new Error(await response.text());
      due += 200;
      await wait(Math.max(0, due - performance.now()));
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
