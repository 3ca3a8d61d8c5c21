/** Who gets in over TLS, as what, and who is put out again; with certificates that `millrace pki` makes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type Authority, createAuthority } from '@millrace/pki/authority.ts';
import { openLog } from '@millrace/runtime/log.ts';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { type Broker, openBroker } from './broker.ts';
import { gatewayOfNames } from './certificate.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-door-'));
const files = { cert: 'cert.pem', key: 'key.pem', ca: 'ca.pem', crl: 'crl.pem' };
const paths = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(home, file)])) as typeof files;
const stored: { topic: string; from: string }[] = [];
const refusals: unknown[] = [];
let city: Authority;
let broker: Broker;

before(async () => {
  city = await createAuthority(join(home, 'city'));
  await renewServer();
  broker = await openBroker({
    host: '127.0.0.1',
    port: 0,
    tls: { host: '127.0.0.1', port: 0, files: paths },
    log: openLog('door-test', 'silent'),
    store: async ({ topic }, from) => {
      stored.push({ topic, from });
      return { readings: 0 };
    },
    onRefused: code => refusals.push(code),
  });
});

after(async () => {
  await broker?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

async function renewServer(): Promise<void> {
  const { certPem, keyPem } = await city.server(['localhost', '127.0.0.1']);
  writeFileSync(paths.key, keyPem);
  writeFileSync(paths.cert, certPem);
  writeFileSync(paths.ca, city.caPem);
  await city.writeRevocationList();
  writeFileSync(paths.crl, readCrl());
}
const readCrl = (): string => readFileSync(join(city.folder, 'crl.pem'), 'utf8');

async function certificate(gateway: string, of: Authority = city): Promise<{ cert: string; key: string }> {
  const { certPem: cert, keyPem: key } = await of.gateway(gateway);
  return { cert, key };
}

/** Connected, or how it was refused. */
function come(own: { cert?: string; key?: string }, options: IClientOptions = {}): Promise<MqttClient | string> {
  const client = mqtt.connect(`mqtts://127.0.0.1:${broker.tlsPort}`, {
    protocolVersion: 4,
    clientId: `test-${Math.random().toString(36).slice(2, 10)}`,
    reconnectPeriod: 0,
    ca: city.caPem,
    ...own,
    ...options,
  });
  return new Promise(resolve => {
    client.once('connect', () => resolve(client));
    client.once('error', error => resolve(error.message));
    client.once('close', () => resolve('closed'));
  });
}

async function connected(own: { cert: string; key: string }, options?: IClientOptions): Promise<MqttClient> {
  const client = await come(own, options);
  assert.ok(typeof client !== 'string', 'refused');
  client.on('error', () => {});
  return client;
}

async function refusal(own: { cert: string; key: string }, options: IClientOptions): Promise<string> {
  const answer = await come(own, options);
  assert.ok(typeof answer === 'string', 'let in');
  return answer;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !condition(); await wait(20))
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
}

test('a gateway is who its certificate says, whatever client identifier it gives', async () => {
  const client = await connected(await certificate('lamp-7'), { clientId: 'lamp-8' });
  await client.publishAsync('millrace/v1/lamp-7/status', Buffer.from('x'), { qos: 1 });
  assert.deepEqual(stored.at(-1), { topic: 'millrace/v1/lamp-7/status', from: 'lamp-7' });
  assert.equal((await client.subscribeAsync('millrace/v1/lamp-7/commands', { qos: 1 }))[0]!.qos, 1);
  await assert.rejects(client.subscribeAsync('millrace/v1/lamp-8/commands', { qos: 1 }));
  await client.endAsync();
});

test('the certificate of one gateway speaks for no other: not by user name, not by will', async () => {
  const own = await certificate('lamp-7');
  assert.match(await refusal(own, { username: 'lamp-8', password: 'x' }), /Not authorized/);
  const will = { topic: 'millrace/v1/lamp-8/status', payload: Buffer.from('x'), qos: 1 as const, retain: true };
  assert.match(await refusal(own, { will }), /Not authorized/);
  const same = await connected(own, { username: 'lamp-7', password: 'x' });
  await same.endAsync();
});

test('no certificate, one of another city, one of a server, and a name that is no gateway’s stay outside', async () => {
  const other = await createAuthority(join(home, 'other'));
  const { certPem, keyPem } = await city.server(['lamp-7']);
  const before = refusals.filter(code => code === 'tls').length;
  for (const own of [{}, await certificate('lamp-7', other), { cert: certPem, key: keyPem }])
    assert.notEqual(typeof (await come(own)), 'object');
  await until('each is counted', () => refusals.filter(code => code === 'tls').length === before + 3);
  assert.equal(gatewayOfNames('DNS:x, URI:urn:millrace:gateway:lamp-7'), 'lamp-7');
  assert.equal(gatewayOfNames('URI:urn:millrace:gateway:a, URI:urn:millrace:gateway:b'), undefined);
  assert.equal(gatewayOfNames('DNS:"x, URI:urn:millrace:gateway:lamp-7"'), undefined);
  assert.equal(gatewayOfNames('URI:urn:millrace:gateway:Lamp 7'), undefined);
  assert.equal(gatewayOfNames('URI:urn:millrace:gateway:'), undefined);
  assert.equal(gatewayOfNames(undefined), undefined);
});

test('older protocols and ciphers without forward secrecy are refused', async () => {
  const own = await certificate('lamp-7');
  const shake = async (options: ConnectionOptions): Promise<string> => {
    const socket = connectTls({ port: broker.tlsPort!, host: '127.0.0.1', ca: city.caPem, ...own, ...options });
    try {
      await once(socket, 'secureConnect');
      return `${socket.getProtocol()} ${socket.getCipher().name}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    } finally {
      socket.destroy();
    }
  };
  const old = { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
  assert.match(await shake({ ...old, maxVersion: 'TLSv1.1' }), /ERR_SSL|ECONNRESET/);
  assert.match(await shake({ maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES256-SHA' }), /ERR_SSL|ECONNRESET/);
  assert.match(await shake({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-ECDSA/);
  assert.match(await shake({}), /^TLSv1\.3/);
});

test('certificates, authority and revocation list are read again: who is right stays, who is revoked is put out and kept out', async () => {
  const [right, wrong] = [await certificate('lamp-1'), await certificate('lamp-2')];
  const stays = await connected(right);
  const goes = await connected(wrong);
  let staysClosed = false;
  stays.once('close', () => (staysClosed = true));
  const gone = once(goes as unknown as NodeJS.EventEmitter, 'close');
  await city.revoke('lamp-2');
  writeFileSync(paths.crl, readCrl());
  await gone;
  assert.equal(typeof (await come(wrong)), 'string');

  writeFileSync(paths.cert, 'half of a file');
  await wait(2_500); // Longer than it looks again: what does not fit is not taken.
  const during = await connected(right);
  await during.endAsync();
  await renewServer();
  await stays.publishAsync('millrace/v1/lamp-1/status', Buffer.from('x'), { qos: 1 });
  assert.equal(staysClosed, false);
  await stays.endAsync();
});

test('a file that is missing or does not fit ends the start, and says which', async () => {
  const start = (changes: Partial<typeof files>) =>
    openBroker({
      host: '127.0.0.1',
      port: 0,
      tls: { host: '127.0.0.1', port: 0, files: { ...paths, ...changes } },
      log: openLog('door-test', 'silent'),
      store: () => Promise.reject(new Error('never')),
    });
  await assert.rejects(start({ cert: join(home, 'none.pem') }), /bridge\.tls\.cert: cannot be read/);
  await assert.rejects(start({ key: join(city.folder, 'ca.key') }), /bridge\.tls: the files do not fit together/);
});
