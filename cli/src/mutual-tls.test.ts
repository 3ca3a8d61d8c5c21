/** A gateway's agent and the city's authority: what `millrace pki` makes opens the door, and nothing else does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import { createAuthority } from '@millrace/pki/authority.ts';
import { openBroker } from '../../edge/test/broker.ts';
import { until } from '../../edge/test/outbox.ts';

const main = join(import.meta.dirname, 'main.ts');

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-mtls-'));
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  return path;
}

test('an agent with a certificate of the city gets in; with one of another city it does not, until it is given the right one', async t => {
  const [home, other] = [folder(t), folder(t)];
  const city = await createAuthority(join(home, 'city'));
  const elsewhere = await createAuthority(join(other, 'elsewhere'));
  await using broker = await openBroker();
  const { certPem, keyPem } = await city.server(['localhost', '127.0.0.1']);
  const names: string[] = [];
  // In front of the broker, as a proxy that ends TLS stands before the bridge.
  const door = createServer(
    { cert: certPem, key: keyPem, ca: city.caPem, requestCert: true, rejectUnauthorized: true },
    (socket: TLSSocket) => {
      names.push(socket.getPeerX509Certificate()?.subjectAltName ?? '');
      const inner = connect(broker.port, '127.0.0.1');
      socket.pipe(inner).pipe(socket);
      for (const one of [socket, inner])
        one.on('error', () => {}).on('close', () => (socket.destroy(), inner.destroy()));
    },
  );
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  t.after(() => door.close());
  const files = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' };
  const give = async (authority: typeof city): Promise<void> => {
    const own = await authority.gateway('lamp-17');
    writeFileSync(join(home, files.ca), city.caPem);
    writeFileSync(join(home, files.cert), own.certPem);
    writeFileSync(join(home, files.key), own.keyPem);
  };
  await give(elsewhere);
  writeFileSync(
    join(home, 'edge.yaml'),
    `edge:
  gateway: lamp-17
  mqtt: { url: "mqtts://127.0.0.1:${(door.address() as AddressInfo).port}", tls: ${JSON.stringify(files)} }
  outbox: { path: outbox.db }
  clock: { assume: synced }
  health: { port: 0 }
  sources: [{ type: host, intervalMs: 200 }]
`,
  );
  const agent = spawn(process.execPath, [main, 'edge', '--config', join(home, 'edge.yaml')], {
    env: { PATH: process.env['PATH'], MILLRACE_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  agent.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  try {
    await until('refused', () => /cannot connect to mqtts:/.test(said));
    assert.equal(broker.connects, 0);
    assert.deepEqual(names, []);
    // Files are read at each connection: a renewed certificate needs no restart.
    await give(city);
    await until('readings', () => broker.publishes.some(({ topic }) => topic === 'millrace/v1/lamp-17/readings'));
    assert.match(names[0]!, /urn:millrace:gateway:lamp-17/);
    assert.doesNotMatch(said, /BEGIN|PRIVATE/);
  } finally {
    agent.kill('SIGKILL');
    if (agent.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
  }
});
