import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ClaimRecord, tryClaim } from './claim.ts';
import { identityOf, isRunning, type ProcessIdentity } from './identity.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-claim-'));
after(() => rmSync(directory, { recursive: true }));

/** A real process that has ended, with the identity it had. */
async function deadProcess(): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const identity = identityOf(child.pid as number);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(identity);
  return identity;
}

const record = (owner: ProcessIdentity): ClaimRecord => ({ owner, since: 'then', children: {} });

test('a claim is held once, says who holds it, and is free again afterwards', () => {
  const path = join(directory, 'plain.lock');
  const first = tryClaim(path);
  assert.ok('claim' in first);
  const second = tryClaim(path);
  assert.ok('heldBy' in second);
  assert.equal(second.heldBy.owner.pid, process.pid);
  first.claim[Symbol.dispose]();
  assert.equal(existsSync(path), false);
});

test('a claim of a process that died is taken over, with what it left', async () => {
  const path = join(directory, 'dead.lock');
  const dead = await deadProcess();
  writeFileSync(path, JSON.stringify({ ...record(dead), children: { questdb: dead } }));
  const outcome = tryClaim(path);
  assert.ok('claim' in outcome);
  assert.equal(outcome.claim.inherited?.owner.pid, dead.pid);
  assert.deepEqual(outcome.claim.inherited?.children, { questdb: dead });
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).owner.pid, process.pid);
});

test('a process that has the number of a dead owner does not count as the owner', () => {
  const path = join(directory, 'reused.lock');
  writeFileSync(path, JSON.stringify(record({ pid: process.pid, started: 'another time' })));
  assert.ok('claim' in tryClaim(path));
});

test('a torn claim file is taken over, and no drafts are left behind', () => {
  const path = join(directory, 'torn.lock');
  writeFileSync(path, '{"owner":');
  assert.ok('claim' in tryClaim(path));
  assert.deepEqual(
    readdirSync(directory).filter(name => name.startsWith('torn.lock.')),
    [],
  );
});

test('a process that is dead and not yet reaped does not run', async () => {
  // The child ends once the shell has become `sleep`, which never waits for it: so it stays a zombie.
  const child = 'while [ "$(cat /proc/$PPID/comm)" != sleep ]; do :; done';
  const parent = spawn('sh', ['-c', `sh -c '${child}' & echo $!; exec sleep 60`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const deadline = Date.now() + 5_000;
    while (identityOf(pid) && Date.now() < deadline) await new Promise(setImmediate);
    assert.equal(identityOf(pid), undefined);
    assert.equal(process.kill(pid, 0), true, 'kill -0 says otherwise, which is why it is not asked');
  } finally {
    parent.kill('SIGKILL');
  }
});

test('this process runs', () => {
  const self = identityOf(process.pid);
  assert.ok(self && isRunning(self));
});
