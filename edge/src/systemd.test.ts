import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { silent, until } from '../test/outbox.ts';
import { notifySystemd } from './systemd.ts';

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const skip = has('systemd-notify') && has('python3') ? false : 'needs systemd-notify and python3';

/** What systemd does: it receives datagrams, and closes the descriptor that systemd-notify waits for (BARRIER=1). */
const receiver = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(s, 4096, 8)
    for fd in fds: os.close(fd)
    for line in data.decode().splitlines(): print(line, flush=True)
`;

async function systemd() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-notify-'));
  const socket = join(folder, 'notify');
  const child: ChildProcess = spawn('python3', ['-c', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  createInterface({ input: child.stdout! }).on('line', line => void said.push(line));
  await until('the socket listens', () => said.includes('listening'));
  return {
    said,
    env: { ...process.env, NOTIFY_SOCKET: socket },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

test('says ready, signs of life for its own watchdog only, and stopping at the end', { skip }, async () => {
  await using manager = await systemd();
  const { said, env } = manager;
  const watchdog = { WATCHDOG_USEC: '300000', WATCHDOG_PID: String(process.pid) };
  {
    await using _ = notifySystemd({ env: { ...env, ...watchdog }, log: silent, status: () => '3 readings wait' });
    await until('two signs of life', () => said.filter(line => line === 'WATCHDOG=1').length >= 2);
  }
  assert.equal(said.filter(line => line.includes('=') && !/^(STATUS|BARRIER|FDPOLL)/.test(line))[0], 'READY=1');
  assert.ok(said.includes('STATUS=3 readings wait'));
  await until('stopping', () => said.includes('STOPPING=1'));

  said.length = 0;
  {
    await using _ = notifySystemd({ env: { ...env, WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }, log: silent });
    await until('ready', () => said.includes('READY=1'));
  }
  await until('stopping', () => said.includes('STOPPING=1'));
  assert.ok(!said.includes('WATCHDOG=1'));
});

test('does nothing where systemd did not start it', async () => {
  await using _ = notifySystemd({ env: { PATH: '' }, log: silent });
});
