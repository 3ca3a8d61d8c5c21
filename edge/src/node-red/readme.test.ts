/** The README of the palette does what it says: its commands are run here, its configurations are read. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readYaml } from '@millrace/runtime/config.ts';
import { openBroker } from '../../test/broker.ts';
import { api, hasReadingOf, isUp, startAgent, withNodeRed } from '../../test/node-red.ts';
import { childEnv, folder, until } from '../../test/outbox.ts';
import { nodeRedSchema } from './config.ts';

const root = fileURLToPath(import.meta.resolve('../../../'));
const readme = readFileSync(join(root, 'edge/node-red/README.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text!);
const [gateway, settings] = blocks('yaml') as [string, string];
const run = promisify(execFile);

test('every command of the README is known to this file or to test:node-red', () => {
  const commands = blocks('sh').flatMap(block => block.trim().split('\n'));
  assert.deepEqual(commands, [
    'npm --prefix edge/node-red ci',
    'npx millrace edge --config gateway.yaml --node-red',
    'npx millrace edge status --config gateway.yaml',
    'npx --prefix edge/node-red node-red admin hash-pw',
    'npm pack ./edge/node-red',
    'npm --prefix ~/.node-red install ./node-red-contrib-millrace-0.1.0.tgz',
  ]);
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  assert.ok(scripts['test:node-red']!.startsWith(`${commands[0]} && `));
});

test('the settings of the README are the defaults', () => {
  const file = join(folder(), 'settings.yaml');
  writeFileSync(file, settings);
  const { edge } = readYaml(file, '--config', 'a mapping', [])!.tree as { edge: { nodeRed: Record<string, unknown> } };
  const { passwordHash: _hash, credentialSecret: _secret, ...given } = edge.nodeRed;
  assert.deepEqual(given, nodeRedSchema.parse({}));
});

test('from nothing to a flow whose readings arrive, as the README says it', withNodeRed, async () => {
  await using broker = await openBroker();
  const home = folder();
  const agent = await startAgent(home, broker, {}, gateway);
  await until('Node-RED', isUp(agent));
  const ask = await api(agent);
  const example = (await (await ask('/library/examples/flows/node-red-contrib-millrace/readings')).json()) as unknown;
  await ask('/flows', example);
  await until('a reading of the flow', () => hasReadingOf(broker, 'flow-hall'));
  const { stdout } = await run('npx', ['millrace', 'edge', 'status', '--config', join(home, 'gateway.yaml')], {
    cwd: root,
    env: { ...childEnv(), MILLRACE_HOME: home },
  });
  assert.match(stdout, /hall-1/);
  agent.kill('SIGTERM');
  await once(agent, 'exit');
});

test('a hash of a password of your own is one that the configuration takes', withNodeRed, async () => {
  const child = spawn('npx', ['--prefix', 'edge/node-red', 'node-red', 'admin', 'hash-pw'], {
    cwd: root,
    env: childEnv(),
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.end('a password of my own\n');
  await once(child, 'close');
  const passwordHash = /\$2\S+/.exec(said)![0];
  assert.equal(nodeRedSchema.safeParse({ passwordHash }).success, true);
});

test('the palette installs in a Node-RED of your own, with nothing else', withNodeRed, async () => {
  const home = folder();
  const packed = await run('npm', ['pack', join(root, 'edge/node-red')], { cwd: home, env: childEnv() });
  const file = packed.stdout.trim().split('\n').at(-1)!;
  assert.equal(file, 'node-red-contrib-millrace-0.1.0.tgz');
  const nodeRed = join(home, '.node-red');
  await run('npm', ['--prefix', nodeRed, 'install', '--offline', `./${file}`], { cwd: home, env: childEnv() });
  for (const name of ['dist/out.js', 'dist/out.html', 'dist/icons/millrace.svg', 'examples/readings.json', 'README.md'])
    assert.ok(existsSync(join(nodeRed, 'node_modules/node-red-contrib-millrace', name)), name);
});
