/**
 * `npm start` as a newcomer runs it, for a minute: rows of both demo gateways, and of the simulated city beside them, must be
 * in QuestDB, and Ctrl-C must end it.
 * Only the ports are free ones and the data are elsewhere, so that it can run beside a pipeline in use.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const runForMs = 60_000;
/** After the first rows, which a busy machine has late. */
const flowForMs = 30_000;
const rowsWithinMs = 120_000;

const home = mkdtempSync(join(tmpdir(), 'millrace-smoke-'));
const startedAt = Date.now();
// A process group of its own: the signal then reaches npm and what it started, as Ctrl-C in a terminal does.
const npm = spawn('npm', ['start', '--', '--free-ports'], {
  cwd: join(import.meta.dirname, '..'),
  env: { ...process.env, MILLRACE_HOME: home },
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
let said = '';
npm.stdout.on('data', (data: Buffer) => {
  process.stdout.write(data);
  said += data.toString();
});
const ended = once(npm, 'exit') as Promise<[number | null]>;

try {
  const tables = await firstRows();
  console.log(`first rows of all in both tables after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  await wait(Math.max(flowForMs, startedAt + runForMs - Date.now()));
  const rows = await tables();
  console.log(`after ${Math.round((Date.now() - startedAt) / 1000)} s:`, rows);
  // A window and series has one row: a minute gives at least one of each of some twenty series.
  for (const [where, count] of Object.entries(rows))
    assert.ok(count >= (where.startsWith('readings') ? 200 : 10), `${where} has ${count} rows only`);
  process.kill(-npm.pid!, 'SIGINT');
  await groupEnded();
  console.log(`Ctrl-C: npm start ended with code ${(await ended)[0]}`);
  assert.match(said, /Stopped;/);
  assert.doesNotMatch(said, /Ending at once|not drained/);
  assert.ok(!existsSync(join(home, 'running.json')));
} finally {
  if (signalGroup(0)) signalGroup('SIGTERM');
  await groupEnded();
  rmSync(home, { recursive: true, force: true });
}

/** Waits until each demo gateway and the simulated city have rows in `readings` and `stats`; the answer asks again. */
async function firstRows(): Promise<() => Promise<Record<string, number>>> {
  const ask = async (): Promise<Record<string, number>> => {
    const { questdb } = JSON.parse(readFileSync(join(home, 'running.json'), 'utf8')) as { questdb: { url: string } };
    const counts: Record<string, number> = {};
    for (const table of ['readings', 'stats']) {
      const response = await fetch(
        `${questdb.url}/exec?query=${encodeURIComponent(`select gateway, count() from ${table}`)}`,
      );
      const { dataset = [] } = (await response.json()) as { dataset?: [string, number][] };
      for (const [gateway, count] of dataset) {
        const who = `${table} of ${gateway.startsWith('sim-') ? 'the simulated city' : gateway}`;
        counts[who] = (counts[who] ?? 0) + count;
      }
    }
    return counts;
  };
  while (Date.now() < startedAt + rowsWithinMs && npm.exitCode === null) {
    const counts = await ask().catch(() => ({}));
    if (Object.keys(counts).length === 6) return ask;
    await wait(250);
  }
  if (npm.exitCode !== null) throw new Error(`npm start ended by itself with code ${npm.exitCode}`);
  throw new Error(`no rows of all in both tables within ${rowsWithinMs / 1000} s`);
}

/** @returns whether there was anybody left to signal. */
function signalGroup(signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-npm.pid!, signal);
  } catch {
    return false;
  }
}

/** npm may end before what it started has. */
async function groupEnded(): Promise<void> {
  const deadline = Date.now() + rowsWithinMs;
  while (signalGroup(0)) {
    if (Date.now() > deadline) throw new Error('npm start did not end after Ctrl-C');
    await wait(100);
  }
}
