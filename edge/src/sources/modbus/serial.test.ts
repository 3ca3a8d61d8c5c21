import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder, until } from '../../../test/outbox.ts';
import { level, running, valuesOf } from './testdata/running.ts';

const serialport = await import('serialport').then(
  () => false as const,
  (error: unknown) => `serialport cannot be loaded here: ${String(error)}`,
);
const python =
  spawnSync('python3', ['--version']).status === 0 ? false : 'python3, which makes the terminal, is not here';
const skip = serialport || python;

const script = fileURLToPath(import.meta.resolve('./testdata/rtu-devices.py'));

/** `requests`: unit, function, address and count of each. */
async function devicesAt(path: string, lateSeconds = 0): Promise<{ child: ChildProcess; requests: string[] }> {
  const child = spawn('python3', [script, path, String(lateSeconds)], { stdio: ['pipe', 'pipe', 'inherit'] });
  after(() => child.kill('SIGKILL'));
  const requests: string[] = [];
  createInterface(child.stdout).on('line', line => void requests.push(line));
  await until('the terminal is there', () => requests.length > 0);
  requests.length = 0;
  return { child, requests };
}

const register = (address: number) => ({ metric: `r${address}`, unit: '1', address });

test('a serial line: blocks, coils, a refused register, a silent unit, and the others go on', { skip }, async () => {
  const path = join(folder(), 'ttyTest');
  const { requests } = await devicesAt(path);
  const { emitted, claims, troubles, end } = running({
    rtu: { path, baudRate: 115_200, parity: 'even' },
    timeoutMs: 400,
    devices: [
      { sensor: 'mute', unitId: 2, registers: [level] },
      { sensor: 'meter', unitId: 1, registers: [98, 99, 100, 300].map(register) },
      {
        sensor: 'plc',
        unitId: 3,
        registers: [
          { ...level, type: 'uint32' },
          { metric: 'on', unit: '1', kind: 'coil', address: 7 },
        ],
      },
    ],
  });
  await until('three rounds', () => claims.length >= 3);
  await end();
  assert.deepEqual(valuesOf(emitted), {
    'meter r98': 98,
    'meter r100': 100,
    'meter r300': 300,
    'plc level': 10 * 65_536 + 11,
    'plc on': 1,
  });
  assert.equal(
    requests.find(request => request === 'bad checksum'),
    undefined,
  );
  for (const request of ['1 3 98 3', '3 1 7 1', '3 3 10 2']) assert.ok(requests.includes(request), requests.join(', '));
  for (const sensor of ['mute absent', 'meter garbage'])
    assert.ok(
      troubles.some(one => `${one.sensor} ${one.trouble}` === sensor),
      JSON.stringify(troubles),
    );
});

test('an answer that comes too late is never taken for that of the next request', { skip }, async () => {
  const path = join(folder(), 'ttyTest');
  await devicesAt(path, 0.7);
  const { emitted, claims, troubles, end } = running({
    rtu: { path },
    timeoutMs: 500,
    devices: [{ sensor: 'slow', unitId: 3, registers: [register(0), register(200)] }],
  });
  await until('three rounds', () => claims.length >= 3);
  await end();
  assert.ok(emitted.length >= 3);
  for (const { metric, value } of emitted) assert.deepEqual([metric, value], ['r200', 200]);
  assert.equal(troubles[0]!.trouble, 'late');
});

test('the adapter is pulled out and plugged in again', { skip }, async () => {
  const path = join(folder(), 'ttyTest');
  const first = await devicesAt(path);
  const { emitted, claims, troubles, end } = running({
    rtu: { path },
    timeoutMs: 500,
    devices: [{ sensor: 'meter', unitId: 1, registers: [register(5)] }],
  });
  await until('it is read', () => emitted.length >= 2);
  const gone = once(first.child, 'exit');
  // As a pulled adapter's does. A link left behind would lead to whoever is given the terminal's number next.
  unlinkSync(path);
  first.child.kill('SIGKILL');
  await gone;
  await until('it is absent', () => troubles.some(({ trouble }) => trouble === 'absent'));
  const [read, claimed] = [emitted.length, claims.at(-1)!];
  await until('completeness goes on', () => claims.at(-1)! > claimed);
  await devicesAt(path);
  await until('it is read again', () => emitted.length > read);
  await end();
});
