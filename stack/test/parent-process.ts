import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { identityOf, isRunning, type ProcessIdentity } from '../src/identity.ts';

export interface ParentProcess {
  readonly process: ChildProcess;
  readonly children: readonly ProcessIdentity[];
  readonly released: number | undefined;
}

/** Starts `parent.ts` and waits until its children run. */
export async function startParent(...args: string[]): Promise<ParentProcess> {
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'parent.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: parent.stdout })) {
    const { pids, released } = JSON.parse(line) as { pids: number[]; released?: number };
    const children = pids.map(pid => identityOf(pid) ?? assert.fail(`process ${pid} does not run`));
    return { process: parent, children, released };
  }
  return assert.fail('the parent ended before its children ran');
}

/** Waits until none of these processes runs. */
export async function untilGone(identities: readonly ProcessIdentity[], withinMs: number): Promise<void> {
  await until(() => !identities.some(isRunning), withinMs, `${JSON.stringify(identities)} to be gone`);
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  what: string,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited ${withinMs} ms for ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
