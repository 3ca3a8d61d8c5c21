/** Services that start before the servers they need: they say so once, wait, and go on by themselves. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '@millrace/stack/ports.ts';
import { openStack } from '@millrace/stack/stack.ts';
import { until } from '../../test/pipeline.ts';
import { start } from '../test/run.ts';
import { isReady } from './up/flow.ts';

test('bridge, processors and sinks wait for Kafka and QuestDB that come later', async () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-absent-'));
  const [kafkaPort, questdbHttpPort, questdbPgPort] = [await freePort(), await freePort(), await freePort()];
  const services = await Promise.all(
    ['bridge', 'processors', 'sinks'].map(async name => {
      const healthPort = await freePort();
      const env = {
        MILLRACE_KAFKA__BROKERS: JSON.stringify([`127.0.0.1:${kafkaPort}`]),
        MILLRACE_QUESTDB__URL: `http://127.0.0.1:${questdbHttpPort}`,
        MILLRACE_BRIDGE__MQTT__PORT: '0',
        [`MILLRACE_${name.toUpperCase()}__HEALTH__PORT`]: String(healthPort),
      };
      return { name, healthPort, command: start([name], env, home) };
    }),
  );
  try {
    for (const { name, command, healthPort } of services) {
      await until(`${name} says what it waits for`, async () => /"level":"warn"/.test(command.stderr()));
      assert.equal(await isReady(`http://127.0.0.1:${healthPort}`), false);
    }
    await using _stack = await openStack({ home, kafkaPort, questdbHttpPort, questdbPgPort, questdbJit: 'quick' });
    for (const { name, healthPort } of services)
      await until(`${name} is ready`, () => isReady(`http://127.0.0.1:${healthPort}`));
    for (const { name, command } of services) {
      process.kill(command.pid, 'SIGTERM');
      const { code, stderr } = await command.ended;
      assert.equal(code, 0, stderr);
      const complaints = stderr.split('\n').filter(line => line.includes('"level":"warn"'));
      const said = complaints.map(line => (JSON.parse(line) as { msg: string }).msg);
      assert.equal(new Set(said).size, said.length, `${name} repeats itself: ${said.join(' | ')}`);
    }
  } finally {
    for (const { command } of services) {
      try {
        process.kill(command.pid, 'SIGKILL');
      } catch {
        // It has ended, as it should.
      }
    }
    rmSync(home, { recursive: true, force: true });
  }
});
