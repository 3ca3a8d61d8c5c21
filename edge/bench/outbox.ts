/**
 * What a reading costs in the outbox: bytes written to disk (`write_bytes` of /proc/self/io), CPU, and readings a second,
 * by how many readings share a commit. Each batch is acknowledged before the next commit, as when the broker answers.
 *
 *   node edge/bench/outbox.ts [FOLDER]     FOLDER: on the disk to be measured; default the working directory
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { openOutbox } from '../src/outbox/outbox.ts';

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
  const outbox = openOutbox({
    path,
    origin: { gateway: 'bench' as GatewayId, site: '', zone: '', clock: Clock.SYNCED },
    sources: ['s'],
    maxBytes: 1 << 30,
    maxAgeMs: 0,
    minFreeBytes: 0,
    dropPolicy: 'refuse',
    groupCommitMs: 0,
    groupCommitReadings: 1,
    log: openLog('bench', 'silent'),
  });
  const before = { bytes: written(), cpu: process.cpuUsage(), ms: performance.now() };
  for (let commit = 0; commit < commits; commit++) {
    const readings = Array.from({ length: perCommit }, (_, i) => ({
      sensor: `sensor-${(commit * perCommit + i) % series}`,
      metric: 'temperature',
      unit: 'Cel',
      value: 20 + Math.random(),
      timeUs: Date.now() * 1000,
      intervalMs: 1000,
    }));
    await outbox.append('s', readings, { completeThroughUs: readings[0]!.timeUs, cursor: String(commit) });
    for (const batch of outbox.page(-1, 16)) outbox.acknowledge(batch);
  }
  const n = perCommit * commits;
  const { user, system } = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.ms) / 1000;
  await outbox[Symbol.asyncDispose]();
  process.stdout.write(
    `${String(perCommit).padStart(4)} readings a commit: ${Math.round((written() - before.bytes) / n)} bytes written, ` +
      `${((user + system) / n).toFixed(1)} µs CPU a reading, ${Math.round(n / seconds)} readings/s\n`,
  );
}
rmSync(folder, { recursive: true });
