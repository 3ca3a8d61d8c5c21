import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeRedSchema } from './config.ts';

function mistakes(given: Record<string, unknown>): string[] {
  return nodeRedSchema.safeParse(given).error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? [];
}

test('beside the agent only when asked for, and on loopback', () => {
  const { enabled, host, port, beyondLoopback, user } = nodeRedSchema.parse(undefined);
  assert.deepEqual(
    { enabled, host, port, beyondLoopback, user },
    { enabled: false, host: '127.0.0.1', port: 1880, beyondLoopback: false, user: 'millrace' },
  );
});

test('another host than loopback needs beyondLoopback, in so many words', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'gateway.local', '::ffff:10.0.0.1']) {
    assert.match(mistakes({ host })[0]!, /^host must be a loopback address, or beyondLoopback must be true/);
    assert.deepEqual(mistakes({ host, beyondLoopback: true }), []);
  }
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost']) assert.deepEqual(mistakes({ host }), []);
});

test('a password in the place of its hash, and a short secret, are mistakes', () => {
  assert.match(mistakes({ passwordHash: 'hunter2' })[0]!, /^passwordHash must be a bcrypt hash/);
  assert.match(mistakes({ credentialSecret: 'short' })[0]!, /^credentialSecret must be text of at least 16/);
  assert.deepEqual(mistakes({ passwordHash: `$2b$10$${'a'.repeat(53)}` }), []);
});
