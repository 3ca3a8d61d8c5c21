import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { type Authority, createAuthority, openAuthority } from './authority.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-pki-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What a bridge with this authority answers to a client: its common name, or why it was refused. */
async function handshake(authority: Authority, client: { certPem: string; keyPem: string }): Promise<string> {
  const { certPem, keyPem } = await authority.server(['localhost', '127.0.0.1']);
  const server = createServer({
    cert: certPem,
    key: keyPem,
    ca: authority.caPem,
    crl: readFileSync(join(authority.folder, 'crl.pem')),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
  });
  const answer = new Promise<string>(resolve => {
    server.once('tlsClientError', error =>
      resolve(`refused: ${(error as NodeJS.ErrnoException).code ?? error.message}`),
    );
    server.once('secureConnection', (socket: TLSSocket) => {
      resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
      socket.on('error', () => {}).destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: authority.caPem,
    cert: client.certPem,
    key: client.keyPem,
  }).on('error', () => {});
  try {
    return await answer;
  } finally {
    socket.destroy();
    server.close();
  }
}

test('issues certificates that OpenSSL accepts, with the names and uses of the contract', async t => {
  const dir = folder(t);
  const authority = await createAuthority(join(dir, 'pki'));
  const gateway = await authority.gateway('lamp-17');
  const server = await authority.server(['bridge.example', '10.0.0.7', '::1']);
  writeFileSync(join(dir, 'gateway.pem'), gateway.certPem);
  writeFileSync(join(dir, 'server.pem'), server.certPem);
  const ca = ['-CAfile', join(dir, 'pki/ca.pem'), '-x509_strict'];
  execFileSync('openssl', ['verify', ...ca, '-purpose', 'sslclient', join(dir, 'gateway.pem')]);
  execFileSync('openssl', ['verify', ...ca, '-purpose', 'sslserver', join(dir, 'server.pem')]);
  assert.throws(() =>
    execFileSync('openssl', ['verify', ...ca, '-purpose', 'sslserver', join(dir, 'gateway.pem')], { stdio: 'pipe' }),
  );
  const parsed = new X509Certificate(gateway.certPem);
  assert.equal(parsed.subjectAltName, 'URI:urn:millrace:gateway:lamp-17');
  assert.equal(parsed.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(parsed.serialNumber.toLowerCase(), gateway.serial);
  assert.equal(Math.round((gateway.notAfter.getTime() - Date.now()) / 86_400_000), 825);
  assert.match(new X509Certificate(server.certPem).subjectAltName!, /DNS:bridge.example, IP Address:10.0.0.7/);
});

test('a gateway gets in; one of another authority, and a revoked one, do not', async t => {
  const dir = folder(t);
  const authority = await createAuthority(join(dir, 'one'));
  const other = await createAuthority(join(dir, 'other'));
  const good = await authority.gateway('lamp-17');
  assert.equal(await handshake(authority, good), 'URI:urn:millrace:gateway:lamp-17');
  assert.match(await handshake(authority, await other.gateway('lamp-17')), /^refused: /);
  const again = await authority.gateway('lamp-18');
  const revoked = await authority.revoke('lamp-17');
  assert.deepEqual(
    revoked.map(({ serial }) => serial),
    [good.serial],
  );
  assert.match(await handshake(authority, good), /^refused: /);
  writeFileSync(join(dir, 'gateway.pem'), good.certPem);
  const check = ['verify', '-CAfile', join(dir, 'one/ca.pem'), '-crl_check', '-CRLfile', join(dir, 'one/crl.pem')];
  assert.throws(
    () => execFileSync('openssl', [...check, join(dir, 'gateway.pem')], { stdio: 'pipe' }),
    /certificate revoked/,
  );
  assert.equal(await handshake(authority, again), 'URI:urn:millrace:gateway:lamp-18');
});

test('keeps what it issued across a restart and a torn last line, and secrets from others', async t => {
  const dir = join(folder(t), 'pki');
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const authority = await createAuthority(dir);
  const { serial } = await authority.gateway('lamp-1');
  await authority.gateway('lamp-2');
  await authority.revoke(serial);
  appendFileSync(join(dir, 'index.jsonl'), '{"event":"iss');
  const reopened = openAuthority(dir);
  await reopened.gateway('lamp-3');
  assert.deepEqual(
    reopened.list().map(({ name, revoked }) => [name, revoked !== undefined]),
    [
      ['lamp-1', true],
      ['lamp-2', false],
      ['lamp-3', false],
    ],
  );
  const mode = (file: string): number => statSync(join(dir, file)).mode & 0o777;
  assert.deepEqual(['.', 'ca.key', 'index.jsonl', 'ca.pem'].map(mode), [0o700, 0o600, 0o600, 0o644]);
});

test('does not replace an authority, and says where none is', async t => {
  const dir = join(folder(t), 'pki');
  assert.throws(
    () => openAuthority(dir),
    (error: ConfigError) => /millrace pki init/.test(error.message),
  );
  const authority = await createAuthority(dir);
  await assert.rejects(createAuthority(dir), ConfigError);
  await assert.rejects(authority.gateway('Lamp 17'), /must be 1–64/);
  await assert.rejects(authority.server(['not a host']), /DNS name/);
});
