/** The technician's README, each of its commands, with files in the place of cards; and what wrong usage says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { bootOf, gatewaysCsv, makeImage } from '@millrace/flash/testing.ts';
import { createAuthority } from '@millrace/pki/authority.ts';
import { flash } from './commands/flash.ts';
import { progressLines } from './flash-progress.ts';

const main = join(import.meta.dirname, 'main.ts');

function workplace(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-flash-cli-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function millrace(dir: string, ...args: string[]) {
  const { MILLRACE_HOME: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd: dir, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

test("every command of the technician's README", { timeout: 110_000 }, async t => {
  const dir = workplace(t);
  const readme = readFileSync(new URL('../../edge/flash/README.md', import.meta.url), 'utf8');
  const script = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)].map(match => match[1]!).join('');
  assert.match(script, /millrace flash .*--batch/);
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'millrace'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(join(bin, 'millrace'), 0o755);
  writeFileSync(join(dir, 'millrace.img.zst'), zstdCompressSync(await makeImage('millrace')));
  // Told by its content, not by its name.
  writeFileSync(join(dir, 'raspios-lite.img.xz'), zstdCompressSync(await makeImage('cloud-init')));
  writeFileSync(join(dir, 'millrace-edge.deb'), '!<arch>\nthe package');
  const { MILLRACE_HOME: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', script.replaceAll('/dev/sd', './card-')], {
    cwd: dir,
    // The cache halves each start.
    env: { ...env, PATH: `${bin}${delimiter}${process.env['PATH']}`, NODE_COMPILE_CACHE: join(dir, 'compiled') },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  for (const [card, gateway] of [
    ['b', 'lamp-post-17'],
    ['c', 'lamp-post-18'],
    ['d', 'lamp-post-19'],
    ['e', 'lamp-post-19'],
  ] as const) {
    const boot = await bootOf(readFileSync(join(dir, `card-${card}`)));
    assert.match(boot.read('millrace/edge.yaml').toString(), new RegExp(`gateway: ${gateway}\n`), `card ${card}`);
  }
  assert.match(stdout, /card-d: lamp-post-19 is done/);
  assert.match(stdout, /cards.jsonl: 4 receipts, every signature holds/);
  assert.match(stdout, /1 revoked; .*crl.pem is for the bridge/);
  assert.match(stderr, /millrace.img.zst: \d+ bytes unpacked, .* its checksum is right/);
  const keys = spawnSync('grep', ['-rlE', 'BEGIN( EC)? PRIVATE KEY', join(dir, '.millrace')], { encoding: 'utf8' });
  const kept = keys.stdout
    .trim()
    .split('\n')
    .map(file => file.slice(dir.length + 1))
    .toSorted();
  assert.deepEqual(
    kept,
    ['.millrace/pki/ca.key', '.millrace/pki/receipts.key', '.millrace/pki/servers/bridge.example/key.pem'],
    "no gateway's key is kept",
  );
});

test('wrong usage, wrong tables, refused targets and sources: each says what to do', async t => {
  const dir = workplace(t);
  const at = (name: string): string => join(dir, name);
  writeFileSync(at('base.img'), await makeImage('millrace'));
  writeFileSync(at('gateways.csv'), gatewaysCsv);
  writeFileSync(at('wrong.csv'), 'gateway,broker\nLamp,http://x\n');
  const authority = ['--dir', at('pki')];
  const card = [at('base.img'), '--to', at('card.img'), '--gateways', at('gateways.csv'), ...authority];
  const cases: [string, RegExp, string[]][] = [
    ['UsageError', /--to is missing/, [at('base.img'), '--gateways', at('gateways.csv')]],
    ['UsageError', /--gateways is missing/, [at('base.img'), '--to', at('card.img')]],
    ['UsageError', /same target twice/, [...card, '--to', at('card.img')]],
    ['UsageError', /exclude each other/, [...card, '--batch', '--gateway', 'lamp_17']],
    ['ConfigError', /wrong.csv:2:1[^]*wrong.csv:2:2/, [at('base.img'), '--to', at('x'), '--gateways', at('wrong.csv')]],
    ['ConfigError', /has 3 gateways for 1 targets/, card],
    ['ConfigError', /no gateway 'lamp-99'/, [...card, '--gateway', 'lamp-99']],
    [
      'ConfigError',
      /is the image itself/,
      [at('base.img'), '--to', at('./x/../base.img'), ...card.slice(3), '--overwrite', '--batch'],
    ],
    ['ConfigError', /make one with "millrace pki init"/, [...card, '--gateway', 'lamp_17']],
  ];
  for (const [name, message, args] of cases) await assert.rejects(flash.run(args), { name, message });
  await createAuthority(at('pki'));
  const one = [...card, '--gateway', 'lamp_17'];
  const refused = { name: 'RejectedError', message: /is not what it should be/ };
  await assert.rejects(flash.run([...one, '--sha256', 'ab'.repeat(32)]), refused);
  writeFileSync(at('card.img'), '');
  await assert.rejects(flash.run(one), { name: 'RejectedError', message: /exists; --overwrite replaces it/ });
  rmSync(at('card.img'));
  const result = millrace(dir, 'flash', ...card, '--gateway', 'lamp_18', '--plan', '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.ok(!result.stdout.includes('correct horse'), 'no pass-phrase in a plan');
  assert.equal((JSON.parse(result.stdout) as { hostname: string }[])[0]?.hostname, 'millrace-lamp-18');
});

test('progress says rate and time left', () => {
  const written: string[] = [];
  let now = 0;
  const progress = progressLines({ write: text => written.push(String(text)) > 0 }, () => now);
  for (const megabytes of [0, 10, 20, 40]) {
    progress.show({ path: '/dev/sdb', phase: 'write', doneBytes: megabytes * 1e6, totalBytes: 100e6 });
    now += 1000;
  }
  assert.deepEqual(written, [
    '/dev/sdb  write        0 %\n',
    '/dev/sdb  write       10 %  10.0 MB/s  9 s left\n',
    '/dev/sdb  write       20 %  10.0 MB/s  8 s left\n',
    '/dev/sdb  write       40 %  13.3 MB/s  5 s left\n',
  ]);
});
