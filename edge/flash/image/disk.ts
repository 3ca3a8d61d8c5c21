/** The card: an MBR, a FAT partition with what the Pi's firmware reads, an ext4 partition with the root. Nothing is mounted. */
import {
  closeSync,
  copyFileSync,
  globSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './machine.ts';

const mib = 1024 * 1024;
const startMib = 4;
/** Two kernels with their initramfs and the firmware, as during an upgrade. */
const bootMib = 256;

/** Fixed: two builds give the same bytes. Two cards of the same image meet in one machine seldom, and then by label. */
const ids = {
  disk: '0x4d494c4c',
  fat: '4D494C4C',
  ext4: '6d696c6c-7261-4365-8000-000000000001',
  hash: '6d696c6c-7261-4365-8000-000000000002',
};

/** Where the FAT partition begins in the image, for mtools: `-i FILE@@OFFSET`. */
export const bootOffset = startMib * mib;

/** Writes `image` from the folder `root`, whose boot/firmware becomes the FAT partition. Uses the folder up. */
export function writeDisk(image: string, root: string, epoch: number): void {
  const work = `${image}.work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const env = {
    SOURCE_DATE_EPOCH: String(epoch),
    E2FSPROGS_FAKE_TIME: String(epoch),
    TZ: 'UTC',
    MTOOLS_SKIP_CHECK: '1',
  };

  const firmware = join(root, 'boot/firmware');
  const fat = join(work, 'fat');
  closeSync(openSync(fat, 'w'));
  truncateSync(fat, bootMib * mib);
  run('mkfs.vfat', ['--invariant', '-F', '32', '-i', ids.fat, '-n', 'MILLBOOT', fat], { env });
  // Sorted: the order of the entries is in the bytes.
  const entries = readdirSync(firmware).sort();
  for (const entry of entries) {
    const path = join(firmware, entry);
    if (statSync(path).isFile()) run('mcopy', ['-m', '-i', fat, path, `::/${entry}`], { env });
    else {
      run('mmd', ['-i', fat, `::/${entry}`], { env });
      const inside = globSync('*', { cwd: path })
        .sort()
        .map(file => join(path, file));
      if (inside.length > 0) run('mcopy', ['-m', '-i', fat, ...inside, `::/${entry}`], { env });
    }
    rmSync(path, { recursive: true });
  }
  // Emptied just now.
  utimesSync(firmware, epoch, epoch);

  const ext4 = join(work, 'ext4');
  const usedKib = Number(run('du', ['-sk', '--apparent-size', root]).split('\t')[0]);
  // Blocks are rounded up, and the first start writes before it grows.
  const rootMib = Math.ceil((usedKib / 1024) * 1.15 + 160);
  closeSync(openSync(ext4, 'w'));
  truncateSync(ext4, rootMib * mib);
  const extended = `hash_seed=${ids.hash},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0`;
  run('mke2fs', ['-q', '-t', 'ext4', '-d', root, '-U', ids.ext4, '-L', 'millrace', '-E', extended, '-m', '1', ext4], {
    env,
  });

  // mke2fs copies when each inode was last changed and read, which is when this tree was made; nothing sets the former in the tree.
  // By inode: a path of debugfs follows symbolic links.
  const directories = readdirSync(root, { recursive: true, withFileTypes: true }).filter(entry => entry.isDirectory());
  const folders = ['/', ...directories.map(entry => `/${relative(root, join(entry.parentPath, entry.name))}`)];
  const commands = join(work, 'commands');
  writeFileSync(commands, folders.map(folder => `ls -p "${folder}"\n`).join(''));
  const listed = run('debugfs', ['-f', commands, ext4]).matchAll(/^\/(\d+)\/\d/gm);
  const inodes = new Set(Array.from(listed, ([, inode]) => Number(inode)));
  inodes.delete(0);
  writeFileSync(
    commands,
    [...inodes].map(inode => `sif <${inode}> ctime @${epoch}\nsif <${inode}> atime @${epoch}\n`).join(''),
  );
  run('debugfs', ['-w', '-f', commands, ext4], { env });

  closeSync(openSync(image, 'w'));
  truncateSync(image, (startMib + bootMib + rootMib) * mib);
  const table = [
    'label: dos',
    `label-id: ${ids.disk}`,
    'unit: sectors',
    `start=${startMib * 2048}, size=${bootMib * 2048}, type=c, bootable`,
    `start=${(startMib + bootMib) * 2048}, size=${rootMib * 2048}, type=83`,
  ];
  run('sfdisk', ['--quiet', image], { input: `${table.join('\n')}\n` });
  for (const [part, at] of [
    [fat, startMib],
    [ext4, startMib + bootMib],
  ] as const)
    run('dd', [`if=${part}`, `of=${image}`, 'bs=1M', `seek=${at}`, 'conv=notrunc,sparse', 'status=none']);
  rmSync(work, { recursive: true });
}

/** What a boot loader that is not the Pi's needs, copied from the image's FAT partition into `folder`. */
export function extractKernel(
  image: string,
  folder: string,
): { kernel: string; initrd: string; dtb: (name: string) => string } {
  const source = `${image}@@${bootOffset}`;
  const names = run('mdir', ['-b', '-i', source, '::/'])
    .split('\n')
    .map(line => line.replace('::/', ''));
  const get = (name: string | undefined): string => {
    if (name === undefined) throw new Error(`${image}: no kernel on the boot partition`);
    const file = join(folder, name);
    run('mcopy', ['-n', '-o', '-i', source, `::/${name}`, file]);
    return file;
  };
  return {
    kernel: get(names.find(name => name.startsWith('vmlinuz-'))),
    initrd: get(names.find(name => name.startsWith('initrd.img-'))),
    dtb: get,
  };
}

/** A copy of the image as a card of `sizeMib`. */
export function asCard(image: string, card: string, sizeMib: number): void {
  copyFileSync(image, card);
  truncateSync(card, sizeMib * mib);
}

/** Puts a folder on the boot partition, as the flashing tool does. */
export function putOnBoot(image: string, folder: string): void {
  run('mcopy', ['-s', '-n', '-o', '-i', `${image}@@${bootOffset}`, folder, '::/']);
}

/** Copies partition `number` (1: FAT, 2: ext4) out of an image, as the table there says. */
export function copyPartition(image: string, number: 1 | 2, to: string): void {
  const { partitiontable } = JSON.parse(run('sfdisk', ['--json', image])) as {
    partitiontable: { partitions: { start: number; size: number }[] };
  };
  const { start, size } = partitiontable.partitions[number - 1]!;
  const place = [`skip=${start * 512}`, `count=${size * 512}`];
  run('dd', [
    `if=${image}`,
    `of=${to}`,
    'bs=4M',
    ...place,
    'iflag=skip_bytes,count_bytes',
    'conv=sparse',
    'status=none',
  ]);
}
