import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFlow } from './flow.ts';
import { openGateway, until } from './gateway.ts';

const listening = (dot: string) => dot === 'listening';

test('a command becomes a message and is answered ok; names that are not wanted pass by', async () => {
  await using gateway = await openGateway();
  await gateway.start();
  await using flow = await runFlow([
    { id: 'agent', type: 'millrace-agent', socket: gateway.socket },
    { id: 'in', type: 'millrace in', agent: 'agent', commands: 'lamp-on, dim-*', reply: 'auto', wires: [['next']] },
    { id: 'next', type: 'helper' },
  ]);
  await until('the connection', () => listening(flow.dot('in')));
  await gateway.send({ id: 'c1', name: 'lamp-on', arguments: { level: 80 } });
  await gateway.send({ id: 'c2', name: 'lamp-off', arguments: null });
  await gateway.send({ id: 'c3', name: 'dim-slowly', arguments: [1, 2] });
  await until('two messages', () => flow.at('next').length === 2);
  const [first, second] = flow.at('next');
  assert.equal(first!['topic'], 'lamp-on');
  assert.deepEqual(first!.payload, { level: 80 });
  const { expiresUs, ...command } = first!['command'] as Record<string, unknown>;
  assert.deepEqual(command, { id: 'c1', name: 'lamp-on', arguments: { level: 80 } });
  assert.equal(typeof expiresUs, 'number');
  assert.deepEqual(second!.payload, [1, 2]);
  await until('two replies', () => gateway.replies().length === 2);
  assert.deepEqual(
    gateway.replies().map(({ id, ok }) => [id, ok]),
    [
      ['c1', true],
      ['c3', true],
    ],
  );
});

test('the flow answers: with what it has done, or with what went wrong', async () => {
  await using gateway = await openGateway();
  await gateway.start();
  await using flow = await runFlow([
    { id: 'agent', type: 'millrace-agent', socket: gateway.socket },
    { id: 'in', type: 'millrace in', agent: 'agent', commands: '', reply: 'flow', wires: [['reply']] },
    { id: 'reply', type: 'millrace reply', agent: 'agent', outcome: 'msg', wires: [] },
    { id: 'reply-failed', type: 'millrace reply', agent: 'agent', outcome: 'failed', wires: [] },
  ]);
  await until('the connection', () => listening(flow.dot('in')));
  await gateway.send({ id: 'c1', name: 'echo', arguments: { a: 1 } });
  await until('the reply', () => gateway.replies().length === 1);
  flow.put('reply-failed', { command: { id: 'c2' }, payload: 'the lamp is broken' });
  flow.put('reply', { command: { id: 'c3' }, ok: false, payload: { code: 7 } });
  flow.put('reply', { payload: 'no command' });
  await until('three replies', () => gateway.replies().length === 3);
  assert.deepEqual(
    gateway.replies().toSorted((a, b) => a.id.localeCompare(b.id)),
    [
      { id: 'c1', ok: true, body: '{"a":1}' },
      { id: 'c2', ok: false, body: 'the lamp is broken' },
      { id: 'c3', ok: false, body: '{"code":7}' },
    ],
  );
  assert.match(flow.errors[0]!, /msg\.command\.id is missing/);
});

test('after a restart of the agent commands come again', async () => {
  await using gateway = await openGateway();
  await gateway.start();
  await using flow = await runFlow([
    { id: 'agent', type: 'millrace-agent', socket: gateway.socket },
    { id: 'in', type: 'millrace in', agent: 'agent', reply: 'auto', wires: [['next']] },
    { id: 'next', type: 'helper' },
  ]);
  await until('the connection', () => listening(flow.dot('in')));
  await gateway.stop();
  await until('the end to be seen', () => flow.dot('in') === 'waiting for the agent');
  await gateway.start();
  await until('the connection', () => listening(flow.dot('in')));
  await gateway.send({ id: 'c1', name: 'x', arguments: null });
  await until('the message', () => flow.at('next').length === 1);
});
