/** The examples of docs/writing-a-service.md against a real Kafka: killed half way through a record, and started again. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sharedStack } from '@millrace/stack/testing.ts';
import { openLampController } from '../../examples/lamp-controller/controller.ts';
import { until } from '../pipeline.ts';
import { busy, publish, quiet, street, uncommitted } from './street.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const jar = 'examples/lamp-dimmer-java/target/lamp-dimmer.jar';
/** What the page tells people to type. `npm start` is run by `npm run smoke`, Maven by `npm run test:examples`. */
const commands = [
  'npm start',
  'npx node examples/lamp-controller/main.ts',
  'npx node examples/lamp-dimmer-ts/src/main.ts',
  'mvn -B -q -f examples/lamp-dimmer-java/pom.xml package',
  `java -jar ${jar}`,
] as const;
const longMs = 240_000;

test('the page’s commands are those that are run here', async () => {
  const page = readFileSync(`${root}docs/writing-a-service.md`, 'utf8');
  const blocks = [...page.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
  assert.deepEqual(blocks, commands);
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> };
  assert.ok(scripts['test:examples']!.startsWith(`${commands[3]} && `));
  const controller = spawnAt(`${commands[1]} 0`, process.env);
  try {
    let said = '';
    controller.stdout!.on('data', (data: Buffer) => (said += data.toString()));
    const url = await until('the controller says where it is', async () => /http:\S+/.exec(said)?.[0]);
    const response = await fetch(`${url}/lamps/queen-st-01`, {
      method: 'PUT',
      headers: { 'idempotency-key': 'a' },
      body: JSON.stringify({ level: 60, startUs: 1, revision: 1 }),
    });
    assert.equal(response.status, 204);
    await until('it says what the lamp does', async () => said.includes('queen-st-01: 60 %'));
  } finally {
    controller.kill('SIGKILL');
    await once(controller, 'exit');
  }
});

test('the service in TypeScript does each effect once, whatever is redelivered', { timeout: longMs }, () =>
  playStreet(commands[2]),
);

test(
  'the service in Java does each effect once, whatever is redelivered',
  {
    timeout: longMs,
    skip: existsSync(`${root}${jar}`) ? false : 'not built: npm run test:examples builds it with Maven and runs this',
  },
  () => playStreet(commands[4]),
);

/** As typed at the root of the checkout; the process itself is what is killed, not `npx` before it. */
function spawnAt(command: string, env: NodeJS.ProcessEnv): ChildProcess {
  const [program, ...args] = command.replace(/^npx node/, process.execPath).split(' ');
  return spawn(program!, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function playStreet(command: string): Promise<void> {
  const { brokers } = await sharedStack();
  const prefix = `test-lamps-${randomUUID().slice(0, 8)}.`;
  const group = `${prefix}dimmer`;
  const { records, effects, levels, halfWay, incomplete } = street(prefix);
  await publish(brokers, prefix, records);

  let isAway = true;
  await using controller = await openLampController(0, { refuse: key => isAway && key === halfWay });
  const env = {
    PATH: process.env['PATH'],
    BROKERS: brokers.join(','),
    TOPIC_PREFIX: prefix,
    GROUP: group,
    CONTROLLER: controller.url,
    WINDOW: '1m',
    QUIET: String(quiet),
    BUSY: String(busy),
  };
  const said: string[] = [];
  const services: ChildProcess[] = [];
  const start = (): ChildProcess => {
    const service = spawnAt(command, env);
    service.stdout!.resume();
    service.stderr!.on('data', (data: Buffer) => void said.push(data.toString()));
    services.push(service);
    return service;
  };
  try {
    const first = start();
    await until('it waits for the controller, half way through a record', async () =>
      said.join('').includes(`does not take ${halfWay}`),
    );
    first.kill('SIGKILL');
    await once(first, 'exit');
    isAway = false;

    const second = start();
    await until('every effect is done', async () => [...effects.keys()].every(key => controller.effects.has(key)));
    await until(
      'every record is committed',
      async () => (await uncommitted(brokers, group, [`${prefix}stats.v1`, `${prefix}alerts.v1`])) === 0,
    );
    second.kill('SIGTERM');
    const [code] = (await once(second, 'exit')) as [number | null];
    // Java ends with 128 + the signal's number after its hooks have run.
    assert.ok(code === 0 || code === 143, `ended with ${code}: ${said.join('')}`);

    const done = new Map([...controller.effects].map(([key, { body }]) => [key, JSON.parse(body) as unknown]));
    assert.deepEqual(Object.fromEntries(done), Object.fromEntries(effects));
    assert.deepEqual(
      Object.fromEntries([...controller.lamps].map(([lamp, { level }]) => [lamp, level])),
      Object.fromEntries(levels),
    );
    // Its record came again after the kill: that is what the key is for.
    const before = halfWay.replace(/\d+\|2$/, text => `${Number(text.split('|')[0]) - 60_000_000}|2`);
    assert.ok(controller.effects.get(before)!.times >= 2, 'nothing was redelivered: the kill came at the wrong moment');
    const text = said.join('');
    assert.equal(
      new Set(text.match(/lamp of .* left as it is: its window .* has 47 of 60 readings/g)).size,
      incomplete,
    );
    assert.match(text, /left out \S+stats\.v1/);
    assert.match(text, /stopped; what was not committed comes again/);
  } finally {
    for (const service of services) {
      if (service.exitCode !== null || service.signalCode !== null) continue;
      service.kill('SIGKILL');
      await once(service, 'exit');
    }
  }
}
