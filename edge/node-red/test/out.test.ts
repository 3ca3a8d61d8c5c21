import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFlow } from './flow.ts';
import { openGateway, until } from './gateway.ts';

const flowTo = (socket: string, out: Record<string, unknown> = {}) => [
  { id: 'agent', type: 'millrace-agent', socket },
  { id: 'out', type: 'millrace out', agent: 'agent', wires: [['next']], ...out },
  { id: 'next', type: 'helper' },
];

test('a number with the settings of the node goes on once it is on the disk, and arrives at the broker', async () => {
  await using gateway = await openGateway();
  // No reading is acknowledged: what goes on can only have waited for the disk.
  gateway.broker.onPublish = ({ topic, ack }) => void (topic.endsWith('/readings') || ack());
  await gateway.start();
  await using flow = await runFlow(flowTo(gateway.socket, { sensor: 'flow-1', metric: 'temperature', unit: 'Cel' }));
  flow.put('out', { payload: 21.5, _msgid: 'm1' });
  await until('the message behind the node', () => flow.at('next').length === 1);
  assert.equal(flow.at('next')[0]!.payload, 21.5);
  await until('the reading', () => gateway.arrived().length > 0);
  const [{ timeUs, ...reading }] = gateway.arrived() as [ReturnType<typeof gateway.arrived>[0]];
  assert.deepEqual(reading, { sensor: 'flow-1', metric: 'temperature', unit: 'Cel', value: 21.5, quality: 0 });
  assert.ok(Math.abs(timeUs / 1000 - Date.now()) < 30_000, `dated now: ${timeUs}`);
  await until('the dot', () => flow.dot('out') === '1 on disk');
});

test("what is nearest to the value counts: the reading's own field, the message's, the node's", async () => {
  await using gateway = await openGateway();
  await gateway.start();
  await using flow = await runFlow(flowTo(gateway.socket, { sensor: 'flow-node', metric: 'm', unit: '1' }));
  flow.put('out', {
    sensor: 'flow-msg',
    time: '2026-01-02T03:04:05Z',
    payload: [1, true, { value: 3, sensor: 'flow-own', unit: 'Cel' }, { value: 4, time: '2026-01-02T03:04:06.5Z' }],
  });
  await until('four readings', () => gateway.arrived().length === 4);
  const at = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;
  assert.deepEqual(
    gateway.arrived().map(({ sensor, unit, value, timeUs }) => [sensor, unit, value, timeUs - at]),
    [
      ['flow-msg', '1', 1, 0],
      ['flow-msg', '1', 1, 0],
      ['flow-own', 'Cel', 3, 0],
      ['flow-msg', '1', 4, 1_500_000],
    ],
  );
});

test('a wrong message fails with all its mistakes, alone, and a catch node has them', async () => {
  await using gateway = await openGateway();
  await gateway.start();
  await using flow = await runFlow([
    ...flowTo(gateway.socket, { sensor: 'flow-1', metric: 'm', unit: '1' }),
    { id: 'catch-all', type: 'catch', scope: null, wires: [['caught']] },
    { id: 'caught', type: 'helper' },
  ]);
  flow.put('out', { payload: 1 });
  flow.put('out', { payload: [{ value: 2, unit: 'furlong' }, { value: 3 }, { value: 4, unit: 'ell' }] });
  flow.put('out', { payload: 5 });
  flow.put('out', { payload: '21.5' });
  flow.put('out', { payload: { value: 6, unit: 'furlong' } });
  await until('two that went on', () => flow.at('next').length === 2);
  await until('three that failed', () => flow.at('caught').length === 3);
  assert.deepEqual(
    flow.at('next').map(({ payload }) => payload),
    [1, 5],
  );
  const messages = flow.at('caught').map(({ error }) => (error as { message: string }).message);
  assert.match(messages[0]!, /must be a number.*it is the text "21\.5"/);
  assert.match(messages[1]!, /^Refused: 2 mistakes: \[?0\S* .*furlong.*; \[?2\S* .*ell/);
  assert.match(messages[2]!, /^Refused: .*furlong/);
  await until('readings', () => gateway.arrived().length === 2);
  await until('the dot', () => flow.dot('out') === '2 on disk, 5 failed' || flow.dot('out') === '2 on disk, 4 failed');
});

test('while the agent is away messages wait, keep their time, and arrive in their order; what is beyond the limit fails', async () => {
  await using gateway = await openGateway();
  await using flow = await runFlow(flowTo(gateway.socket, { sensor: 'flow-1', metric: 'm', unit: '1', limit: '3' }));
  const before = Date.now();
  for (const payload of [1, 2, 3, 4]) flow.put('out', { payload });
  await until('the fourth to fail', () => flow.errors.length === 1);
  assert.match(flow.errors[0]!, /3 readings wait already, and at most 3 may/);
  await until('the dot', () => flow.dot('out') === '3 waiting, 0 on disk, 1 failed');
  const after = Date.now();
  await new Promise(resolve => setTimeout(resolve, 1500)); // A time is the matter of this test: they must be older than fresh.
  await gateway.start();
  await until('three readings', () => gateway.arrived().length === 3);
  assert.deepEqual(
    gateway.arrived().map(({ value }) => value),
    [1, 2, 3],
  );
  for (const { timeUs } of gateway.arrived())
    assert.ok(
      timeUs / 1000 >= before - 50 && timeUs / 1000 <= after + 50,
      `${timeUs / 1000 - before} ms after the first`,
    );
  await until('all went on', () => flow.at('next').length === 3);
});

test('while the outbox is full messages wait, and go when it has room', async () => {
  await using gateway = await openGateway();
  const acks: (() => void)[] = [];
  gateway.broker.onPublish = ({ topic, ack }) => void (topic.endsWith('/readings') ? acks.push(ack) : ack());
  // On a disk without room it takes one batch, be it the agent's own, and no more until that has its PUBACK.
  await gateway.start('minFreeBytes: 9007199254740991');
  await using flow = await runFlow(flowTo(gateway.socket, { sensor: 'flow-1', metric: 'm', unit: '1' }));
  const went = () => flow.at('next').length;
  flow.put('out', { payload: 1 });
  await until('it to be taken, or to wait', () => went() === 1 || flow.dot('out').startsWith('1 waiting'));
  flow.put('out', { payload: 2 });
  await until('the dot', () => flow.dot('out') === `${2 - went()} waiting, ${went()} on disk`);
  assert.ok(went() < 2);
  gateway.broker.onPublish = ({ ack }) => ack();
  for (const ack of acks) ack();
  await until('both to go on', () => went() === 2);
  await until('both at the broker', () => gateway.arrived().length === 2);
});

test('a flow that is stopped while messages wait says so for each', async () => {
  await using gateway = await openGateway();
  const flow = await runFlow(flowTo(gateway.socket, { sensor: 'flow-1', metric: 'm', unit: '1' }));
  flow.put('out', { payload: 1 });
  await until('the dot', () => flow.dot('out') === '1 waiting, 0 on disk');
  await flow[Symbol.asyncDispose]();
  await until('the error', () => flow.errors.length === 1);
  assert.match(flow.errors[0]!, /not taken before the flow was stopped: there is no socket/);
});

test('without a socket the node says what to set', async () => {
  delete process.env['MILLRACE_AGENT_SOCKET'];
  await using flow = await runFlow(flowTo(''));
  flow.put('out', { payload: 1 });
  await until('the errors of both nodes', () => flow.errors.length === 2);
  assert.match(flow.errors[1]!, /set it in the node, or MILLRACE_AGENT_SOCKET/);
});
