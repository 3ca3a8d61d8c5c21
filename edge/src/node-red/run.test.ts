import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { openBroker, type TestBroker } from '../../test/broker.ts';
import { childEnv, folder, until } from '../../test/outbox.ts';

const installed = existsSync(fileURLToPath(import.meta.resolve('../../node-red/node_modules/node-red/red.js')));
const options = installed ? {} : { skip: 'Node-RED is not installed: npm --prefix edge/node-red ci' };
const millrace = fileURLToPath(import.meta.resolve('../../../cli/src/main.ts'));

interface Agent extends ChildProcess {
  said(): string;
  readonly address: string;
}

/** `millrace edge --node-red` in a home of its own. */
async function start(home: string, broker: TestBroker, env: Record<string, string> = {}): Promise<Agent> {
  const file = join(home, 'edge.yaml');
  const port = await freePort();
  writeFileSync(
    file,
    `edge:
  gateway: gw-1
  mqtt: { url: "${broker.url}" }
  outbox: { groupCommitMs: 5 }
  clock: { assume: synced }
  health: { port: 0 }
  nodeRed: { port: ${port} }
  sources: [{ type: host, intervalMs: 3600000 }]
`,
  );
  const child = spawn(process.execPath, [millrace, 'edge', '--config', file, '--node-red'], {
    cwd: home,
    env: { ...childEnv(), MILLRACE_HOME: home, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  after(() => child.kill('SIGKILL'));
  return Object.assign(child, { said: () => said, address: `http://127.0.0.1:${port}` });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const isUp = (agent: Agent) => (): boolean => {
  if (agent.exitCode !== null) throw new Error(agent.said());
  return agent.said().includes('Server now running');
};

const passwordIn = (agent: Agent): string => /with the password (\S+)/.exec(agent.said())![1]!;
const pidIn = (agent: Agent): number =>
  Number(
    /"pid":(\d+),"address"/.exec(
      agent
        .said()
        .split('\n')
        .findLast(line => line.includes('Node-RED: starting'))!,
    )![1],
  );

async function logIn(agent: Agent, password: string): Promise<Response> {
  return fetch(`${agent.address}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: 'node-red-admin',
      grant_type: 'password',
      scope: '*',
      username: 'millrace',
      password,
    }),
  });
}

async function deploy(agent: Agent, flow: unknown): Promise<void> {
  const { access_token } = (await (await logIn(agent, passwordIn(agent))).json()) as { access_token: string };
  const response = await fetch(`${agent.address}/flows`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(flow),
  });
  assert.equal(response.status, 204, await response.text());
}

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
  options,
  async () => {
    await using broker = await openBroker();
    const home = folder();
    const agent = await start(home, broker);
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
    await deploy(agent, [...example, secretNode]);
    await until('a reading of the flow', () =>
      broker.publishes.some(
        ({ topic, payload }) =>
          topic.endsWith('/readings') && decodeBatch(payload).series.some(({ sensor }) => sensor === 'flow-hall'),
      ),
    );
    const own = join(home, 'edge', 'gw-1', 'node-red');
    assert.ok(filesUnder(own).some(path => path.endsWith('flows_cred.json')));
    for (const path of [own, ...filesUnder(own)]) {
      assert.equal(statSync(path).mode & 0o077, 0, path);
      if (statSync(path).isFile()) assert.doesNotMatch(readFileSync(path, 'utf8'), /not-in-the-clear/, path);
    }
    const nodes = /Node-RED: .*exec/i.test(agent.said()) ? agent.said() : '';
    assert.equal(nodes, '');
    const pid = pidIn(agent);
    agent.kill('SIGTERM');
    await once(agent, 'exit');
    assert.equal(agent.exitCode, 0, agent.said());
    assert.equal(isAlive(pid), false);

    const wrong = await start(home, broker, {
      MILLRACE_EDGE__NODE_RED__CREDENTIAL_SECRET: 'not the secret it was made with',
    });
    await once(wrong, 'exit');
    assert.equal(wrong.exitCode, 78);
    assert.match(wrong.said(), /edge\.nodeRed\.credentialSecret.*: is not the one that encrypted/);
    const again = await start(home, broker);
    await until('Node-RED again', isUp(again));
    assert.doesNotMatch(again.said(), /with the password/, 'it is said once');
    again.kill('SIGTERM');
    await once(again, 'exit');
  },
);

test(
  'a Node-RED that dies is started again, and the agent goes on; a killed agent takes Node-RED with it',
  options,
  async () => {
    await using broker = await openBroker();
    const agent = await start(folder(), broker);
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

test("a flow sees neither the agent's secrets nor the means to start programs", options, async () => {
  await using broker = await openBroker();
  const agent = await start(folder(), broker, { MILLRACE_EDGE__MQTT__PASSWORD: 'of-the-broker' });
  await until('Node-RED', isUp(agent));
  const environment = readFileSync(`/proc/${pidIn(agent)}/environ`, 'utf8');
  assert.doesNotMatch(environment, /of-the-broker/);
  assert.match(environment, /MILLRACE_AGENT_SOCKET=/);
  const { access_token } = (await (await logIn(agent, passwordIn(agent))).json()) as { access_token: string };
  const response = await fetch(`${agent.address}/nodes`, {
    headers: { authorization: `Bearer ${access_token}`, accept: 'application/json' },
  });
  const types = ((await response.json()) as { types: string[]; err?: string }[]).flatMap(({ types }) => types);
  assert.ok(types.includes('millrace out') && types.includes('function'));
  assert.equal(types.includes('exec'), false);
  agent.kill('SIGTERM');
  await once(agent, 'exit');
});

test('without Node-RED the refusal says how to install it', { skip: installed && 'it is installed' }, async () => {
  await using broker = await openBroker();
  const agent = await start(folder(), broker);
  await once(agent, 'exit');
  assert.equal(agent.exitCode, 78);
  assert.match(agent.said(), /npm --prefix edge\/node-red ci/);
});
