/** On real block devices: loop devices, as root. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Overlay } from '../overlay.ts';
import { type VerifiedSource, verifySource } from '../source/verify.ts';
import { makeImage } from '../testing.ts';
import { type Outcome, type Progress, writeCards } from '../write.ts';
import { checkTarget } from './check.ts';
import { openTarget } from './open.ts';

const mib = 1024 * 1024;
const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
const skip =
  process.getuid?.() !== 0
    ? 'loop devices need root'
    : !works('losetup', '--find')
      ? 'this machine has no loop devices'
      : false;

/** An empty device of so many bytes, over a file in the folder. */
function loopOf(later: DisposableStack, dir: string, sizeBytes: number): string {
  const file = join(dir, `${Math.random().toString(36).slice(2)}.backing`);
  writeFileSync(file, '');
  truncateSync(file, sizeBytes);
  const device = run('losetup', '--find', '--show', file);
  later.defer(() => void works('losetup', '--detach', device));
  return device;
}

/** Released last in, first out: `t.after` would go the other way, and remove folders under what is mounted in them. */
function scene(t: TestContext): { dir: string; later: DisposableStack } {
  const later = new DisposableStack();
  t.after(() => later.dispose());
  const dir = mkdtempSync(join(tmpdir(), 'millrace-device-'));
  later.defer(() => rmSync(dir, { recursive: true, force: true }));
  return { dir, later };
}

async function sourceIn(later: DisposableStack, dir: string): Promise<{ image: Buffer; source: VerifiedSource }> {
  const image = await makeImage('millrace');
  const file = join(dir, 'base.img');
  writeFileSync(file, image);
  const source = await verifySource(file);
  later.use(source);
  return { image, source };
}

async function writeTo(
  device: string,
  source: VerifiedSource,
  onProgress: (progress: Progress) => void = () => {},
): Promise<Outcome> {
  await using target = await openTarget(device, source.sizeBytes, { reallyYes: [device] });
  const [outcome] = await writeCards(source, [{ target, image: new Overlay(source.start) }], { onProgress });
  return outcome!;
}

function bytesOf(device: string, length: number, offset = 0): Buffer {
  const fd = openSync(device, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  } finally {
    closeSync(fd);
  }
}

test('writes a device, reads it back past the cache, and wipes the backup table of what it held', { skip }, async t => {
  const { dir, later } = scene(t);
  const { image, source } = await sourceIn(later, dir);
  const device = loopOf(later, dir, 32 * mib);
  const backup = Buffer.alloc(512);
  backup.write('EFI PART');
  const fd = openSync(device, 'r+');
  writeSync(fd, backup, 0, 512, 32 * mib - 512);
  fsyncSync(fd);
  closeSync(fd);
  const outcome = await writeTo(device, source);
  assert.deepEqual(outcome, { ok: true, path: device, sha256: source.imageSha256, readBack: 'direct' });
  assert.ok(bytesOf(device, image.length).equals(image));
  assert.equal(bytesOf(device, 8, 32 * mib - 512).toString('latin1'), '\0'.repeat(8));
});

test('refuses a device that is not named twice, too small, write-protected, or open elsewhere', { skip }, async t => {
  const { dir, later } = scene(t);
  const device = loopOf(later, dir, 8 * mib);
  const reallyYes = [device];
  assert.throws(() => checkTarget(device), /is not removable: .*--yes-really/);
  assert.throws(() => checkTarget(device, { reallyYes, imageBytes: 9 * mib }), /too small: it has 8388608 bytes/);
  {
    await using _held = await openTarget(device, 8 * mib, { reallyYes });
    await assert.rejects(openTarget(device, 8 * mib, { reallyYes }), /in use by another program/);
  }
  run('blockdev', '--setro', device);
  assert.throws(() => checkTarget(device, { reallyYes }), /write-protected/);
  run('blockdev', '--setrw', device);
  const backing = readFileSync(`/sys/block/${device.slice(5)}/loop/backing_file`, 'utf8').trim();
  assert.throws(() => checkTarget(backing, { overwrite: true }), new RegExp(`is attached as ${device}`));
  const nested = run('losetup', '--find', '--show', device);
  later.defer(() => void works('losetup', '--detach', nested));
  assert.throws(() => checkTarget(device, { reallyYes }), new RegExp(`${nested} stands on it`));
});

test('refuses a mounted device, and one that is swap', { skip }, async t => {
  const { dir, later } = scene(t);
  const device = loopOf(later, dir, 16 * mib);
  const reallyYes = [device];
  if (!works('mkfs.ext4', '-q', device)) return t.skip('no mkfs.ext4 here');
  const mountPoint = join(dir, 'a card');
  mkdirSync(mountPoint);
  run('mount', device, mountPoint);
  try {
    assert.throws(() => checkTarget(device, { reallyYes }), /is mounted at .*a card; "umount .*a card" first/);
  } finally {
    run('umount', mountPoint);
  }
  assert.equal(checkTarget(device, { reallyYes }).kind, 'device');
  if (!works('mkswap', device) || !works('swapon', device)) return t.diagnostic('swapon is not allowed here');
  try {
    assert.throws(() => checkTarget(device, { reallyYes }), /is swap; "swapoff .*" first/);
  } finally {
    run('swapoff', device);
  }
});

test('refuses members of LVM and RAID that nobody has woken', { skip }, t => {
  const { dir, later } = scene(t);
  const device = loopOf(later, dir, 16 * mib);
  const reallyYes = [device];
  const put = (bytes: Buffer, offset: number): void => {
    const fd = openSync(device, 'r+');
    writeSync(fd, bytes, 0, bytes.length, offset);
    closeSync(fd);
  };
  const raid = Buffer.from('fc4e2ba9', 'hex');
  for (const offset of [0, 4096, 16 * mib - 8192, 16 * mib - 65_536]) {
    put(raid, offset);
    assert.throws(() => checkTarget(device, { reallyYes }), /is part of RAID: .*wipefs/, `at ${offset}`);
    put(Buffer.alloc(4), offset);
  }
  put(Buffer.from('LABELONE'), 512);
  assert.throws(() => checkTarget(device, { reallyYes }), /is part of LVM/);
  put(Buffer.alloc(8), 512);
  assert.equal(checkTarget(device, { reallyYes }).kind, 'device');
});

test('a card that fails in the middle is told, and does not boot', { skip }, async t => {
  const { dir, later } = scene(t);
  const { source } = await sourceIn(later, dir);
  // The file under the device finds its file system full: the device answers EIO from there on, as a dying card does.
  const small = join(dir, 'small');
  mkdirSync(small);
  if (!works('mount', '-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', small)) return t.skip('tmpfs cannot be mounted here');
  later.defer(() => void works('umount', '--lazy', small));
  const device = loopOf(later, small, 32 * mib);
  const outcome = await writeTo(device, source);
  assert.match(outcome.ok ? '' : outcome.reason, /the card was taken out or fails, at byte \d+ \(E[A-Z]+\)/);
  assert.notEqual(bytesOf(device, 512).readUInt16LE(510), 0xaa55);
});

const mapper = !skip && existsSync('/dev/mapper/control') && works('dmsetup', 'targets');
const skipPull = skip || (mapper ? false : 'this kernel has no device-mapper, by which a card is pulled');

test('a card pulled in the middle is told, and does not boot', { skip: skipPull }, async t => {
  const { dir, later } = scene(t);
  const { source } = await sourceIn(later, dir);
  const under = loopOf(later, dir, 32 * mib);
  const name = `millrace-test-${process.pid}`;
  const sectors = (32 * mib) / 512;
  run('dmsetup', 'create', name, '--table', `0 ${sectors} linear ${under} 0`);
  later.defer(() => void works('dmsetup', 'remove', '--force', name));
  let pulled = false;
  const outcome = await writeTo(`/dev/mapper/${name}`, source, ({ doneBytes }) => {
    if (pulled || doneBytes < 8 * mib) return;
    pulled = true;
    run('dmsetup', 'suspend', '--noflush', '--nolockfs', name);
    run('dmsetup', 'load', name, '--table', `0 ${sectors} error`);
    run('dmsetup', 'resume', name);
  });
  assert.match(outcome.ok ? '' : outcome.reason, /the card was taken out or fails/);
  run('dmsetup', 'remove', '--force', name);
  assert.notEqual(bytesOf(under, 512).readUInt16LE(510), 0xaa55);
});
