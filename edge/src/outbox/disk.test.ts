import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { openAt, readings, until } from '../../test/outbox.ts';
import type { Outbox } from './outbox.ts';

const small = mkdtempSync(join(tmpdir(), 'millrace-edge-small-'));
const mounted = mountSmall();
after(() => {
  if (mounted) execFileSync('umount', [small]);
  rmSync(small, { recursive: true });
});
const skip = mounted ? false : 'mounting a small tmpfs needs root on Linux';

function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'millrace-test', small], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const filler = join(small, 'filler');

/** Takes what is free of the disk, to the last byte. */
function fillDisk(): void {
  const file = openSync(filler, 'a');
  for (const size of [65_536, 4096, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(file);
  const { bavail } = statfsSync(small);
  assert.equal(bavail, 0);
}

/** Fails, instead of waiting for ever, when an append hangs. */
async function within(append: Promise<void>): Promise<void> {
  let isStored = false;
  append.then(() => (isStored = true)).catch(() => {});
  await until('stored', () => isStored);
}

const valuesIn = (outbox: Outbox): number[] =>
  outbox.page(-1, 100_000).flatMap(({ bytes }) => decodeBatch(bytes).value);

test('on a full disk what was sent is forgotten for good, appends wait, and nothing of what was resolved is lost', {
  skip,
}, async () => {
  const path = join(small, 'full.db');
  let taken = 0;
  {
    await using outbox = openAt(path, { groupCommitMs: 0 });
    for (let i = 0; i < 40; i++) await outbox.append('s', readings(1000, i * 1000));
    assert.ok(existsSync(`${path}.reserve`));
    fillDisk();
    const source = (async () => {
      for (let i = 40; i < 400; i++) {
        await outbox.append('s', readings(1000, i * 1000));
        taken = i;
      }
    })();
    await until('unwritable', () => outbox.writable !== true);
    const before = valuesIn(outbox);
    assert.deepEqual(before, [...Array((taken === 0 ? 40 : taken + 1) * 1000).keys()]);
    const sent = outbox.page(-1, 30);
    for (const batch of sent) outbox.acknowledge(batch);
    // The appends that waited take the pages of what was forgotten, inside the file.
    const stuckAt = taken;
    await until('some more', () => taken > stuckAt, 20_000);
    rmSync(filler);
    fillDisk();
    outbox.drain();
    await assert.rejects(source);
  }
  {
    // A full disk at the start, too.
    await using outbox = openAt(path, { groupCommitMs: 0 });
    const values = valuesIn(outbox);
    assert.equal(values[0], 30_000);
    assert.ok(values.length >= (taken + 1) * 1000 - 30_000);
    assert.deepEqual(
      values,
      Array.from({ length: values.length }, (_, i) => 30_000 + i),
    );
    for (const batch of outbox.page(-1, 100_000)) outbox.acknowledge(batch);
    outbox.drain();
  }
  rmSync(filler);
  await using outbox = openAt(path, { groupCommitMs: 0 });
  // What a full disk had no room to forget at the end is sent once more.
  for (const batch of outbox.page(-1, 100_000)) outbox.acknowledge(batch);
  assert.equal(outbox.level.readings, 0);
  await outbox.append('s', readings(1));
  assert.equal(outbox.writable, true);
  assert.ok(existsSync(`${path}.reserve`));
});

test('below the floor of free space the file does not grow: it counts as full, and takes as much as it forgets', {
  skip,
}, async () => {
  for (const left of ['', '-wal', '.reserve']) rmSync(join(small, `full.db${left}`), { force: true });
  const path = join(small, 'floor.db');
  const options = { groupCommitMs: 0, minFreeBytes: 3 * 1024 * 1024 };
  await using outbox = openAt(path, options);
  let taken = 0;
  const source = (async () => {
    for (; taken < 2000; taken++) await outbox.append('s', readings(1000, taken * 1000));
  })();
  source.catch(() => {});
  await until('full', () => /nearly full/.test(String(outbox.writable)), 30_000);
  const { bavail, bsize } = statfsSync(small);
  assert.ok(bavail * bsize > 256 * 1024, `${bavail * bsize} bytes are free`);
  const stuckAt = taken;
  for (const batch of outbox.page(-1, 50)) outbox.acknowledge(batch);
  await until('some more', () => taken > stuckAt + 5, 20_000);
  outbox.drain();
});

test('room on the disk is noticed without any PUBACK: nearly full', { skip }, async () => {
  await using outbox = openAt(join(small, 'tight.db'), { groupCommitMs: 0, minFreeBytes: 2 * 1024 * 1024 });
  for (let i = 0; i < 5; i++) await outbox.append('s', readings(100, i * 100));
  fillDisk();
  const waiting = outbox.append('s', readings(1000, 500));
  await until('full', () => /nearly full/.test(String(outbox.writable)));
  rmSync(filler);
  await within(waiting);
  assert.equal(outbox.writable, true);
});

test('room on the disk is noticed without any PUBACK: full, when a delete alone found that out', { skip }, async () => {
  await using outbox = openAt(join(small, 'alone.db'), { groupCommitMs: 0 });
  for (let i = 0; i < 20; i++) await outbox.append('s', readings(100, i * 100));
  fillDisk();
  for (const batch of outbox.page(-1, 20)) outbox.acknowledge(batch);
  await until('forgotten with the reserve', () => !existsSync(join(small, 'alone.db.reserve')));
  fillDisk();
  rmSync(filler);
  // Nobody appends, and yet it is said that one could.
  await until('open', () => outbox.writable === true);
  await within(outbox.append('s', readings(1, 2000)));
});
