/**
 * What the agent costs a gateway: CPU, memory, bytes written and time to its first reading, each as a process of its own
 * with a real broker (Aedes, in this process), and how long an outbox lasts offline.
 *
 * `node edge/bench/agent.ts [--rounds 8] [--seconds 20] [--days 1]`. CPU is the process's own time, so that other work on
 * the machine changes it little. Linux: `/proc/<pid>`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openLog } from '@millrace/runtime/log.ts';
import { Clock, decodeBatch } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { bundleAgent } from '../flash/package/bundle.ts';
import { openOutbox } from '../src/outbox/outbox.ts';
import type { Reading } from '../src/reading.ts';
import { openBroker } from '../test/broker.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '20' },
    days: { type: 'string', default: '1' },
  },
});
const clockTicks = 100; // sysconf(_SC_CLK_TCK) on Linux
const home = mkdtempSync(join(tmpdir(), 'millrace-bench-agent-'));
// What the Debian package installs, with the flags of its unit.
const agentFile = join(home, 'agent.mjs');
writeFileSync(agentFile, (await bundleAgent()).code);
const agentFlags = ['--max-old-space-size=96', '--max-semi-space-size=1'];

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const show = (what: string, measured: number, unit: string, asked: string): void =>
  void process.stdout.write(
    `${what.padEnd(64)} ${measured.toPrecision(3).padStart(8)} ${unit.padEnd(14)} asked ${asked}\n`,
  );

/** A recording of `sensors` sensors, a row each `rowMs`. */
function recording(name: string, sensors: number, rowMs: number, rows: number): string {
  const header = ['t', ...Array.from({ length: sensors }, (_, i) => `sensor-${i}`)].join(',');
  const lines = Array.from({ length: rows }, (_, row) =>
    [
      1_700_000_000_000 + row * rowMs,
      ...Array.from({ length: sensors }, (_, i) => (20 + 5 * Math.sin(row / 50 + i) + Math.random() / 5).toFixed(2)),
    ].join(','),
  );
  writeFileSync(join(home, name), `${header}\n${lines.join('\n')}\n`);
  return name;
}

function configure(name: string, brokerUrl: string, source: string): string {
  const file = join(home, `${name}.yaml`);
  writeFileSync(
    file,
    `edge:
  gateway: ${name}
  mqtt: { url: "${brokerUrl}" }
  outbox: { path: ${name}.db }
  clock: { assume: synced }
  health: { port: 0 }
  local: { socket: ${name}.sock }
  sources:
    - ${source}
`,
  );
  return file;
}

const start = (file: string): ChildProcess =>
  spawn(process.execPath, [...agentFlags, agentFile, '--config', file], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(home, 'compile-cache') },
    stdio: ['ignore', 'ignore', 'ignore'],
  });

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

function usage(pid: number): { cpuSeconds: number; residentMb: number; writtenBytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / clockTicks,
    residentMb: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024,
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(io)![1]),
  };
}

interface Flow {
  readonly cores: number;
  readonly residentMb: number;
  readonly bytesPerReading: number;
  readonly readingsPerSecond: number;
}

/** The agent at a steady rate, after it has warmed up. */
async function flow(name: string, sensors: number, rowMs: number, seconds: number): Promise<Flow> {
  await using broker = await openBroker();
  let received = 0;
  const flowing = Promise.withResolvers<void>();
  broker.onPublish = ({ topic, payload, ack }) => {
    if (topic.endsWith('/readings')) received += decodeBatch(payload).value.length;
    ack();
    if (received > 0) flowing.resolve();
  };
  const warmUpSeconds = 10;
  const rows = ((seconds + warmUpSeconds + 30) * 1000) / rowMs;
  const file = recording(`${name}.csv`, sensors, rowMs, rows);
  const child = start(
    configure(
      name,
      broker.url,
      `{ type: replay, file: ${file}, timeColumn: t, timeFormat: epoch-ms, metric: temperature, unit: Cel, intervalMs: ${rowMs}, as: now, speed: 1 }`,
    ),
  );
  try {
    await flowing.promise;
    await wait(warmUpSeconds * 1000);
    const before = { ...usage(child.pid!), received, atMs: performance.now() };
    broker.publishes.length = 0;
    await wait(seconds * 1000);
    const after = { ...usage(child.pid!), received, atMs: performance.now() };
    const elapsed = (after.atMs - before.atMs) / 1000;
    const count = after.received - before.received;
    return {
      cores: (after.cpuSeconds - before.cpuSeconds) / elapsed,
      residentMb: after.residentMb,
      bytesPerReading: (after.writtenBytes - before.writtenBytes) / count,
      readingsPerSecond: count / elapsed,
    };
  } finally {
    await stop(child);
  }
}

/** From the start of the process until its first reading is on its disk, as the broker sees it at the latest, ms. */
async function startTimes(rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using broker = await openBroker();
    const first = Promise.withResolvers<number>();
    broker.onPublish = ({ topic, ack }) => {
      if (topic.endsWith('/readings')) first.resolve(performance.now());
      ack();
    };
    const file = configure(`start-${round}`, broker.url, '{ type: host, intervalMs: 1000 }');
    const startedMs = performance.now();
    const child = start(file);
    try {
      times.push((await first.promise) - startedMs);
    } finally {
      await stop(child);
    }
  }
  return times;
}

/** Size of an outbox that nobody empties, for each reading, with 50 readings a second in a commit each. */
async function offline(days: number): Promise<{ bytesPerReading: number; readings: number }> {
  const path = join(home, 'offline.db');
  await using outbox = openOutbox({
    path,
    origin: { gateway: 'offline' as GatewayId, site: 'bench', zone: '', clock: Clock.SYNCED },
    sources: ['s'],
    maxBytes: 2 * 1024 ** 3,
    maxAgeMs: 0,
    minFreeBytes: 0,
    dropPolicy: 'refuse',
    groupCommitMs: 0,
    groupCommitReadings: 1,
    log: openLog('bench', 'silent'),
  });
  const seconds = days * 86_400;
  for (let second = 0; second < seconds; second++) {
    const timeUs = 1_700_000_000_000_000 + second * 1e6;
    const readings = Array.from(
      { length: 50 },
      (_, i): Reading => ({
        sensor: `sensor-${i % 25}`,
        metric: i < 25 ? 'temperature' : 'humidity',
        unit: i < 25 ? 'Cel' : '%',
        // A sensor's own noise: without it the bytes would be too few.
        value: Math.round(2000 + 500 * Math.sin(second / 300 + i) + 20 * Math.random()) / 100,
        timeUs: timeUs + i * 20_000 + Math.floor(Math.random() * 1000),
        intervalMs: 1000,
      }),
    );
    await outbox.append('s', readings, { completeThroughUs: timeUs });
  }
  const readings = outbox.level.readings;
  const size = statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
  return { bytesPerReading: size / readings, readings };
}

try {
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  const starts = await startTimes(rounds);
  show(`start to first reading at the broker, median of ${rounds}`, median(starts) / 1000, 's', '< 2');
  const fast: Flow[] = [];
  const slow: Flow[] = [];
  for (let round = 0; round < rounds; round++) {
    fast.push(await flow(`fast-${round}`, 100, 100, seconds));
    slow.push(await flow(`slow-${round}`, 50, 1000, seconds));
  }
  show('readings a second', median(fast.map(one => one.readingsPerSecond)), '/s', '1000');
  show(`CPU at that, median of ${rounds}`, median(fast.map(one => one.cores)), 'cores', '≤ 0.5');
  show('resident memory at that', median(fast.map(one => one.residentMb)), 'MB', '≤ 120');
  show('readings a second', median(slow.map(one => one.readingsPerSecond)), '/s', '50');
  show('written to disk at that, a reading', median(slow.map(one => one.bytesPerReading)), 'bytes', '≤ 400');
  const { bytesPerReading, readings } = await offline(Number(values.days));
  show(
    `outbox of ${values.days} days offline, ${readings} readings: a reading takes`,
    bytesPerReading,
    'bytes',
    '≤ 71',
  );
  show('seven days offline at 50 readings a second', (bytesPerReading * 7 * 86_400 * 50) / 1024 ** 3, 'GiB', '≤ 2');
} finally {
  rmSync(home, { recursive: true, force: true });
}
