import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { candidates, checkTarget, useOf } from './check.ts';
import { blockDevice, type System } from './system.ts';

/** A machine as /sys and /proc would show it: file → content. Device numbers are none that this machine has. */
function machine(t: TestContext, files: Record<string, string>): System {
  const root = mkdtempSync(join(tmpdir(), 'millrace-sys-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const all = {
    'proc/self/mountinfo': '22 1 0:21 / /proc rw - proc proc rw\n',
    'proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n',
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return { sys: join(root, 'sys'), proc: join(root, 'proc') };
}

const disk = (name: string, number: string, more: Record<string, string> = {}): Record<string, string> => ({
  [`sys/block/${name}/dev`]: number,
  [`sys/block/${name}/size`]: '62333952',
  [`sys/block/${name}/ro`]: '0',
  [`sys/block/${name}/removable`]: '0',
  ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`sys/block/${name}/${key}`, value])),
});
const partition = (disk_: string, name: string, number: string) => ({
  [`sys/block/${disk_}/${name}/partition`]: '1',
  [`sys/block/${disk_}/${name}/dev`]: number,
});

test('knows a card in a built-in slot from the eMMC beside it, and both from a USB disk', t => {
  const system = machine(t, {
    ...disk('mmcblk7', '900:0', { 'device/type': 'SD', 'device/name': 'SC32G', 'device/cid': '035344534333324785' }),
    ...disk('mmcblk8', '900:8', { 'device/type': 'MMC', 'device/name': 'eMMC' }),
    ...disk('sdx', '901:0', { removable: '1', 'device/vendor': 'Generic ', 'device/model': 'STORAGE DEVICE' }),
    ...disk('sdy', '901:16', { 'device/model': 'Backup HDD' }),
    ...disk('sdz', '901:32', { removable: '1', size: '0' }),
  });
  assert.deepEqual(
    candidates(system).map(({ device, refusal }) => [device.name, device.model, device.serial, refusal]),
    [
      ['mmcblk7', 'SC32G', '035344534333324785', undefined],
      ['mmcblk8', 'eMMC', '', 'is not removable'],
      ['sdx', 'Generic STORAGE DEVICE', '', undefined],
      ['sdy', 'Backup HDD', '', 'is not removable'],
    ],
  );
});

test('finds LVM, RAID and encryption on a partition, and what is mounted through them', t => {
  const system = machine(t, {
    ...disk('sdx', '901:0', { removable: '1' }),
    ...partition('sdx', 'sdx2', '901:2'),
    'sys/dev/block/901:2/holders/dm-70/dev': '',
    ...disk('dm-70', '902:0', { 'dm/uuid': 'LVM-abc', 'dm/name': 'vg-root' }),
    'sys/dev/block/902:0/holders/dm-71/dev': '',
    ...disk('dm-71', '902:1', { 'dm/uuid': 'CRYPT-LUKS2-abc', 'dm/name': 'home' }),
    ...disk('sdy', '901:16', { removable: '1' }),
    'sys/dev/block/901:16/holders/md70/dev': '',
    ...disk('md70', '903:0'),
    ...disk('sdz', '901:32', { removable: '1' }),
    ...partition('sdz', 'sdz1', '901:33'),
    'proc/self/mountinfo':
      '22 1 0:21 / /proc rw - proc proc rw\n30 1 902:1 / /home\\040of\\040all rw shared:1 - ext4 /dev/mapper/home rw\n',
  });
  const use = (name: string): string | undefined => useOf(blockDevice(system, name), system);
  assert.match(use('sdx')!, /dm-71 is mounted at \/home of all, through an encrypted volume \(home\)/);
  assert.equal(use('sdy'), 'is in use: it carries RAID (md70); release that first');
  assert.equal(use('sdz'), undefined);
});

test('the disk under the running system says so, however deep it lies', t => {
  const system = machine(t, {
    ...disk('sdx', '901:0', { removable: '1' }),
    ...partition('sdx', 'sdx1', '901:1'),
    'sys/dev/block/901:1/holders/dm-70/dev': '',
    ...disk('dm-70', '902:0', { 'dm/uuid': 'LVM-abc', 'dm/name': 'vg-root' }),
    'proc/self/mountinfo': '1 0 902:0 / / rw - ext4 /dev/mapper/vg-root rw\n2 1 901:1 / /boot rw - vfat /dev/sdx1 rw\n',
  });
  assert.equal(useOf(blockDevice(system, 'sdx'), system), 'holds the running system, through LVM (vg-root)');
});

test('files: a new one, an old one only with --overwrite, none without a folder, no folder, no absent device', t => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-target-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'card.img');
  assert.deepEqual(checkTarget(file), { kind: 'file', path: file, exists: false });
  writeFileSync(file, 'x');
  assert.throws(() => checkTarget(file), /exists; --overwrite/);
  assert.equal(checkTarget(file, { overwrite: true }).kind, 'file');
  assert.throws(() => checkTarget(join(dir, 'no/card.img')), /its folder .*no is not there/);
  assert.throws(() => checkTarget(dir), /neither a block device nor a file/);
  assert.throws(() => checkTarget('/dev/null'), /neither a block device nor a file/);
  assert.throws(() => checkTarget('/dev/sdnone'), /is not there; "millrace flash list"/);
});
