/**
 * `node edge/flash/package/build.ts [--arch arm64|amd64] [--out FOLDER]`: millrace-edge_<version>_<arch>.deb.
 * The same commit gives the same bytes: every time in it is the commit's.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import { checkout, commitTime, run } from '../image/machine.ts';
import { bundleAgent, installedClosure, loadedAtRunTime } from './bundle.ts';
import { type Architecture, nodeFor } from './node.ts';

const here = import.meta.dirname;

export interface PackageOptions {
  readonly architecture: Architecture;
  readonly out: string;
  /** For tests: 30 MB less, a minute more. Default true. */
  readonly compressed?: boolean;
  /** Default: the checkout's. */
  readonly version?: string;
}

/** Builds the package and returns its path. */
export async function buildPackage(options: PackageOptions): Promise<string> {
  const { architecture, out, compressed = true } = options;
  const own = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string };
  const version = options.version ?? own.version;
  const work = mkdtempSync(join(tmpdir(), 'millrace-deb-'));
  try {
    await fill(work, architecture);
    control(work, architecture, version);
    // One thread: how many there are would show in the bytes.
    const compression = compressed ? ['-Zxz', '-z6', '--threads-max=1'] : ['-Znone'];
    const epoch = commitTime();
    // What this machine's clock and umask left is not in the package.
    run('find', [work, '-exec', 'touch', '-h', '-d', `@${epoch}`, '{}', '+']);
    mkdirSync(out, { recursive: true });
    const deb = join(out, `millrace-edge_${version}_${architecture}.deb`);
    run('dpkg-deb', ['--root-owner-group', ...compression, '--build', work, deb], {
      env: { SOURCE_DATE_EPOCH: String(epoch) },
    });
    return deb;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The files of the package, with their modes. */
async function fill(work: string, architecture: Architecture): Promise<void> {
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    const file = join(work, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  const [{ folder }, { code, licences }] = [nodeFor(architecture), await bundleAgent()];
  put('usr/lib/millrace/agent.mjs', code);
  put('usr/lib/millrace/node', readFileSync(join(folder, 'bin', 'node')), 0o755);
  for (const file of globSync('**/*', { cwd: join(here, 'files') }).sort()) {
    const from = join(here, 'files', file);
    if (!statSync(from).isFile()) continue;
    if (file.endsWith('.ts'))
      put(file.replace(/ts$/, 'mjs'), (await transform(readFileSync(from, 'utf8'), { loader: 'ts' })).code);
    else put(file, readFileSync(from), /^usr\/(bin|lib\/millrace)\//.test(file) ? 0o755 : 0o644);
  }
  for (const name of installedClosure(loadedAtRunTime)) copyModule(name, work, architecture);
  const docs = 'usr/share/doc/millrace-edge';
  const own = readFileSync(join(checkout, 'LICENSE'), 'utf8');
  const node = readFileSync(join(folder, 'LICENSE'), 'utf8');
  put(
    `${docs}/copyright`,
    `${own}\n----\n\nIn /usr/lib/millrace/agent.mjs:\n\n${licences}\n----\n\n/usr/lib/millrace/node:\n\n${node}`,
  );
  put(`${docs}/changelog.gz`, gzipSync(readFileSync(join(checkout, 'CHANGELOG.md')), { level: 9 }));
  for (const folder of globSync('**/', { cwd: work })) chmodSync(join(work, folder), 0o755);
  chmodSync(work, 0o755);
}

/** A package with native code: what runs there, without sources and without the prebuilds of other machines. */
function copyModule(name: string, work: string, architecture: Architecture): void {
  const from = join(checkout, 'node_modules', name);
  const kept = `linux-${architecture === 'arm64' ? 'arm64' : 'x64'}`;
  const filter = (source: string): boolean => {
    const path = relative(from, source);
    if (/^(src|test|docs?|build|node_modules|binding\.gyp)(\/|$)|\.(d\.ts|map|md)$/.test(path)) return false;
    const prebuild = path.match(/^prebuilds\/([^/]+)(\/.*)?$/);
    return prebuild === null || (prebuild[1] === kept && !prebuild[2]?.includes('musl'));
  };
  const to = join(work, 'usr/lib/millrace/node_modules', name);
  cpSync(from, to, { recursive: true, filter, dereference: true });
  for (const file of globSync('**/*', { cwd: to }))
    if (statSync(join(to, file)).isFile()) chmodSync(join(to, file), 0o644);
}

/** DEBIAN/: the control file, the maintainer scripts, the checksums. */
function control(work: string, architecture: Architecture, version: string): void {
  const files = globSync('**/*', { cwd: work }).filter(file => statSync(join(work, file)).isFile());
  const sizeKib = files.reduce((sum, file) => sum + Math.ceil(statSync(join(work, file)).size / 1024), 0);
  const md5 = (file: string): string =>
    createHash('md5')
      .update(readFileSync(join(work, file)))
      .digest('hex');
  const sums = files.sort().map(file => `${md5(file)}  ${file}\n`);
  const folder = join(work, 'DEBIAN');
  mkdirSync(folder);
  writeFileSync(join(folder, 'md5sums'), sums.join(''));
  const template = readFileSync(join(here, 'debian/control'), 'utf8');
  const values: Record<string, string> = { version, architecture, size: String(sizeKib) };
  writeFileSync(
    join(folder, 'control'),
    template.replace(/@(\w+)@/g, (_, key: string) => values[key] ?? ''),
  );
  for (const script of ['postinst', 'prerm', 'postrm']) cpSync(join(here, 'debian', script), join(folder, script));
  for (const file of globSync('*', { cwd: folder }))
    chmodSync(join(folder, file), file.startsWith('p') ? 0o755 : 0o644);
  chmodSync(folder, 0o755);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { arch: { type: 'string', default: 'arm64' }, out: { type: 'string' } } });
  if (values.arch !== 'arm64' && values.arch !== 'amd64') throw new Error('--arch must be arm64 or amd64');
  const out = values.out ?? join(checkout, '.millrace', 'build');
  const deb = await buildPackage({ architecture: values.arch, out });
  process.stdout.write(`${deb}  ${(statSync(deb).size / 1e6).toFixed(1)} MB\n`);
}
