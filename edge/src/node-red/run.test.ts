import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBroker } from '../../test/broker.ts';
import {
  api,
  hasReadingOf,
  installed,
  isUp,
  logIn,
  passwordIn,
  pidIn,
  startAgent,
  withNodeRed,
} from '../../test/node-red.ts';
import { folder, until } from '../../test/outbox.ts';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

function filesUnder(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true }).map(entry => join(entry.parentPath, entry.name));
}

test(
  'the editor wants a login, its files are private, and a flow brings a reading into the broker',
  withNodeRed,
  async () => {
    await using broker = await openBroker();
    const home = folder();
    const agent = await startAgent(home, broker);
    await until('Node-RED', isUp(agent));
    for (const path of ['/flows', '/settings', '/nodes', '/diagnostics'])
      assert.equal((await fetch(agent.address + path)).status, 401, path);
    assert.equal((await logIn(agent, 'guessed')).status, 403);
    assert.equal((await logIn(agent, passwordIn(agent))).status, 200);

    // An example as an integrator would import it, and a node with a credential, so that there is something to encrypt.
    const example = JSON.parse(
      readFileSync(new URL('../../node-red/examples/readings.json', import.meta.url), 'utf8'),
    ) as unknown[];
    const secretNode = {
      id: 'broker',
      type: 'mqtt-broker',
      broker: 'localhost',
      credentials: { user: 'u', password: 'not-in-the-clear' },
    };
    await (await api(agent))('/flows', [...example, secretNode]);
    await until('a reading of the flow', () => hasReadingOf(broker, 'flow-hall'));
    const own = join(home, 'edge', 'gw-1', 'node-red');
    assert.ok(filesUnder(own).some(path => path.endsWith('flows_cred.json')));
    for (const path of [own, ...filesUnder(own)]) {
      assert.equal(statSync(path).mode & 0o077, 0, path);
      if (statSync(path).isFile()) assert.doesNotMatch(readFileSync(path, 'utf8'), /not-in-the-clear/, path);
    }
    const pid = pidIn(agent);
    agent.kill('SIGTERM');
    await once(agent, 'exit');
    assert.equal(agent.exitCode, 0, agent.said());
    assert.equal(isAlive(pid), false);

    const wrong = await startAgent(home, broker, {
      MILLRACE_EDGE__NODE_RED__CREDENTIAL_SECRET: 'not the secret it was made with',
    });
    await once(wrong, 'exit');
    assert.equal(wrong.exitCode, 78);
    assert.match(wrong.said(), /edge\.nodeRed\.credentialSecret.*: is not the one that encrypted/);
    const again = await startAgent(home, broker);
    await until('Node-RED again', isUp(again));
    assert.doesNotMatch(again.said(), /with the password/, 'it is said once');
    again.kill('SIGTERM');
    await once(again, 'exit');
  },
);

test(
  'a Node-RED that dies is started again, and the agent goes on; a killed agent takes Node-RED with it',
  withNodeRed,
  async () => {
    await using broker = await openBroker();
    const agent = await startAgent(folder(), broker);
    await until('Node-RED', isUp(agent));
    const first = pidIn(agent);
    process.kill(first, 'SIGKILL');
    await until('another', () => pidIn(agent) !== first);
    assert.match(agent.said(), /Node-RED has ended .*the agent goes on/);
    assert.equal(agent.exitCode, null);
    const second = pidIn(agent);
    await until('it to run', () => agent.said().split('Server now running').length > 2);
    agent.kill('SIGKILL');
    await until('its end', () => !isAlive(second));
  },
);

test("a flow sees neither the agent's secrets nor the means to start programs", withNodeRed, async () => {
  await using broker = await openBroker();
  const agent = await startAgent(folder(), broker, { MILLRACE_EDGE__MQTT__PASSWORD: 'of-the-broker' });
  await until('Node-RED', isUp(agent));
  const environment = readFileSync(`/proc/${pidIn(agent)}/environ`, 'utf8');
  assert.doesNotMatch(environment, /of-the-broker/);
  assert.match(environment, /MILLRACE_AGENT_SOCKET=/);
  const response = await (await api(agent))('/nodes');
  const types = ((await response.json()) as { types: string[]; err?: string }[]).flatMap(({ types }) => types);
  assert.ok(types.includes('millrace out') && types.includes('function'));
  assert.equal(types.includes('exec'), false);
  agent.kill('SIGTERM');
  await once(agent, 'exit');
});

test('without Node-RED the refusal says how to install it', { skip: installed && 'it is installed' }, async () => {
  await using broker = await openBroker();
  const agent = await startAgent(folder(), broker);
  await once(agent, 'exit');
  assert.equal(agent.exitCode, 78);
  assert.match(agent.said(), /npm --prefix edge\/node-red ci/);
});
