import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createServer } from 'node:tls';
import { openBroker } from '../../../test/broker.ts';
import { folder } from '../../../test/outbox.ts';
import { type LinkOptions, openLink } from './link.ts';

function link(url: string, options: Partial<LinkOptions> = {}) {
  const opened = openLink({
    url,
    clientId: 'gw',
    keepaliveSeconds: 60,
    inFlight: 10,
    maxPayloadBytes: 1000,
    onOversize: () => {},
    onOpen: () => {},
    onMessage: async () => {},
    ...options,
  });
  after(opened.end);
  return opened;
}

/** A certificate that signs itself, for 127.0.0.1. */
function certificate(): { key: Buffer; cert: Buffer } {
  const home = folder();
  const [key, cert] = [join(home, 'key.pem'), join(home, 'cert.pem')] as const;
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const names = ['-subj', '/CN=broker', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

test('why a connection did not come about is said as the peer put it', async () => {
  await using broker = await openBroker();
  broker.refuse = 5;
  assert.match(await link(broker.url).closed, /Not authorized/i);
  const { url } = broker;
  await broker[Symbol.asyncDispose]();
  assert.match(await link(url).closed, /ECONNREFUSED/);
});

test('TLS: the broker’s certificate is checked against the authority given', async () => {
  await using broker = await openBroker();
  const own = certificate();
  const server = createServer(own, socket => {
    const inner = connect(broker.port, '127.0.0.1');
    socket.pipe(inner).pipe(socket);
    socket.on('error', () => inner.destroy());
    inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  });
  server.on('tlsClientError', () => {});
  after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const trusted = link(url, { tls: { ca: own.cert } });
  await trusted.opened;
  assert.deepEqual(await trusted.subscribe(['a/+'], 1), []);
  trusted.end();
  await trusted.closed;
  assert.match(await link(url, { tls: { ca: certificate().cert } }).closed, /self.signed|certificate/i);
});
