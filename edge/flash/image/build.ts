/**
 * `node edge/flash/image/build.ts [--install-tools] [--fresh] [--best] [--out FOLDER]`: the card's image from Debian packages,
 * `millrace_<version>_arm64.img.zst` and `.sha256`. The same commit and the same Debian root give the same bytes.
 * --fresh: a new root from what the mirror has today. --best: zstd 19 instead of 10, minutes for some 10 %.
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPackage } from '../package/build.ts';
import { writeDisk } from './disk.ts';
import { cacheFolder, checkout, commitTime, enableArm64, needTools, run } from './machine.ts';
import { debianRoot } from './root.ts';
import { clampTimes, fillRoot } from './tree.ts';

/** Program → Debian package. */
const tools = {
  mcopy: 'mtools',
  'mkfs.vfat': 'dosfstools',
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  sfdisk: 'fdisk',
  zstd: 'zstd',
  systemctl: 'systemd',
  'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu',
  'dpkg-deb': 'dpkg',
  'update-binfmts': 'binfmt-support',
  'qemu-aarch64-static': 'qemu-user-static',
};

export interface ImageOptions {
  readonly out: string;
  readonly installTools?: boolean;
  readonly fresh?: boolean;
  readonly best?: boolean;
}

export interface Image {
  readonly raw: string;
  readonly compressed: string;
  readonly deb: string;
}

/** Builds the image, or finds it built from the same things. */
export async function buildImage({
  out,
  installTools = false,
  fresh = false,
  best = false,
}: ImageOptions): Promise<Image> {
  needTools(tools, installTools);
  enableArm64();
  const tar = await debianRoot({ installTools, fresh });
  // Not compressed: xz takes a minute here, and as long again under emulation, for a file that is not on the card.
  const packages = cacheFolder(join('image', 'package'));
  const deb = await buildPackage({ architecture: 'arm64', out: packages, compressed: false });
  const name = basename(deb)
    .replace('millrace-edge_', 'millrace_')
    .replace(/\.deb$/, '.img');
  const raw = join(out, name);
  const image: Image = { raw, compressed: `${raw}.zst`, deb };
  const made = `${raw}.made-from`;
  const inputs = await hashOf([tar, deb, ...ownFiles()], String(best));
  if (existsSync(made) && readFileSync(made, 'utf8') === inputs) return image;

  const started = Date.now();
  const epoch = commitTime();
  const work = mkdtempSync(join(cacheFolder('image'), 'tree-'));
  try {
    rmSync(made, { force: true });
    const root = join(work, 'root');
    mkdirSync(root);
    fillRoot(root, { tar, deb, epoch });
    writeFileSync(`${raw}.packages`, run('dpkg-query', [`--admindir=${root}/var/lib/dpkg`, '--show']));
    clampTimes(root, epoch);
    mkdirSync(out, { recursive: true });
    writeDisk(raw, root, epoch);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  run('zstd', ['-q', '-f', best ? '-19' : '-10', '-T2', '--long=27', raw, '-o', `${image.compressed}.part`]);
  renameSync(`${image.compressed}.part`, image.compressed);
  writeFileSync(`${image.compressed}.sha256`, `${await hashOf([image.compressed])}  ${basename(image.compressed)}\n`);
  writeFileSync(made, inputs);
  process.stderr.write(`built from packages in ${Math.round((Date.now() - started) / 1000)} s\n`);
  return image;
}

/** What decides how the image is put together. */
function ownFiles(): string[] {
  const overlay = join(import.meta.dirname, 'overlay');
  const files = readdirSync(overlay, { recursive: true, encoding: 'utf8' }).map(file => join(overlay, file));
  const code = ['build.ts', 'disk.ts', 'tree.ts', 'trim.ts'].map(file => join(import.meta.dirname, file));
  return [...files.filter(file => statSync(file).isFile()).sort(), ...code];
}

async function hashOf(files: readonly string[], salt = ''): Promise<string> {
  const hash = createHash('sha256').update(salt);
  for (const file of files) for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      'install-tools': { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      best: { type: 'boolean', default: false },
      out: { type: 'string', default: join(checkout, '.millrace', 'build') },
    },
  });
  const { 'install-tools': installTools, ...options } = values;
  const { compressed } = await buildImage({ ...options, installTools });
  process.stdout.write(`${compressed}  ${(statSync(compressed).size / 1e6).toFixed(0)} MB\n`);
}
