import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { folder } from '../../test/outbox.ts';
import { nodeRedSchema } from './config.ts';
import { prepareFolder } from './folder.ts';

const hash = (password: string): string => `hash of ${password}`;

function prepare(at: string, given: Record<string, unknown> = {}) {
  return prepareFolder(nodeRedSchema.parse(given), { folder: at, palette: '/palette', hash });
}

/** As `@node-red/runtime` encrypts. */
function encrypted(secret: string, credentials: unknown): string {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(secret).digest(), iv);
  const text = cipher.update(JSON.stringify(credentials), 'utf8', 'base64') + cipher.final('base64');
  return JSON.stringify({ $: iv.toString('hex') + text });
}

function refusal(at: string, given: Record<string, unknown> = {}): string {
  try {
    prepare(at, given);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('it was not refused');
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('all that is made is private, and what lay open before is made so', () => {
  const at = join(folder(), 'gw-1', 'node-red');
  mkdirSync(join(at, 'lib'), { recursive: true, mode: 0o755 });
  writeFileSync(join(at, 'lib', 'flow.json'), '{}');
  chmodSync(join(at, 'lib', 'flow.json'), 0o644);
  prepare(at);
  assert.equal(mode(at), '700');
  assert.equal(mode(join(at, 'lib')), '700');
  const files = readdirSync(at, { recursive: true, encoding: 'utf8' }).filter(name => name !== 'lib');
  assert.deepEqual(files.toSorted(), [
    'credential-secret',
    'flows.json',
    'flows_cred.json',
    'lib/flow.json',
    'password-hash',
    'settings.json',
  ]);
  for (const name of files) assert.equal(mode(join(at, name)), '600', name);
  assert.equal(mode(join(at, '..')), '755');
});

test('the password is made once and only its hash is kept', () => {
  const at = join(folder(), 'node-red');
  const { newPassword, settingsFile } = prepare(at);
  assert.ok(newPassword !== undefined && newPassword.length >= 20);
  assert.equal(prepare(at).newPassword, undefined);
  const settings = JSON.parse(readFileSync(settingsFile, 'utf8'));
  assert.deepEqual(settings.adminAuth.users, [{ username: 'millrace', password: hash(newPassword), permissions: '*' }]);
  const configured = `$2b$10$${'a'.repeat(53)}`;
  const other = prepare(at, { passwordHash: configured, user: 'lin' });
  assert.equal(other.newPassword, undefined);
  assert.deepEqual(JSON.parse(readFileSync(settingsFile, 'utf8')).adminAuth.users, [
    { username: 'lin', password: configured, permissions: '*' },
  ]);
});

test('flows are kept from one start to the next', () => {
  const at = join(folder(), 'node-red');
  prepare(at);
  writeFileSync(join(at, 'flows.json'), '[{"id":"a"}]');
  prepare(at);
  assert.equal(readFileSync(join(at, 'flows.json'), 'utf8'), '[{"id":"a"}]');
});

test('credentials of another secret are refused before anything is changed', () => {
  const at = join(folder(), 'node-red');
  prepare(at);
  const file = join(at, 'flows_cred.json');
  const secret = readFileSync(join(at, 'credential-secret'), 'utf8').trim();
  writeFileSync(file, encrypted(secret, { 'mqtt-1': { password: 'p' } }));
  prepare(at);
  const before = readFileSync(join(at, 'settings.json'), 'utf8');
  assert.match(
    refusal(at, { credentialSecret: 'another secret of the operator' }),
    /edge\.nodeRed\.credentialSecret: is not the one that encrypted .*flows_cred\.json: give back the secret/,
  );
  assert.equal(readFileSync(join(at, 'settings.json'), 'utf8'), before);
  writeFileSync(join(at, 'credential-secret'), 'overwritten by somebody\n');
  assert.match(refusal(at), /credential-secret\): is not the one/);
  rmSync(join(at, 'credential-secret'));
  assert.match(refusal(at), /credential-secret is missing/);
  assert.equal(existsSync(join(at, 'credential-secret')), false, 'no new one is made in its place');
  prepare(at, { credentialSecret: secret });
});

test('a wrong secret is told before any credential is there', () => {
  const at = join(folder(), 'node-red');
  prepare(at, { credentialSecret: 'the first secret there was' });
  assert.match(refusal(at, { credentialSecret: 'another secret of the operator' }), /is not the one that encrypted/);
});

test('a damaged file of credentials is refused too; one in the clear is left to Node-RED to encrypt', () => {
  const at = join(folder(), 'node-red');
  prepare(at);
  writeFileSync(join(at, 'flows_cred.json'), '{"$":"00');
  assert.match(refusal(at), /is not the one that encrypted/);
  writeFileSync(join(at, 'flows_cred.json'), '{"mqtt-1":{"password":"p"}}');
  prepare(at);
});
