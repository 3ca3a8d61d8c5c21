import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { Child } from './child.ts';
import { fetchArtifacts } from './fetch.ts';
import { findJava } from './java.ts';
import { openLifeline } from './lifeline.ts';
import { freePort } from './ports.ts';
import { prepareQuestdb } from './questdb.ts';
import { openStack } from './stack.ts';

const small = mkdtempSync(join(tmpdir(), 'millrace-full-'));
const mounted = mountSmall();
after(() => {
  if (mounted) execFileSync('umount', [small]);
  rmSync(small, { recursive: true });
});
const skip = mounted ? false : 'mounting a small tmpfs needs root on Linux';

/** 6 MiB: less than QuestDB unpacks at its first start. */
function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'millrace-test', small], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const namesTheDisk = (error: unknown) => {
  assert.ok(error instanceof ConfigError, String(error));
  assert.equal(error.mistakes[0]?.key, 'MILLRACE_HOME');
  assert.match(error.message, /the disk of .* (is full|has \d+ MiB free.*needed); free some space there, or set/);
  return true;
};

test('a disk with too little room is found before anything starts', { skip }, async () => {
  await assert.rejects(openStack({ home: join(small, 'home') }), namesTheDisk);
});

test('a disk that fills up while a server starts is named as the cause of its death', { skip }, async () => {
  const home = join(small, 'late');
  mkdirSync(home);
  using lifeline = openLifeline();
  const spec = prepareQuestdb({
    ...(await fetchArtifacts({ env: process.env, report: () => {} })),
    home,
    env: process.env,
    java: await findJava(process.env),
    ports: { http: await freePort(), pg: await freePort(), health: await freePort() },
    heapMb: 256,
    jit: 'quick',
  });
  const questdb = new Child(spec, { lifeline, onChange: () => {}, onDied: () => {} });
  try {
    await assert.rejects(questdb.start(), namesTheDisk);
  } finally {
    await questdb.stop();
  }
});

test('a directory that cannot be made is a mistake in the configuration', async () => {
  await assert.rejects(
    openStack({ home: join(import.meta.filename, 'below-a-file') }),
    /MILLRACE_HOME: .* cannot be written/,
  );
});
