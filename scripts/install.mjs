// Installs what is missing and builds the dashboard's page, so that `npm start` and `npm test` work on a fresh clone.
// Plain JavaScript without dependencies: it runs on whatever Node the machine has, before Node 24 is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
const stamp = join(root, 'node_modules', '.millrace-installed');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lockHash()) {
  console.log('Installing the packages of package-lock.json (half a minute, once) …');
  // Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms, and npm leaves them out of
  // the file where they cannot be fetched. `npm install` takes the same versions and checks the same hashes.
  const npm = spawnSync('npm', ['install', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    console.error('Millrace: `npm install` failed; its message is above. Mend that, then run the command again.');
    process.exit(1);
  }
  writeFileSync(stamp, lockHash());
}

const node = join(root, 'node_modules', '.bin', 'node');
const version = spawnSync(existsSync(node) ? node : 'node', ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
if (Number(/^v(\d+)/.exec(version)?.[1] ?? 0) < 24) {
  console.error(
    `Millrace: needs Node 24, found ${version || 'none'}. There is no Node 24 package for ${process.platform}-${process.arch}: install Node 24 yourself.`,
  );
  process.exit(1);
}

buildPage();

/** Vite's build, when the page's sources are others than those of the last one. */
function buildPage() {
  const dashboard = join(root, 'dashboard');
  const sources = readdirSync(join(dashboard, 'page'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of [...sources, join(dashboard, 'vite.config.ts'), join(root, 'package-lock.json')])
    hash.update(`${file.slice(root.length)}\0`).update(readFileSync(file));
  const wanted = hash.digest('hex');
  const built = join(dashboard, 'dist', '.sources');
  if (existsSync(built) && readFileSync(built, 'utf8') === wanted) return;
  console.log("Building the dashboard's page …");
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const build = spawnSync(existsSync(node) ? node : 'node', [vite, 'build'], { cwd: dashboard, stdio: 'inherit' });
  if (build.status !== 0) {
    console.error("Millrace: the dashboard's page could not be built; the reason is above.");
    process.exit(1);
  }
  writeFileSync(built, wanted);
}
