/**
 * What a reading costs in the outbox: bytes written to disk (`write_bytes` of /proc/self/io), CPU, and readings a second,
 * by how many readings share a commit. Each batch is acknowledged before the next commit, as when the broker answers.
 *
 * Then 50 readings a second as they arrive in life, in real time: emitted together, or spread evenly; acknowledged after
 * 20 ms. As root on Linux these also show what reaches the block layer, on an ext4 of its own in a loop device.
 *
 *   node edge/bench/outbox.ts [FOLDER]     FOLDER: on the disk to be measured; default the working directory
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { type Outbox, openOutbox } from '../src/outbox/outbox.ts';
import type { Reading } from '../src/reading.ts';

const series = 50;
const folder = mkdtempSync(join(process.argv[2] ?? '.', 'outbox-bench-'));

function written(): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}

for (const [perCommit, commits] of [
  [1, 1000],
  [3, 1000],
  [10, 1000],
  [50, 1000],
  [500, 200],
] as const) {
  const path = join(folder, `${perCommit}.db`);
  const outbox = openAt(path, 0, 1);
  const before = { bytes: written(), cpu: process.cpuUsage(), ms: performance.now() };
  for (let commit = 0; commit < commits; commit++) {
    const readings = take(perCommit, commit * perCommit);
    await outbox.append('s', readings, { completeThroughUs: readings[0]!.timeUs, cursor: String(commit) });
    for (const batch of outbox.page(-1, 16)) outbox.acknowledge(batch);
  }
  const n = perCommit * commits;
  const { user, system } = process.cpuUsage(before.cpu);
  const took = (performance.now() - before.ms) / 1000;
  await outbox[Symbol.asyncDispose]();
  process.stdout.write(
    `${String(perCommit).padStart(4)} readings a commit: ${Math.round((written() - before.bytes) / n)} bytes written, ` +
      `${((user + system) / n).toFixed(1)} µs CPU a reading, ${Math.round(n / took)} readings/s\n`,
  );
}

const seconds = 30;
const disk = mountLoop();
try {
  for (const groupCommitMs of [50, 500])
    for (const pattern of ['together', 'spread'] as const) {
      const outbox = openAt(join(disk?.folder ?? folder, `${pattern}-${groupCommitMs}.db`), groupCommitMs, 500);
      await arrive(outbox, pattern, 3); // Until the WAL has its first checkpoint's size, more or less.
      const before = { bytes: written(), block: disk?.written() };
      await arrive(outbox, pattern, seconds);
      if (disk !== undefined) execFileSync('sync');
      const n = 50 * seconds;
      const block =
        disk === undefined ? '' : `, ${Math.round((disk.written() - before.block!) / n)} at the block layer`;
      process.stdout.write(
        `50 readings/s ${pattern}, groupCommitMs ${groupCommitMs}: ` +
          `${Math.round((written() - before.bytes) / n)} bytes written a reading${block}\n`,
      );
      await outbox[Symbol.asyncDispose]();
    }
} finally {
  disk?.unmount();
  rmSync(folder, { recursive: true });
}

function take(count: number, from: number): Reading[] {
  return Array.from({ length: count }, (_, i) => ({
    sensor: `sensor-${(from + i) % series}`,
    metric: 'temperature',
    unit: 'Cel',
    value: 20 + Math.random(),
    timeUs: Date.now() * 1000,
    intervalMs: 1000,
  }));
}

function openAt(path: string, groupCommitMs: number, groupCommitReadings: number): Outbox {
  return openOutbox({
    path,
    origin: { gateway: 'bench' as GatewayId, site: '', zone: '', clock: Clock.SYNCED },
    sources: ['s'],
    maxBytes: 1 << 30,
    maxAgeMs: 0,
    minFreeBytes: 0,
    dropPolicy: 'refuse',
    groupCommitMs,
    groupCommitReadings,
    log: openLog('bench', 'silent'),
  });
}

/** 50 readings a second, for so many seconds. */
async function arrive(outbox: Outbox, pattern: 'together' | 'spread', forSeconds: number): Promise<void> {
  const [each, pauseMs] = pattern === 'together' ? [50, 1000] : [1, 20];
  const startedMs = performance.now();
  const appends: Promise<void>[] = [];
  for (let i = 0; i * pauseMs < forSeconds * 1000; i++) {
    await wait(Math.max(0, startedMs + i * pauseMs - performance.now()));
    const append = outbox.append('s', take(each, i * each), {
      completeThroughUs: Date.now() * 1000,
      cursor: String(i),
    });
    appends.push(
      append.then(async () => {
        await wait(20);
        for (const batch of outbox.page(-1, 100)) outbox.acknowledge(batch);
      }),
    );
  }
  await Promise.all(appends);
}

/** An ext4 in a file, mounted: its block device is written by nobody else. */
function mountLoop(): { folder: string; written: () => number; unmount: () => void } | undefined {
  const image = join(folder, 'image');
  const mounted = join(folder, 'mounted');
  try {
    writeFileSync(image, '');
    truncateSync(image, 256 * 1024 * 1024);
    mkdirSync(mounted);
    execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, mounted], { stdio: 'ignore' });
  } catch {
    process.stderr.write('no block layer: a loop device needs root on Linux, and mkfs.ext4\n');
    return undefined;
  }
  const device = basename(execFileSync('findmnt', ['-no', 'SOURCE', mounted], { encoding: 'utf8' }).trim());
  return {
    folder: mounted,
    // Linux, Documentation/block/stat.rst: the seventh number is sectors of 512 bytes written.
    written: () => Number(readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/ +/)[6]) * 512,
    unmount: () => void execFileSync('umount', [mounted]),
  };
}
