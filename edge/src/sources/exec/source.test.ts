import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Logger, openLog } from '@millrace/runtime/log.ts';
import { folder, until } from '../../../test/outbox.ts';
import type { Reading } from '../../reading.ts';
import { execSchema } from './config.ts';
import { execSource } from './source.ts';

/** A program of the test: a script that this Node runs. */
function script(code: string, path = join(folder(), 'program.cjs')): string[] {
  writeFileSync(path, code);
  return [process.execPath, path];
}

/** Short, as one test waits for it. */
const graceMs = 400;
const quick = { minMs: 1, maxMs: 5 };
const line = (value: unknown, sensor = 'well') => JSON.stringify({ sensor, metric: 'level', unit: 'm', value });

/** Runs the source until the test ends or stops it. */
function running(
  t: TestContext,
  options: Record<string, unknown>,
  store: (readings: readonly Reading[]) => Promise<void> = async () => {},
) {
  const stop = new AbortController();
  const emitted: Reading[] = [];
  const claims: number[] = [];
  const troubles: string[] = [];
  const messages: string[] = [];
  const record = (level: string) => (fields: unknown, text?: string) => {
    messages.push(`${level} ${text ?? String(fields)}`);
  };
  const log = Object.assign(openLog('test', 'silent'), { info: record('info'), warn: record('warn') }) as Logger;
  const run = execSource(execSchema.parse({ type: 'exec', restart: quick, ...options }), graceMs).run(
    async (readings, note) => {
      if (note?.completeThroughUs !== undefined) claims.push(note.completeThroughUs);
      if (readings.length === 0) return;
      await store(readings);
      for (const reading of readings) emitted.push(reading);
    },
    {
      signal: stop.signal,
      cursor: undefined,
      log,
      nowUs: () => Date.now() * 1000,
      trouble: (sensor, trouble, why) => troubles.push(`${sensor} ${trouble ?? 'fine'}: ${why ?? ''}`),
    },
  );
  run.catch(() => {});
  const stopped = async (): Promise<void> => {
    stop.abort(new Error('stopping'));
    await run;
  };
  t.after(stopped);
  return { emitted, claims, troubles, messages, run, stopped };
}

const isAlive = (pid: number): boolean => {
  try {
    // A killed process that nobody has reaped yet is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

test('each line is a reading or a list of them; garbage is said of the sensor it names, and the rest goes on', async t => {
  const command = script(`
    console.log(${JSON.stringify(line(1))});
    console.log('[' + ${JSON.stringify(`${line(2)},${line('much', 'tank')},${line(3, 'pond')}`)} + ']');
    console.log('not json');
    console.log('{"sensor":"gauge","metric":');
    console.log('{"sensor":"long","pad":"' + 'x'.repeat(3_000_000) + '"}');
    console.log('');
    process.stdout.write(Buffer.from('{"sensor":"latin","metric":"gr\\xf6\\xdfe","unit":"m","value":1}\\n', 'latin1'));
    console.log(JSON.stringify({ sensor: 'old', metric: 'level', unit: 'm', value: 4, time: '2026-01-02T03:04:05Z' }));
    process.stdout.write(${JSON.stringify(line(5))});
    setTimeout(() => {}, 1e6).unref();
  `);
  const { emitted, troubles, claims } = running(t, {
    command,
    maxLineBytes: 1000,
    restart: { minMs: 60_000 },
    name: 'probe',
  });
  await until('the last line, which has no end', () => emitted.some(({ value }) => value === 5));
  assert.deepEqual(
    emitted.map(({ sensor, value }) => `${sensor} ${value}`),
    ['well 1', 'well 2', 'pond 3', 'old 4', 'well 5'],
  );
  assert.equal(emitted[3]!.timeUs, Date.parse('2026-01-02T03:04:05Z') * 1000);
  assert.equal(emitted[3]!.dated, 'source');
  const garbage = troubles.filter(text => text.includes('garbage'));
  assert.match(garbage[0]!, /^tank garbage: \[1\]\.value: must be a number/);
  assert.match(garbage[1]!, /^probe garbage: a line is no JSON/);
  assert.match(garbage[2]!, /^gauge garbage: a line is no JSON/);
  assert.match(garbage[3]!, /^long garbage: a line is longer than maxLineBytes \(1000\)/);
  assert.match(garbage[4]!, /^latin garbage: a line is no UTF-8/);
  assert.equal(garbage.length, 5);
  assert.ok(claims.length > 0 && claims[0]! <= Date.now() * 1000 - 2_000_000);
});

test('a program that ends is run again; how it ended is said once, and its sensors are absent meanwhile', async t => {
  const { emitted, messages, troubles } = running(t, {
    command: script(`console.log(${JSON.stringify(line(1))}); process.exitCode = 3;`),
  });
  await until('three runs', () => emitted.length >= 3);
  assert.deepEqual(
    messages.filter(text => text.includes('program:')),
    ['warn program: exit code 3; it is run again'],
  );
  assert.ok(troubles.includes('well absent: its program: exit code 3'));

  const killed = running(t, { command: script(`process.kill(process.pid, 'SIGKILL');`), name: 'mute' });
  await until('its signal', () => killed.messages.includes('warn program: SIGKILL; it is run again'));
  assert.ok(killed.troubles.includes('mute absent: its program: SIGKILL'));
});

test('a command that does not exist is tried again until it is there', async t => {
  const path = join(folder(), 'later');
  const { emitted, messages } = running(t, { command: [path] });
  await until('the failure', () => messages.length > 0);
  assert.match(messages[0]!, /cannot be started: .*ENOENT/);
  writeFileSync(path, `#!/bin/sh\necho '${line(7)}'\nexec sleep 60\n`, { mode: 0o755 });
  await until('a reading', () => emitted.length > 0);
});

/** What is still in use: without a collection it is V8's mood that is measured. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a flood of 200,000 lines waits at its pipe while emit is slow: memory stays bounded, nothing is lost', async t => {
  const text = line(1);
  const marker = join(folder(), 'written');
  const command = script(`
    const fs = require('node:fs');
    const block = (${JSON.stringify(text)} + '\\n').repeat(1000);
    for (let i = 0; i < 200; i++) {
      let rest = Buffer.from(block);
      while (rest.length > 0) {
        try { rest = rest.subarray(fs.writeSync(1, rest)); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
      }
    }
    fs.writeFileSync(${JSON.stringify(marker)}, '');
    setInterval(() => {}, 1000);
  `);
  const gate = Promise.withResolvers<void>();
  let count = 0;
  let largest = 0;
  const { run } = running(t, { command }, async readings => {
    count += readings.length;
    largest = Math.max(largest, readings.length);
    await gate.promise;
  });
  run.catch(() => {});
  await until('the first readings', () => count > 0);
  await wait(300);
  // 12 MB of lines: only what pipe and stream hold may have left the program.
  assert.ok(!existsSync(marker) && count < 5000, `${count} readings were taken while the first ones waited`);
  const before = heldBytes();
  gate.resolve();
  await until('all of them', () => count === 200_000);
  assert.ok(largest < 5000, `${largest} at once`);
  const grownMb = (heldBytes() - before) / 1e6;
  assert.ok(grownMb < 30, `memory grew by ${grownMb.toFixed(0)} MB`);
});

test('at the stop the whole process group gets SIGTERM, and SIGKILL when it does not go', async t => {
  const pids = join(folder(), 'pids');
  const said = join(folder(), 'said');
  const deaf = join(folder(), 'deaf.cjs');
  script(
    `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); require('node:fs').appendFileSync(${JSON.stringify(pids)}, process.pid + ' ');`,
    deaf,
  );
  const command = script(`
    const fs = require('node:fs');
    require('node:child_process').spawn(process.execPath, [${JSON.stringify(deaf)}], { stdio: 'inherit' });
    process.on('SIGTERM', () => { fs.writeFileSync(${JSON.stringify(said)}, 'SIGTERM'); process.exit(0); });
    fs.appendFileSync(${JSON.stringify(pids)}, process.pid + ' ');
    setInterval(() => {}, 1000);
  `);
  const { stopped } = running(t, { command });
  const started = (): number[] => (existsSync(pids) ? readFileSync(pids, 'utf8').trim().split(' ').map(Number) : []);
  await until('both processes', () => started().length === 2);
  const fromMs = performance.now();
  await stopped();
  const tookMs = performance.now() - fromMs;
  await until('the end of both', () => !started().some(isAlive), 1000);
  assert.equal(readFileSync(said, 'utf8'), 'SIGTERM');
  assert.ok(tookMs > 390 && tookMs < 3000, `${tookMs} ms`);
});

test('a stop while the outbox is full lets the program end in its own way', async t => {
  const said = join(folder(), 'said');
  const command = script(`
    process.stdout.on('error', error => require('node:fs').appendFileSync(${JSON.stringify(said)}, error.code));
    process.on('SIGTERM', () => { require('node:fs').appendFileSync(${JSON.stringify(said)}, 'SIGTERM'); process.exit(0); });
    const more = () => process.stdout.write(${JSON.stringify(`${line(1)}\n`.repeat(500))}, more);
    more();
  `);
  const full = Promise.withResolvers<void>();
  let count = 0;
  const { stopped } = running(t, { command }, async readings => {
    count += readings.length;
    await full.promise;
  });
  await until('readings', () => count > 0);
  const stopping = stopped();
  full.reject(new Error('stopping'));
  await stopping;
  assert.equal(readFileSync(said, 'utf8'), 'SIGTERM');
});

test('standard error goes to the log, shortened and at most ten lines in ten seconds', async t => {
  const { messages, emitted } = running(t, {
    command: script(`
      for (let i = 0; i < 5000; i++) console.error('complaint ' + i + 'y'.repeat(1000));
      console.log(${JSON.stringify(line(1))});
    `),
    restart: { minMs: 60_000 },
  });
  await until('the end', () => messages.some(text => text.includes('program:')));
  const lines = messages.filter(text => text.includes('stderr: complaint'));
  assert.ok(lines.length >= 10 && lines.length <= 20 && lines.every(text => text.length < 530));
  assert.ok(messages.some(text => text.includes('left out')));
  assert.equal(emitted.length, 1);
});

test('no shell reads the command, and what is secret in the environment stays with the agent', async t => {
  process.env['MILLRACE_EDGE_SECRET'] = 'hush';
  after(() => delete process.env['MILLRACE_EDGE_SECRET']);
  const cwd = folder();
  const [node, file] = script(`
    const sensor = [process.argv[2], process.env.MILLRACE_EDGE_SECRET, process.env.PROBE, process.cwd()].join('|');
    console.log(JSON.stringify({ sensor, metric: 'level', unit: 'm', value: 1 }));
  `);
  const command = [node, file, '$HOME; `id` *'];
  const { emitted } = running(t, { command, cwd, env: { PROBE: 'a b' }, restart: { minMs: 60_000 } });
  await until('a reading', () => emitted.length > 0);
  assert.equal(emitted[0]!.sensor, `$HOME; \`id\` *||a b|${cwd}`);
});
