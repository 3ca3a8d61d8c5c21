/** Receivers that behave badly: what each means for the alert. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, Endpoint } from './endpoint.ts';
import { messageOfAlert } from './message.ts';
import { openReceiver, testAlert } from './testing.ts';

const never = new AbortController().signal;
const keys = [Buffer.alloc(32)];

function post(url: string, timeoutMs = 5000): Promise<Answer> {
  return new Endpoint(url, keys, timeoutMs).post(messageOfAlert(testAlert()), never);
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('4xx is refused but for those of the moment; all else but 2xx is tried again, when the receiver says', async () => {
  await using receiver = await openReceiver();
  const expected: readonly [status: number, retryAfter: string, outcome: Answer['outcome'], retryAfterMs?: number][] = [
    [200, '', 'taken'],
    [202, '7', 'taken'],
    [400, '7', 'refused'],
    [401, '', 'refused'],
    [410, '', 'refused'],
    [408, '', 'failed'],
    [429, '7', 'failed', 7000],
    [429, 'Thu, 01 Jan 1970 00:00:00 GMT', 'failed', 0],
    [429, 'soon', 'failed'],
    [301, '', 'failed'],
    [304, '', 'failed'],
    [500, '', 'failed'],
    [503, '99999999', 'failed', 3_600_000],
  ];
  for (const [status, retryAfter, outcome, retryAfterMs] of expected) {
    receiver.answer((_, response) => {
      const headers = { location: 'http://127.0.0.1:9/', ...(retryAfter && { 'retry-after': retryAfter }) };
      response.writeHead(status, headers).end(status === 304 ? undefined : 'x'.repeat(1_000_000));
    });
    const answer = await post(receiver.url);
    assert.equal(answer.outcome, outcome, `${status}`);
    assert.equal('retryAfterMs' in answer ? answer.retryAfterMs : undefined, retryAfterMs, `${status}`);
    if (answer.outcome !== 'taken') assert.ok(answer.reason.length < 300);
  }
  assert.equal(receiver.received.length, expected.length);
});

test('no answer, half an answer and what is no HTTP are failures, within the time given', async () => {
  const sockets = new Set<Socket>();
  let behave: (socket: Socket) => void = () => {};
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => behave(socket));
  });
  const url = `http://127.0.0.1:${await portOf(server)}/`;
  const behaviours: readonly [(socket: Socket) => void, RegExp][] = [
    [() => {}, /^did not answer within 300 ms$/],
    [socket => socket.write('HTTP/1.1 500 x\r\ncontent-length: 9\r\n\r\nab'), /^did not answer within 300 ms$/],
    [socket => socket.end('HTTP/1.1 400 x\r\ncontent-length: 9\r\n\r\nab'), /^does not answer \(ECONNRESET\)$/],
    [socket => socket.end('SSH-2.0-OpenSSH_9.6\r\n'), /^does not answer \(HPE_/],
    [socket => socket.end('HTTP/1.1 101 x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'), /^does not answer \(/],
    [socket => socket.end(), /^does not answer \(ECONNRESET\)$/],
    [socket => socket.resetAndDestroy(), /^does not answer \(ECONNRESET\)$/],
  ];
  try {
    for (const [behaviour, reason] of behaviours) {
      behave = behaviour;
      const answer = await post(url, 300);
      assert.equal(answer.outcome, 'failed');
      assert.match(answer.reason, reason);
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  assert.match(
    JSON.stringify(await post('http://no-such-host.invalid/')),
    /failed.*does not answer \((ENOTFOUND|EAI_AGAIN)\)/,
  );
});

const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
const made = spawnSync(
  'openssl',
  'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout key -out cert'.split(
    ' ',
  ),
  { cwd: folder },
);

test('a certificate that nobody vouches for is no receiver, although the environment says not to look', {
  skip: made.status !== 0 && 'needs openssl to make a certificate',
}, async t => {
  t.after(() => rmSync(folder, { recursive: true }));
  const server = createSecureServer(
    { key: readFileSync(join(folder, 'key')), cert: readFileSync(join(folder, 'cert')) },
    () => assert.fail('a request arrived'),
  );
  t.after(() => server.close());
  const url = `https://localhost:${await portOf(server)}/`;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
  const answer = await post(url);
  assert.deepEqual(answer, { outcome: 'failed', reason: 'does not answer (DEPTH_ZERO_SELF_SIGNED_CERT)' });
});
