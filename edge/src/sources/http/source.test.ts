import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { childEnv, folder, openAt, silent, until } from '../../../test/outbox.ts';
import type { Reading } from '../../reading.ts';
import type { Emit } from '../source.ts';
import { httpSchema } from './config.ts';
import type { Place } from './listen.ts';
import { http, httpSource } from './source.ts';

type Target = { socketPath: string } | { host: string; port: number };

interface Answer {
  readonly status: number;
  readonly body: { taken?: number; error?: string; mistakes?: { element: string; message: string }[] };
  readonly headers: IncomingHttpHeaders;
}

async function send(
  target: Target,
  body: unknown,
  { method = 'POST', path = '/readings', ...headers }: Record<string, string> = {},
): Promise<Answer> {
  const agent = new Agent({ keepAlive: false });
  const sent = request({ ...target, method, path, agent, headers: { 'content-type': 'application/json', ...headers } });
  // An answer may come before the body has left; that the rest is refused then is no failure.
  const answered = new Promise<Answer>((resolve, reject) => {
    sent.on('error', reject).on('response', response => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => void chunks.push(chunk))
        .on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode!, body: JSON.parse(text), headers: response.headers });
        });
    });
  });
  sent.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  return await answered;
}

const reading = (value: unknown = 1) => ({ sensor: 'well', metric: 'level', unit: 'm', value });

async function serving(options: Record<string, unknown> = {}) {
  const socket = join(folder(), 'readings.sock');
  const config = httpSchema.parse({ type: 'http', ...('port' in options ? {} : { socket }), ...options });
  const place: Place = config.port === undefined ? { socket } : { host: config.host, port: config.port };
  const stop = new AbortController();
  const emitted: Reading[][] = [];
  const claims: number[] = [];
  const troubles: string[] = [];
  let gate: PromiseWithResolvers<void> | undefined;
  const emit: Emit = async (readings, note) => {
    if (note?.completeThroughUs !== undefined) claims.push(note.completeThroughUs);
    if (readings.length === 0) return;
    emitted.push([...readings]);
    await gate?.promise;
  };
  const listens = Promise.withResolvers<Target>();
  const run = httpSource(config, place, server => {
    const address = server.address() as AddressInfo | string;
    listens.resolve(typeof address === 'string' ? { socketPath: address } : { host: '127.0.0.1', port: address.port });
  }).run(emit, {
    signal: stop.signal,
    cursor: undefined,
    log: silent,
    nowUs: () => 1_800_000_000_000_000,
    trouble: (sensor, trouble) => void troubles.push(`${sensor} ${trouble}`),
  });
  const end = async (): Promise<void> => {
    gate?.resolve();
    stop.abort(new Error('test ends'));
    await run;
  };
  after(end);
  const target = await Promise.race([listens.promise, run.then(() => assert.fail('ended'))]);
  return {
    target,
    socket,
    emitted,
    claims,
    troubles,
    end,
    hold: () => {
      gate = Promise.withResolvers();
    },
    release: () => {
      gate?.resolve();
      gate = undefined;
    },
  };
}

test('202 comes only after the readings are on disk; the socket is for the agent’s user and group', async () => {
  const { target, socket, emitted, claims, hold, release, end } = await serving();
  assert.equal(statSync(socket).mode & 0o777, 0o660);
  hold();
  let answered = false;
  const pending = send(target, [
    reading(),
    { ...reading(true), time: '2026-11-28T12:00:00Z', quality: 1, intervalMs: 500 },
  ]);
  void pending.then(() => (answered = true));
  await until('it is being stored', () => emitted.length === 1);
  // Another request is served meanwhile: had the first been answered, its answer would have come by now.
  assert.equal((await send(target, 'x', { method: 'PUT' })).status, 405);
  assert.equal(answered, false);
  release();
  const { status, body } = await pending;
  assert.deepEqual([status, body], [202, { taken: 2 }]);
  assert.deepEqual(emitted[0], [
    { ...reading(), timeUs: 1.8e15 },
    { ...reading(1), timeUs: Date.UTC(2026, 10, 28, 12) * 1000, dated: 'source', quality: 1, intervalMs: 500 },
  ]);
  assert.equal(claims[0], 1.8e15 - 2e6);
  await end();
});

test('SenML and, by a mapping, any JSON', async () => {
  const plain = await serving({ name: 'door' });
  const senml = { 'content-type': 'application/senml+json; charset=utf-8' };
  assert.equal(
    (
      await send(
        plain.target,
        [
          { n: 'urn:dev:mac:1:temp', u: 'degC', v: 20, t: -1 },
          { n: 'x', v: 1 },
        ],
        senml,
      )
    ).status,
    202,
  );
  assert.deepEqual(plain.emitted[0], [
    { sensor: 'urn:dev:mac:1', metric: 'temp', unit: 'Cel', value: 20, timeUs: 1.8e15 - 1e6 },
    { sensor: 'door', metric: 'x', unit: '1', value: 1, timeUs: 1.8e15 },
  ]);
  const bad = await send(plain.target, [{ n: 'a', v: 'x' }], senml);
  assert.deepEqual(bad.body.mistakes, [{ element: '[0].v', message: 'must be a finite number' }]);
  await plain.end();
  const mapping = { sensor: { path: '[*].id' }, metric: 'co2', unit: '[ppm]', value: '[*].ppm' };
  const other = await serving({ mapping });
  assert.equal(
    (
      await send(other.target, [
        { id: 'a', ppm: 400 },
        { id: 'b', ppm: '512' },
      ])
    ).body.taken,
    2,
  );
  assert.deepEqual((await send(other.target, [{ id: 'a', ppm: 400 }, { ppm: 'x' }])).body.mistakes, [
    { element: '[1].ppm', message: 'is no number, but "x"' },
  ]);
  assert.equal(other.emitted.length, 1);
  await other.end();
});

test('a bad request: every mistake by its element, nothing taken, its sensors said; the others go on', async () => {
  const { target, emitted, troubles, end } = await serving();
  const { status, body } = await send(target, [
    reading(),
    reading('high'),
    { ...reading('low'), unit: 'furlong' },
    { ...reading(), time: 'noon', colour: 'red' },
    7,
  ]);
  assert.equal(status, 400);
  assert.deepEqual(
    body.mistakes!.map(({ element }) => element),
    ['[1].value', '[2].unit', '[2].value', '[3].colour', '[4]'],
  );
  assert.deepEqual(troubles, ['well garbage']);
  for (const broken of ['{', '[]', '{"sensor":"a"}', Buffer.from([0x22, 0xff, 0x22])])
    assert.equal((await send(target, broken)).status, 400);
  assert.equal(emitted.length, 0);
  assert.equal((await send(target, reading())).status, 202);
  await end();
});

test('too large, by length and chunked; wrong types, paths and methods', async () => {
  const { target, emitted, end } = await serving({ maxBodyBytes: 2000 });
  const large = JSON.stringify([{ ...reading(), sensor: 'x'.repeat(3000) }]);
  // The length alone is refused: the body is never sent.
  const socket = connect('socketPath' in target ? { path: target.socketPath } : target);
  socket.write(
    'POST /readings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9000000000\r\n\r\n',
  );
  const [first] = (await once(socket, 'data')) as [Buffer];
  assert.match(first.toString(), /^HTTP\/1\.1 413/);
  socket.destroy();
  assert.equal((await send(target, large, { 'transfer-encoding': 'chunked' })).status, 413);
  assert.equal((await send(target, reading(), { 'content-type': 'text/plain' })).status, 415);
  assert.equal((await send(target, reading(), { 'content-encoding': 'gzip' })).status, 415);
  assert.equal((await send(target, reading(), { path: '/' })).status, 404);
  const get = await send(target, '', { method: 'GET' });
  assert.deepEqual([get.status, get.headers.allow], [405, 'POST']);
  assert.equal(emitted.length, 0);
  await end();
});

test('a full outbox: 503 after a bounded wait, 429 when too many wait, and both say when to come again', async () => {
  const { target, emitted, hold, release, end } = await serving({ storeDeadlineMs: 150, maxWaiting: 2 });
  hold();
  const two = [send(target, reading(1)), send(target, reading(2))];
  await until('both wait', () => emitted.length === 2);
  const third = await send(target, reading(3));
  assert.deepEqual([third.status, third.headers['retry-after']], [429, '5']);
  for (const { status, headers } of await Promise.all(two))
    assert.deepEqual([status, headers['retry-after']], [503, '5']);
  // The two still wait for the disk, so their places are taken.
  assert.equal((await send(target, reading(4))).status, 429);
  release();
  await until('there is room', () => emitted.length === 2);
  assert.equal((await send(target, reading(5))).status, 202);
  await end();
});

test('slow loris: a request that does not come to its end is closed, and others are served meanwhile', async () => {
  const { target, emitted, end } = await serving({ requestTimeoutMs: 300 });
  const path = 'socketPath' in target ? target.socketPath : '';
  const slow = [
    'POST /readings HTTP/1.1\r\nhost: x\r\n',
    'POST /readings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"sensor',
  ].map(start => {
    const socket = connect(path).on('error', () => {});
    socket.write(start);
    socket.resume();
    return once(socket, 'close');
  });
  assert.equal((await send(target, reading())).status, 202);
  await Promise.all(slow);
  assert.equal((await send(target, reading())).status, 202);
  assert.equal(emitted.length, 2);
  await end();
});

test('the token is asked of everybody, before anything else is looked at', async () => {
  const { target, emitted, end } = await serving({ port: 0, token: 'correct horse battery' });
  assert.equal((await send(target, reading())).status, 401);
  assert.equal(
    (await send(target, reading(), { authorization: 'Bearer wrong' })).headers['www-authenticate'],
    'Bearer',
  );
  assert.equal((await send(target, reading(), { authorization: 'Bearer correct horse battery' })).status, 202);
  assert.equal(emitted.length, 1);
  await end();
});

test('killed: what had 202 is in the outbox, and the socket left behind is replaced', async () => {
  const home = folder();
  const path = join(home, 'o.db');
  const socket = join(home, 'readings.sock');
  const start = async () => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('./testdata/door.ts')), path, socket], {
      env: childEnv(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  };
  const accepted: number[] = [];
  for (const round of [0, 1]) {
    const child = await start();
    const exited = once(child, 'exit');
    // Killed in the middle: those after get no answer.
    for (let i = 0; ; i++) {
      const value = round * 1000 + i;
      if (i === 10) setTimeout(() => child.kill('SIGKILL'), Math.random() * 10);
      const answer = await send({ socketPath: socket }, reading(value)).catch(() => undefined);
      if (answer === undefined) break;
      if (answer.status === 202) accepted.push(value);
    }
    await exited;
  }
  assert.ok(accepted.length >= 20);
  await using outbox = openAt(path, { sources: ['http'] });
  const stored = outbox.page(-1, 100_000).flatMap(({ bytes }) => decodeBatch(bytes).value);
  assert.deepEqual(
    accepted.filter(value => !stored.includes(value)),
    [],
  );
});

test('a socket somebody listens on, and a file that is none, are left alone', async () => {
  const { socket, target, end } = await serving();
  const second = (at: string) =>
    httpSource(httpSchema.parse({ type: 'http', socket: at }), { socket: at }).run(async () => {}, {
      signal: new AbortController().signal,
      cursor: undefined,
      log: silent,
      nowUs: () => 0,
      trouble: () => {},
    });
  await assert.rejects(second(socket), /another process listens/);
  assert.equal((await send(target, reading())).status, 202);
  const file = join(folder(), 'precious');
  writeFileSync(file, 'data');
  await assert.rejects(second(file), /is no socket/);
  await end();
});

test('the configuration: loopback unless said otherwise, and then with a token', async () => {
  const paths = (config: object): string[] =>
    httpSchema.safeParse({ type: 'http', ...config }).error?.issues.map(({ path }) => path.join('.')) ?? [];
  assert.deepEqual(paths({}), ['socket']);
  assert.deepEqual(paths({ socket: 'a', port: 1 }), ['socket']);
  assert.deepEqual(paths({ host: '0.0.0.0', port: 8000 }), ['host', 'token']);
  assert.deepEqual(paths({ host: '::1', port: 8000 }), []);
  assert.deepEqual(paths({ host: '0.0.0.0', port: 8000, beyondLoopback: true, token: 'correct horse battery' }), []);
  assert.deepEqual(paths({ port: 8000, token: 'short', maxBodyBytes: 1 }), ['token', 'maxBodyBytes']);
  const config = httpSchema.parse({ type: 'http', port: 8000, tokenFile: '/nowhere' });
  await assert.rejects(http.open(config, { key: 'edge.sources.0', resolvePath: path => path }), ConfigError);
});
