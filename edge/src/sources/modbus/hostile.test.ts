import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { until } from '../../../test/outbox.ts';
import { level, running } from './testdata/running.ts';

/** A server that answers each request with what it is told. */
async function answering(answer: (request: Buffer) => Buffer | undefined) {
  const sockets: Socket[] = [];
  let requests = 0;
  const server = createServer(socket => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', request => {
      requests += 1;
      const bytes = answer(request);
      if (bytes !== undefined) socket.write(bytes);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { tcp: { host: '127.0.0.1', port }, sockets, requests: () => requests };
}

/** An answer to the request with that much after the transaction's number. */
function framed(request: Buffer, pdu: readonly number[]): Buffer {
  return Buffer.from([...request.subarray(0, 2), 0, 0, 0, pdu.length, ...pdu]);
}

const devices = [{ sensor: 'odd', registers: [level, { metric: 'on', unit: '1', kind: 'coil', address: 3 }] }];

for (const [what, pduOf] of Object.entries({
  'says fewer bytes than it has': (unit: number, code: number) => [unit, code, 0, ...(code === 1 ? [9] : [0, 9])],
  'says more bytes than it has': (unit: number, code: number) => [unit, code, 250, ...(code === 1 ? [9] : [0, 9])],
  'is of another unit': (unit: number, code: number) => [unit + 1, code, ...(code === 1 ? [1, 9] : [2, 0, 9])],
  'is of another function': (unit: number, code: number) => [unit, code + 1, ...(code === 1 ? [1, 9] : [2, 0, 9])],
  'is too short': (unit: number, code: number) => [unit, code],
  'is too long': (unit: number, code: number) => [unit, code, 4, 0, 9, 0, 9],
}))
  test(`an answer that ${what} gives no reading, and is said`, async () => {
    const { tcp } = await answering(request => framed(request, pduOf(request[6]!, request[7]!)));
    const { emitted, claims, troubles, end } = running({ tcp, devices, timeoutMs: 2000 });
    await until('two rounds', () => claims.length >= 2 && troubles.length >= 2);
    await end();
    assert.deepEqual(emitted, []);
    assert.deepEqual([troubles[0]!.sensor, troubles[0]!.trouble], ['odd', 'garbage']);
  });

test('rubbish of any length: no reading, and the rounds go on', async () => {
  const { tcp, requests } = await answering(() => randomBytes(1 + Math.floor(Math.random() * 300)));
  const { emitted, troubles, end } = running({ tcp, devices, timeoutMs: 20 });
  await until('ten requests', () => requests() >= 10);
  await end();
  assert.deepEqual(emitted, []);
  assert.ok(troubles.length > 0);
});

test('a connection over which nobody answers any more is made anew', async () => {
  let isDeaf = false;
  const { tcp, sockets } = await answering(request =>
    // What the other end has forgotten is one connection, not all.
    isDeaf && sockets.length === 1 ? undefined : framed(request, [1, 3, 2, 0, 9]),
  );
  const { emitted, troubles, end } = running({ tcp, devices: [{ sensor: 'well', registers: [level] }], timeoutMs: 50 });
  await until('it is read', () => emitted.length > 0);
  isDeaf = true;
  await until('it is absent', () => troubles.some(({ trouble }) => trouble === 'absent'));
  const read = emitted.length;
  await until('it is read again', () => emitted.length > read);
  await end();
  assert.equal(sockets.length, 2);
});
