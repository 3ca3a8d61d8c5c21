import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { claimPort } from './ports.ts';

test('a port in use is one sentence with the port, its key, its holder and the remedy', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await assert.rejects(claimPort('stack.kafkaPort', port), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      const [mistake] = error.mistakes;
      assert.equal(mistake?.key, 'stack.kafkaPort');
      assert.match(mistake.message, new RegExp(`^port ${port} on 127\\.0\\.0\\.1 is in use`));
      if (process.platform === 'linux') assert.match(mistake.message, new RegExp(`pid ${process.pid}\\)`));
      assert.match(mistake.message, /set stack\.kafkaPort to a free port/);
      return true;
    });
  } finally {
    server.close();
  }
});

test('0 is a port below those that outgoing connections get', async () => {
  const port = await claimPort('stack.kafkaPort', 0);
  assert.ok(port >= 15_000 && port < 32_768, String(port));
});
