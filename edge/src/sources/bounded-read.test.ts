import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { childEnv, folder } from '../../test/outbox.ts';
import { BoundedReads } from './bounded-read.ts';

const never = new AbortController().signal;

test('a text comes as it is; what fails says how', async () => {
  const path = join(folder(), 'file');
  writeFileSync(path, 'a\nb\n');
  const reads = new BoundedReads(5000, never);
  assert.equal(await reads.read(path), 'a\nb\n');
  assert.deepEqual(await reads.read(join(folder(), 'gone')), {
    trouble: 'absent',
    why: 'it is gone: No such file or directory',
  });
  writeFileSync(path, 'x'.repeat(100_000));
  const long = await reads.read(path);
  assert.deepEqual(long, { trouble: 'garbage', why: 'its file is longer than 4096 bytes' });
  // Address 0 of a process is mapped nowhere, and its read fails with EIO, as a driver's does.
  if (process.platform === 'linux')
    assert.deepEqual(await reads.read('/proc/self/mem'), {
      trouble: 'garbage',
      why: 'its read failed: Input/output error',
    });
});

test('one that hangs is given up, not asked again at once, and a stop does not wait for it', async () => {
  const path = join(folder(), 'fifo');
  execFileSync('mkfifo', [path]);
  const stop = new AbortController();
  const reads = new BoundedReads(200, stop.signal);
  const late = { trouble: 'late', why: 'its read takes longer than 200 ms' };
  assert.deepEqual(await reads.read(path), late);
  const fromMs = performance.now();
  assert.deepEqual(await reads.read(path), late);
  assert.ok(performance.now() - fromMs < 100 && reads.isStuck(path));
  const other = join(folder(), 'fifo');
  execFileSync('mkfifo', [other]);
  const waiting = reads.read(other);
  stop.abort(new Error('stopping'));
  await assert.rejects(waiting, /stopping/);
});

test('a process with a read that hangs can end', async () => {
  const path = join(folder(), 'fifo');
  execFileSync('mkfifo', [path]);
  const module = fileURLToPath(new URL('bounded-read.ts', import.meta.url));
  const code = `import { BoundedReads } from ${JSON.stringify(module)};
    void new BoundedReads(60_000, new AbortController().signal).read(${JSON.stringify(path)}).catch(() => {});
    setTimeout(() => process.exit(7), 100);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env: childEnv() });
  const [status] = (await once(child, 'exit')) as [number];
  assert.equal(status, 7);
  // A writer that comes and goes is the end of the file for the cat that is left.
  closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
});
