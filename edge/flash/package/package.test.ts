import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildPackage } from './build.ts';

const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const skip = process.platform !== 'linux' || !has('dpkg-deb') ? 'needs dpkg-deb' : false;

test('the same commit gives the same bytes; files are owned by root, and the agent in it runs', { skip }, async () => {
  const work = mkdtempSync(join(tmpdir(), 'millrace-package-'));
  try {
    const [first, second] = [join(work, 'first'), join(work, 'second')];
    const deb = await buildPackage({ architecture, out: first, compressed: false });
    const umask = process.umask(0o077);
    const again = await buildPackage({ architecture, out: second, compressed: false }).finally(() =>
      process.umask(umask),
    );
    assert.ok(readFileSync(deb).equals(readFileSync(again)), 'two builds differ');

    const list = spawnSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' }).stdout.trim().split('\n');
    for (const line of list) assert.match(line, /^[-d]rw[-x]r-[-x]r-[-x] root\/root /);
    assert.ok(!list.some(line => line.includes('./etc/')), 'configuration is the operator’s');
    for (const path of ['usr/bin/millrace-edge', 'usr/lib/millrace/first-boot', 'usr/lib/millrace/node'])
      assert.ok(
        list.some(line => line.startsWith('-rwxr-xr-x') && line.endsWith(`./${path}`)),
        path,
      );

    spawnSync('dpkg-deb', ['--extract', deb, join(work, 'root')]);
    const lib = join(work, 'root/usr/lib/millrace');
    const run = (...args: string[]) =>
      spawnSync(join(lib, 'node'), [join(lib, 'agent.mjs'), ...args], { encoding: 'utf8' });
    assert.equal(run('--help').status, 0);
    const wrong = run('--config', join(work, 'absent.yaml'));
    assert.equal(wrong.status, 78, wrong.stderr);

    writeFileSync(join(work, 'network.json'), '{"network":"dhcp"}');
    const plan = join(lib, 'first-boot-network.mjs');
    const network = spawnSync(join(lib, 'node'), [plan, 'networkd', join(work, 'network.json')], { encoding: 'utf8' });
    assert.match(network.stdout, /^put 0644 [^]*DHCP=yes/, network.stderr);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

test('systemd finds nothing wrong in the units', {
  skip: has('systemd-analyze') ? false : 'needs systemd-analyze',
}, () => {
  const units = join(import.meta.dirname, 'files/usr/lib/systemd/system');
  for (const unit of ['millrace-edge.service', 'millrace-first-boot.service']) {
    // Not installed here: the programs the units start are absent, and that alone is said.
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(units, unit)], { encoding: 'utf8' });
    const said = stderr
      .split('\n')
      .filter(line => line.includes('millrace') && !/is not executable: No such file/.test(line));
    assert.deepEqual(said, []);
  }
});
