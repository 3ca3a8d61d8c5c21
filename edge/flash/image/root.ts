/**
 * The Debian root of the image, as packages leave it: trixie for arm64 by mmdebstrap, kept as a tar named by what it was made
 * from. A quarter of an hour under emulation; the packages are kept too, so that a second one fetches little.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, debianMirror, enableArm64, needTools, run } from './machine.ts';

const here = import.meta.dirname;
/** Changed when root.ts makes another root of the same files. */
const generation = '1';
const recipe = ['packages.txt', 'dpkg.cfg', 'initramfs/conf', 'initramfs/hook', 'initramfs/raspi-firmware'];

/** The tar of the root, made when it is not kept. `fresh`: made anew from what the mirror has today. */
export async function debianRoot(options: { installTools: boolean; fresh: boolean }): Promise<string> {
  const hash = createHash('sha256').update(generation);
  for (const file of recipe) hash.update(readFileSync(join(here, file)));
  const cache = cacheFolder('image');
  const tar = join(cache, `root-${hash.digest('hex').slice(0, 16)}.tar`);
  if (existsSync(tar) && !options.fresh) return tar;

  const tools = {
    mmdebstrap: 'mmdebstrap',
    'update-binfmts': 'binfmt-support',
    'qemu-aarch64-static': 'qemu-user-static',
  };
  needTools(tools, options.installTools);
  enableArm64();
  const mirror = debianMirror();
  const packages = readFileSync(join(here, 'packages.txt'), 'utf8').trim().split('\n');
  const archives = join(cache, 'archives');
  mkdirSync(archives, { recursive: true });
  const part = `${tar}.part`;
  const args = [
    '--mode=root',
    '--arch=arm64',
    '--variant=apt',
    '--format=tar',
    `--include=${packages.join(',')}`,
    // The packages come from the folder kept and go back there.
    '--skip=essential/unlink',
    '--setup-hook=mkdir -p "$1/var/cache/apt/archives"',
    `--setup-hook=sync-in ${archives} /var/cache/apt/archives`,
    `--customize-hook=sync-out /var/cache/apt/archives ${archives}`,
    '--dpkgopt=force-unsafe-io',
    '--dpkgopt=force-confold',
    `--dpkgopt=${join(here, 'dpkg.cfg')}`,
    `--essential-hook=${install('initramfs/conf', 'etc/initramfs-tools/conf.d/millrace', '0644')}`,
    `--essential-hook=${install('initramfs/hook', 'etc/initramfs-tools/hooks/millrace', '0755')}`,
    `--essential-hook=${install('initramfs/raspi-firmware', 'etc/default/raspi-firmware', '0644')}`,
    '--essential-hook=mkdir -p "$1/boot/firmware"',
    // Good for a build, bad for a gateway whose power is cut.
    '--customize-hook=sed -i /force-unsafe-io/d "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
    'trixie',
    part,
    ...sources(mirror),
  ];
  run('mmdebstrap', args, { show: true, env: { SOURCE_DATE_EPOCH: String(await releaseTime(mirror)), TMPDIR: cache } });
  renameSync(part, tar);
  return tar;
}

function install(from: string, to: string, mode: string): string {
  return `install -D -m ${mode} ${join(here, from)} "$1/${to}"`;
}

function sources(mirror: string): string[] {
  const components = 'main non-free-firmware';
  return [
    `deb ${mirror} trixie ${components}`,
    `deb ${mirror} trixie-updates ${components}`,
    `deb ${mirror}-security trixie-security ${components}`,
  ];
}

/** When the mirror's suite was made: files that packages write while they are installed get this time. */
async function releaseTime(mirror: string): Promise<number> {
  const release = await (await fetch(`${mirror}/dists/trixie/Release`)).text();
  const date = Date.parse(release.match(/^Date: (.*)$/m)?.[1] ?? '');
  if (Number.isNaN(date)) throw new Error(`${mirror}: no Release of trixie`);
  return date / 1000;
}
