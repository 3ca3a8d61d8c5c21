/**
 * `npm run test:package`: the arm64 package installed in a Debian root of that machine, under emulation; its agent publishes to a
 * real bridge on this one. Needs root; long, when the Debian root is not kept yet.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Pipeline, until } from '../../../test/pipeline.ts';
import { cacheFolder, checkout, enableArm64, run } from '../image/machine.ts';
import { debianRoot } from '../image/root.ts';
import { buildPackage } from './build.ts';

const gateway = 'package-test';
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const tar = await debianRoot({ installTools: process.argv.includes('--install-tools'), fresh: false });
enableArm64();
const out = join(checkout, '.millrace', 'build');
const deb = await buildPackage({ architecture: 'arm64', out: join(out, 'older'), compressed: false });
const newer = await buildPackage({
  architecture: 'arm64',
  out: join(out, 'newer'),
  version: '99.0.0',
  compressed: false,
});

const work = mkdtempSync(join(cacheFolder('image'), 'package-test-'));
const root = join(work, 'root');
const home = mkdtempSync(join(tmpdir(), 'millrace-package-'));
try {
  mkdirSync(root);
  run('tar', ['-xf', tar, '-C', root, '--numeric-owner']);
  await using pipeline = new Pipeline(home, { edges: false });
  await pipeline.start();

  install(deb);
  assert.match(readFileSync(join(root, 'etc/passwd'), 'utf8'), /^millrace:[^:]*:\d+:\d+:.*nologin$/m);
  for (const unit of ['millrace-edge', 'millrace-first-boot'])
    assert.ok(run('find', [join(root, 'etc/systemd/system'), '-name', `${unit}.service`]), `${unit} is enabled`);
  assert.equal(chroot('millrace-edge', '--help').includes('millrace-edge'), true);
  const mqtt = { url: pipeline.running()!.mqttUrl };
  const sources = [{ type: 'host', intervalMs: 500 }];
  const edge = { gateway, mqtt, health: { port: 0 }, clock: { assume: 'synced' }, sources };
  const config = join(root, 'etc/millrace/edge.yaml');
  writeFileSync(config, JSON.stringify({ edge }), { mode: 0o640 });
  run('chroot', [root, 'chown', 'root:millrace', '/etc/millrace/edge.yaml']);
  say(chroot('millrace-edge', 'check', '/etc/millrace/edge.yaml').trim());

  const first = await publishes(pipeline, 0);
  say(`installed: ${first.seqs} readings of the emulated arm64 agent are in QuestDB`);
  const before = readFileSync(config);
  install(newer);
  assert.ok(readFileSync(config).equals(before), 'an upgrade keeps the configuration');
  const second = await publishes(pipeline, first.seqs);
  assert.deepEqual([second.boots, second.seqs], [1, second.last + 1], 'an upgrade keeps the outbox: one boot, no hole');
  say(`upgraded: the same boot, seq 0 to ${second.last} without a hole`);

  chroot('dpkg', '--remove', 'millrace-edge');
  assert.ok(existsSync(config) && existsSync(join(root, 'var/lib/millrace/edge', gateway, 'outbox.db')));
  chroot('dpkg', '--purge', 'millrace-edge');
  assert.ok(!existsSync(join(root, 'var/lib/millrace')) && !existsSync(join(root, 'etc/millrace')));
  say('removed: configuration and outbox kept; purged: gone');
} finally {
  rmSync(work, { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
}

/** In the root, with /proc and /dev of its own mount namespace: nothing stays mounted, whatever ends. */
function inside(...command: string[]): string[] {
  const mounts = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys"';
  return ['--mount', 'sh', '-c', `${mounts} && exec chroot "$0" "$@"`, root, ...command];
}

function chroot(...command: string[]): string {
  return run('unshare', inside(...command), {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function install(file: string): void {
  cpSync(file, join(root, 'tmp', basename(file)));
  chroot('dpkg', '-i', `/tmp/${basename(file)}`);
}

/** Runs the agent as its user until more than `before` readings and some are stored; ends it in order. */
async function publishes(pipeline: Pipeline, before: number): Promise<{ seqs: number; boots: number; last: number }> {
  const user = ['setpriv', '--reuid=millrace', '--regid=millrace', '--init-groups', '/usr/bin/millrace-edge'];
  const agent = spawn('unshare', inside(...user), { stdio: ['ignore', 'ignore', 'pipe'] });
  const log: string[] = [];
  agent.stderr.setEncoding('utf8').on('data', (text: string) => void log.push(text));
  const count = async () => {
    const [row] = await pipeline.sql(
      `SELECT count_distinct(seq) seqs, count_distinct(boot) boots, max(seq) last FROM readings WHERE gateway = '${gateway}'`,
    );
    return { seqs: Number(row!['seqs']), boots: Number(row!['boots']), last: Number(row!['last']) };
  };
  try {
    await until(
      'readings of the agent',
      async () => {
        if (agent.exitCode !== null) throw new Error(`the agent has ended: ${log.join('')}`);
        return (await count()).seqs > before + 30;
      },
      180_000,
    );
  } finally {
    await end(agent);
  }
  // What it had begun to send at its end arrives.
  let last = await count();
  await until('the last readings', async () => {
    const now = await count();
    const isStill = now.seqs === last.seqs;
    last = now;
    await new Promise(resolve => setTimeout(resolve, 2000));
    return isStill;
  });
  return last;
}

async function end(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const ended = once(agent, 'exit');
  agent.kill('SIGTERM');
  await ended;
}
