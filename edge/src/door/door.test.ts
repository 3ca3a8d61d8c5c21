import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { type Command, decodeReply, encodeCommand } from '@millrace/wire/command.ts';
import { type GatewayId, mqttTopic } from '@millrace/wire/names.ts';
import mqtt from 'mqtt';
import { openBroker, type TestBroker } from '../../test/broker.ts';
import { childEnv, folder, until } from '../../test/outbox.ts';
import type { AgentStatus } from './status.ts';

const agentFile = fileURLToPath(import.meta.resolve('../../test/agent.ts'));
const gateway = 'gw-1' as GatewayId;

async function startAgent(broker: TestBroker, home = folder()) {
  const file = join(home, 'edge.yaml');
  writeFileSync(
    file,
    `edge:
  gateway: gw-1
  mqtt: { url: "${broker.url}" }
  outbox: { path: outbox.db, groupCommitMs: 5 }
  health: { port: 0 }
  clock: { assume: synced }
  sources:
    - { type: host, intervalMs: 200 }
`,
  );
  const child = spawn(process.execPath, [agentFile, file], { env: childEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  after(() => child.kill('SIGKILL'));
  const socket = join(home, 'agent.sock');
  await until('the agent', () => broker.connects > 0 && statSync(socket, { throwIfNoEntry: false }) !== undefined);
  return {
    child,
    socket,
    home,
    said: () => said,
    /** Before its folder goes: it writes there. */
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(socketPath: string, method: string, path: string, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method, headers: { 'content-type': 'application/json' } }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, body: text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Listens to commands; `close` ends it. */
function listen(socketPath: string) {
  const lines: string[] = [];
  const asked = request({ socketPath, path: '/commands' });
  asked.on('error', () => {});
  const opened = new Promise<void>(resolve =>
    asked.on('response', response => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (text + chunk).split('\n');
        text = parts.pop()!;
        lines.push(...parts.filter(line => line !== ''));
      });
      response.on('error', () => {}); // Closed by this side.
      resolve();
    }),
  );
  asked.end();
  return { lines, opened, close: () => asked.destroy() };
}

const command = (id: string, more: Partial<Command> = {}): Command => ({
  id,
  gateway,
  name: 'lamp',
  arguments: '{"on":true}',
  expiresUs: 0,
  ...more,
});

test('the door says how the agent is, and only its user and group may open it', async () => {
  await using broker = await openBroker();
  await using agent = await startAgent(broker);
  const { socket, child, said } = agent;
  assert.equal(statSync(socket).mode & 0o777, 0o660);
  let status: AgentStatus | undefined;
  for (const end = Date.now() + 10_000; Date.now() < end && (status?.lastSeq ?? -1) < 0; )
    status = JSON.parse((await ask(socket, 'GET', '/status')).body) as AgentStatus;
  const { connected, outbox, sources, clock } = status!;
  assert.deepEqual([status!.gateway, connected, outbox.writable, outbox.held], ['gw-1', true, true, 0]);
  assert.equal(clock.state, 'SYNCED');
  const [host] = sources;
  assert.deepEqual([host!.name, host!.type], ['host', 'host']);
  assert.ok(
    host!.sensors.some(({ sensor, lastUs, trouble }) => sensor === 'cpu' && lastUs > 0 && trouble === undefined),
  );
  assert.equal((await ask(socket, 'GET', '/nowhere')).status, 404);
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 0, said());
  assert.equal(statSync(socket, { throwIfNoEntry: false }), undefined);
});

test('a killed agent’s socket is taken over; a living one’s is not', async () => {
  await using broker = await openBroker();
  await using first = await startAgent(broker);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await using second = await startAgent(broker, first.home);
  let status = 0;
  for (const end = Date.now() + 30_000; status !== 200 && Date.now() < end; )
    ({ status } = await ask(second.socket, 'GET', '/status').catch(() => ({ status: 0 })));
  assert.equal(status, 200);
  const file = join(second.home, 'other.yaml');
  writeFileSync(
    file,
    `edge:
  gateway: gw-2
  outbox: { path: other.db }
  local: { socket: agent.sock }
  health: { port: 0 }
  sources: [{ type: host }]
`,
  );
  const other = spawn(process.execPath, [agentFile, file], { env: childEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  after(() => other.kill('SIGKILL'));
  let said = '';
  other.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(other, 'close')) as [number];
  assert.equal(code, 78);
  assert.match(said, /edge\.local\.socket: cannot listen on .*another process listens on/);
});

test('commands reach each listener once, replies go back, and what nobody takes is said', async () => {
  await using broker = await openBroker();
  await using agent = await startAgent(broker);
  const { socket, said } = agent;
  const city = await mqtt.connectAsync(broker.url, { protocolVersion: 4 });
  after(() => city.endAsync(true));
  const send = (payload: Uint8Array) =>
    city.publishAsync(mqttTopic(gateway, 'commands'), Buffer.from(payload), { qos: 1 });
  const replies = () =>
    broker.publishes.filter(({ topic }) => topic.endsWith('/replies')).map(({ payload }) => decodeReply(payload));
  // The subscription follows the birth: until it stands, nothing comes.
  await until('the subscription', () => broker.subscribed.has(mqttTopic(gateway, 'commands')));
  await send(encodeCommand(command('early')));
  await until('the first reply', () => replies().length > 0);
  assert.deepEqual(
    replies().map(({ id, ok }) => [id, ok]),
    [['early', false]],
  );
  assert.match(replies()[0]!.body, /nothing on this gateway takes commands/);
  const one = listen(socket);
  const two = listen(socket);
  await Promise.all([one.opened, two.opened]);
  await send(encodeCommand(command('c-1')));
  await send(encodeCommand(command('c-1')));
  await send(encodeCommand(command('c-2', { expiresUs: 1 })));
  await send(encodeCommand(command('c-3', { gateway: 'other' as GatewayId })));
  await send(Buffer.from('garbage'));
  await send(encodeCommand(command('c-4', { arguments: '' })));
  await until('both', () => one.lines.length >= 2 && two.lines.length >= 2);
  for (const { lines } of [one, two])
    assert.deepEqual(
      lines.map(line => JSON.parse(line) as unknown),
      [
        { id: 'c-1', name: 'lamp', arguments: { on: true }, expiresUs: 0 },
        { id: 'c-4', name: 'lamp', arguments: null, expiresUs: 0 },
      ],
    );
  assert.equal((await ask(socket, 'POST', '/replies', '{"id":"c-1","ok":true,"body":{"lit":1}}')).status, 202);
  assert.equal((await ask(socket, 'POST', '/replies', '{"id":7}')).status, 400);
  assert.equal((await ask(socket, 'POST', '/replies', 'no json')).status, 400);
  await until('the reply', () => replies().length === 2);
  const reply = replies()[1]!;
  assert.deepEqual([reply.id, reply.ok, JSON.parse(reply.body), reply.gateway], ['c-1', true, { lit: 1 }, gateway]);
  for (const sentence of [/it has expired/, /it is for other/, /not a protobuf Command|must be/])
    assert.match(said(), sentence);
  // A reply while the broker is away goes out once it is back.
  broker.refuse = 3;
  broker.cut();
  await until('lost', () => said().includes('lost mqtt'));
  assert.equal((await ask(socket, 'POST', '/replies', '{"id":"c-4","ok":false,"body":"lamp is broken"}')).status, 202);
  broker.refuse = 0;
  await until('sent', () => replies().length === 3);
  assert.deepEqual([replies()[2]!.id, replies()[2]!.ok, replies()[2]!.body], ['c-4', false, 'lamp is broken']);
  one.close();
  two.close();
});

test('readings that a program brings are acknowledged once they are on disk, and arrive', async () => {
  await using broker = await openBroker();
  await using agent = await startAgent(broker);
  const { socket } = agent;
  const post = (body: unknown) => ask(socket, 'POST', '/readings', JSON.stringify(body));
  const one = { sensor: 'tank', metric: 'level', unit: '%', value: 71.5 };
  assert.deepEqual(await post(one), { status: 202, body: '{"taken":1}\n' });
  assert.equal((await post([one, { ...one, unit: 'furlong' }])).status, 400);
  const arrived = () =>
    broker.publishes
      .filter(({ topic }) => topic.endsWith('/readings'))
      .flatMap(({ payload }) => decodeBatch(payload).series.map(({ sensor, metric }) => `${sensor} ${metric}`));
  await until('at the broker', () => arrived().includes('tank level'));
  const { sources } = JSON.parse((await ask(socket, 'GET', '/status')).body) as AgentStatus;
  assert.equal(sources.find(({ name }) => name === 'door')!.sensors[0]!.sensor, 'tank');
});
