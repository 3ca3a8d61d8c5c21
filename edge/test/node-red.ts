/** The agent with Node-RED beside it, as a process, and Node-RED's own API. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeBatch } from '@millrace/wire/batch.ts';
import type { TestBroker } from './broker.ts';
import { childEnv } from './outbox.ts';

export const installed = existsSync(fileURLToPath(import.meta.resolve('../node-red/node_modules/node-red/red.js')));
/** For tests that start it. */
export const withNodeRed = installed ? {} : { skip: 'Node-RED is not installed: npm --prefix edge/node-red ci' };
const millrace = fileURLToPath(import.meta.resolve('../../cli/src/main.ts'));

export interface AgentWithNodeRed extends ChildProcess {
  said(): string;
  readonly address: string;
}

const yaml = `edge:
  gateway: gw-1
  outbox: { groupCommitMs: 5 }
  clock: { assume: synced }
  sources: [{ type: host, intervalMs: 3600000 }]
`;

/** `millrace edge --node-red` in a home of its own. @param config what its file holds; addresses come from the environment. */
export async function startAgent(
  home: string,
  broker: TestBroker,
  env: Record<string, string> = {},
  config = yaml,
): Promise<AgentWithNodeRed> {
  const file = join(home, 'gateway.yaml');
  const port = await freePort();
  writeFileSync(file, config);
  const child = spawn(process.execPath, [millrace, 'edge', '--config', file, '--node-red'], {
    cwd: home,
    env: {
      ...childEnv(),
      MILLRACE_HOME: home,
      MILLRACE_EDGE__MQTT__URL: broker.url,
      MILLRACE_EDGE__HEALTH__PORT: '0',
      MILLRACE_EDGE__NODE_RED__PORT: String(port),
      ...env,
    },
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

/** Node-RED answers. */
export const isUp = (agent: AgentWithNodeRed) => (): boolean => {
  if (agent.exitCode !== null) throw new Error(agent.said());
  return agent.said().includes('Server now running');
};

export const passwordIn = (agent: AgentWithNodeRed): string => /with the password (\S+)/.exec(agent.said())![1]!;

/** Of the Node-RED that was started last. */
export function pidIn(agent: AgentWithNodeRed): number {
  const lines = agent.said().split('\n');
  return Number(/"pid":(\d+)/.exec(lines.findLast(line => line.includes('Node-RED: starting'))!)![1]);
}

export function logIn(agent: AgentWithNodeRed, password: string): Promise<Response> {
  const asked = { client_id: 'node-red-admin', grant_type: 'password', scope: '*', username: 'millrace', password };
  return fetch(`${agent.address}/auth/token`, { method: 'POST', body: new URLSearchParams(asked) });
}

/** Node-RED's API, as whoever has logged in with the password of the first start. */
export async function api(agent: AgentWithNodeRed): Promise<(path: string, body?: unknown) => Promise<Response>> {
  const { access_token } = (await (await logIn(agent, passwordIn(agent))).json()) as { access_token: string };
  const headers = {
    authorization: `Bearer ${access_token}`,
    'content-type': 'application/json',
    accept: 'application/json',
  };
  return async (path, body) => {
    const response = await fetch(agent.address + path, {
      headers,
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response;
  };
}

/** Whether a reading of the sensor has come to the broker. */
export function hasReadingOf(broker: TestBroker, sensor: string): boolean {
  return broker.publishes.some(
    ({ topic, payload }) =>
      topic.endsWith('/readings') && decodeBatch(payload).series.some(series => series.sensor === sensor),
  );
}
