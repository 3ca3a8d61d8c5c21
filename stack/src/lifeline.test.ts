import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { startParent, untilGone } from '../test/parent-process.ts';
import { identityOf, signalProcess } from './identity.ts';
import { openLifeline } from './lifeline.ts';

test('SIGKILL of the parent ends its children, also one that ignores SIGTERM, and only those still listed', async () => {
  const parent = await startParent('lifeline');
  const released = identityOf(parent.released as number);
  assert.ok(released);
  try {
    parent.process.kill('SIGKILL');
    await untilGone(parent.children, 5_000);
    assert.deepEqual(identityOf(released.pid), released, 'the one taken off the list goes on');
  } finally {
    signalProcess(released, 'SIGKILL');
  }
});

test('a frozen child ends with its parent', async () => {
  const parent = await startParent('lifeline');
  for (const child of parent.children) signalProcess(child, 'SIGSTOP');
  parent.process.kill('SIGKILL');
  await untilGone(parent.children, 5_000);
  process.kill(parent.released as number, 'SIGKILL');
});

test('closing the lifeline ends what is still listed', async () => {
  const child = spawn('sleep', ['600'], { detached: true });
  const ended = once(child, 'exit');
  {
    using lifeline = openLifeline();
    lifeline.add(child.pid as number);
  }
  assert.deepEqual(await ended, [null, 'SIGTERM']);
});
