import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runFlow } from './flow.ts';
import { openGateway, until } from './gateway.ts';

const folder = new URL('../examples/', import.meta.url);
type Example = Parameters<typeof runFlow>[0];
const example = (name: string): Example => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));

/** Runs an example as it is against an agent of its own, found by the environment as beside a real one. */
async function run(name: string) {
  const gateway = await openGateway();
  await gateway.start();
  process.env['MILLRACE_AGENT_SOCKET'] = gateway.socket;
  const flow = await runFlow(example(name));
  return {
    gateway,
    flow,
    async [Symbol.asyncDispose]() {
      await flow[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

test('readings: a value each second, and a list by hand', async () => {
  await using started = await run('readings');
  const { gateway, flow } = started;
  flow.put('mr-r-list', {});
  await until('all sensors', () => new Set(gateway.arrived().map(({ sensor }) => sensor)).size === 3);
  await until('a second value', () => gateway.arrived().filter(({ metric }) => metric === 'temperature').length > 1);
  const [temperature] = gateway.arrived().filter(({ metric }) => metric === 'temperature');
  assert.equal(temperature!.unit, 'Cel');
  assert.ok(temperature!.value >= 18 && temperature!.value <= 24);
  assert.equal(gateway.arrived().find(({ metric }) => metric === 'wind')!.quality, 1);
  assert.deepEqual(flow.errors, []);
  flow.put('mr-r-out', { payload: 'warm' });
  await until('the mistake', () => flow.at('mr-r-wrong').length === 1);
});

test('commands: answered with what was done, or with what is wrong', async () => {
  await using started = await run('commands');
  const { gateway, flow } = started;
  await until('the connection', () => flow.dot('mr-c-in') === 'listening');
  await gateway.send({ id: 'c1', name: 'lamp-set', arguments: { level: 40 } });
  await gateway.send({ id: 'c2', name: 'lamp-set', arguments: { level: 400 } });
  await until('the replies', () => gateway.replies().length === 2);
  assert.deepEqual(
    gateway.replies().toSorted((a, b) => a.id.localeCompare(b.id)),
    [
      { id: 'c1', ok: true, body: '{"level":40}' },
      { id: 'c2', ok: false, body: 'level must be a number from 0 to 100' },
    ],
  );
});

test('status: the outbox as a reading, and a word when the agent is away', async () => {
  await using started = await run('status');
  const { gateway, flow } = started;
  await until('the reading', () => gateway.arrived().some(({ metric }) => metric === 'outbox'));
  await gateway.stop();
  await until('the word', () => flow.at('mr-s-away').length === 1);
});

test('there is no example that is not run here', () => {
  assert.deepEqual(readdirSync(folder).toSorted(), ['commands.json', 'readings.json', 'status.json']);
});
