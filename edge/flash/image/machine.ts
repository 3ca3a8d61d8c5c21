/** What the builds ask of the machine: programs, Debian's mirror, a folder for what is kept between builds. */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const checkout = join(import.meta.dirname, '..', '..', '..');

/** The kept folder `name`: in `MILLRACE_CACHE`, or in `.millrace/cache` of the checkout. */
export function cacheFolder(name: string): string {
  const folder = join(process.env['MILLRACE_CACHE'] ?? join(checkout, '.millrace', 'cache'), name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** The output is shown as it comes, and not returned. */
  show?: boolean;
}

/** Runs a program to its end and returns what it printed. @throws when it fails, with its last words. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): string {
  const { show = false, env, ...rest } = options;
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    ...rest,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  });
  if (error) throw error;
  if (status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${signal ?? `exit ${status}`}\n${(stderr ?? '').slice(-4000)}`);
  }
  return stdout ?? '';
}

/** Seconds since 1970 of the last commit: every time in what is built, so that two builds give the same bytes. */
export function commitTime(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  return Number(given ?? run('git', ['log', '-1', '--format=%ct'], { cwd: checkout }));
}

/** Those of `programs` (name → Debian package) that this machine lacks, installed when `install` says so. */
export function needTools(programs: Record<string, string>, install: boolean): void {
  const missing = () => Object.entries(programs).filter(([name]) => !has(name));
  if (missing().length === 0) return;
  const packages = [...new Set(missing().map(([, name]) => name))];
  if (!install) throw new Error(`missing: apt-get install ${packages.join(' ')} (or give --install-tools)`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  if (missing().length > 0) throw new Error(`still missing: ${missing().join(' ')}`);
}

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}

/** Lets this machine run arm64 programs (binfmt_misc and qemu-user-static), in any chroot. */
export function enableArm64(): void {
  if (process.arch === 'arm64') return;
  const formats = '/proc/sys/fs/binfmt_misc';
  if (globSync(`${formats}/status`).length === 0) run('mount', ['-t', 'binfmt_misc', 'binfmt_misc', formats]);
  if (globSync(`${formats}/qemu-aarch64`).length === 0) run('update-binfmts', ['--enable', 'qemu-aarch64']);
}

/** The Debian mirror this machine's own apt uses. @throws when its sources name none. */
export function debianMirror(): string {
  const files = globSync(['/etc/apt/sources.list', '/etc/apt/sources.list.d/*.{list,sources}']);
  const urls = files.flatMap(file => readFileSync(file, 'utf8').match(/^(?:URIs:|deb) .*$/gm) ?? []);
  const mirror = urls.flatMap(line => line.match(/https?:\/\/\S+\/debian\/?(?=\s|$)/) ?? [])[0];
  if (!mirror) throw new Error('apt of this machine names no Debian mirror (a URL that ends in /debian)');
  return mirror.replace(/\/$/, '');
}
