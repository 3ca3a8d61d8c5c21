import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesBetween } from '../dist/changes.js';
import { runFlow } from './flow.ts';
import { openGateway, until } from './gateway.ts';

test('the status comes at first, when something changes, and when the time is up', async () => {
  await using gateway = await openGateway();
  await gateway.start();
  await using flow = await runFlow([
    { id: 'agent', type: 'millrace-agent', socket: gateway.socket },
    { id: 'rare', type: 'millrace status', agent: 'agent', everySeconds: '0', wires: [['changes']] },
    { id: 'changes', type: 'helper' },
    { id: 'often', type: 'millrace status', agent: 'agent', everySeconds: '1', wires: [['pulse']] },
    { id: 'pulse', type: 'helper' },
  ]);
  const last = () => flow.at('changes').at(-1) as { payload: Record<string, unknown>; changed: string[] } | undefined;
  await until('the broker', () => last()?.payload['connected'] === true);
  assert.deepEqual(flow.at('changes')[0]!['changed'], ['first']);
  const { payload } = last()!;
  assert.equal(payload['reachable'], true);
  assert.equal(payload['gateway'], 'gw-1');
  await until('a pulse', () => flow.at('pulse').some(({ changed }) => (changed as string[]).length === 0));
  await gateway.stop();
  await until('the end of the agent', () => last()!.payload['reachable'] === false);
  assert.match(String(last()!.payload['why']), /agent/);
  await until('the dot', () => flow.dot('rare') === 'agent not reachable');
  await gateway.start();
  await until('the agent again', () => last()!.payload['reachable'] === true);
  assert.ok(last()!.changed.includes('reachable'));
});

test('counters and times are no change; the trouble of a sensor is', () => {
  const seen = {
    reachable: true,
    boot: 1,
    connected: true,
    outbox: { readings: 1, bytes: 10, writable: true },
    sources: [{ name: 'a', sensors: [{ sensor: 's', lastUs: 1 }] }],
  } as const;
  const later = { ...seen, outbox: { readings: 9, bytes: 99, writable: true }, lastSeq: 8 } as const;
  assert.deepEqual(changesBetween(seen, later), []);
  const troubled = { ...seen, sources: [{ name: 'a', sensors: [{ sensor: 's', trouble: 'silent' }] }] };
  assert.deepEqual(changesBetween(seen, troubled), ['troubles']);
  assert.deepEqual(changesBetween(seen, { ...seen, outbox: { readings: 1, bytes: 10, writable: 'full' } }), [
    'writable',
  ]);
});
