/** The `millrace` command as a person meets it: as a process, with its output and exit code. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import { kafkaTopicNames } from '@millrace/wire/names.ts';
import { run, start } from '../test/run.ts';
import { commands } from './commands/list.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
after(() => rmSync(dir, { recursive: true }));

test('without a command, or with one that does not exist, the commands are listed and the code is 2', async () => {
  const none = await run([]);
  assert.equal(none.code, 2);
  for (const { name } of commands) assert.match(none.stdout, new RegExp(`^ {2}${name} `, 'm'));
  const wrong = await run(['brigde']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /no command 'brigde'/);
});

test('every command has help with an example, and refuses an option it does not know', async () => {
  await Promise.all(
    commands.map(async ({ name }) => {
      const help = await run([name, '--help']);
      assert.equal(help.code, 0);
      assert.match(help.stdout, /Example:\n {2}\S/);
      const wrong = await run([name, '--nonsense']);
      assert.deepEqual([wrong.code, /nonsense/.test(wrong.stderr)], [2, true], wrong.stderr);
    }),
  );
});

test('dashboard password prints the hash of a line, and refuses a short one', async () => {
  const ask = (line: string) => start(['dashboard', 'password'], {}, undefined, line).ended;
  const { code, stdout } = await ask('open sesame\n');
  assert.equal(code, 0);
  assert.match(stdout, /^scrypt\$16384\$8\$5\$[\w-]{22}\$[\w-]{43}\n$/);
  assert.equal((await ask('short\n')).code, 1);
  assert.equal((await run(['dashboard', 'pasword'])).code, 2);
});

test('up tells every mistake of every file at once, starts nothing, and ends with 78', async () => {
  const edge = join(dir, 'edge.yaml');
  writeFileSync(edge, 'edge:\n  gateway: Lamp 7\n  sources: [{ type: hots }]\n');
  const file = join(dir, 'wrong.yaml');
  writeFileSync(
    file,
    `up: { edges: [${JSON.stringify(edge)}] }\nbridge:\n  mqtt: { host: 0.0.0.0 }\nprocesors: {}\nsinks: { batchRows: many }\n`,
  );
  const home = join(dir, 'home');
  const { code, stderr, stdout } = await run(['up', '--config', file], {
    MILLRACE_HOME: home,
    MILLRACE_KAFKA__PARTITIONS: '0',
  });
  assert.equal(code, 78, stderr);
  for (const expected of [
    /procesors \(.*wrong\.yaml:4:\d+\): no such section; did you mean processors\?/,
    /bridge\.mqtt\.host .*plaintextBeyondLoopback/,
    /sinks\.batchRows \(.*:5:\d+\)/,
    /kafka\.partitions \(MILLRACE_KAFKA__PARTITIONS\)/,
  ])
    assert.match(stderr, expected);
  assert.match(stderr, /edge\.gateway \(.*edge\.yaml:2:\d+\)/);
  assert.match(stderr, /edge\.sources\.0\.type/);
  assert.equal(stdout, '');
  assert.ok(!existsSync(home));
});

test('up finds ports in use, ports given twice and files that are not there before it starts anything', async () => {
  const taken = createServer();
  await new Promise<void>(resolve => void taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const edge = join(dir, 'no-file.yaml');
  writeFileSync(
    edge,
    "edge: { gateway: a, sources: [{ type: replay, file: nowhere.csv, timeColumn: t, timeFormat: offset, metric: m, unit: '1' }] }\n",
  );
  const home = join(dir, 'untouched');
  const missing = await run(['up'], { MILLRACE_HOME: home, MILLRACE_UP__EDGES: JSON.stringify([edge]) });
  assert.deepEqual([missing.code, /nowhere\.csv/.test(missing.stderr)], [78, true], missing.stderr);
  const ports = await run(['up'], {
    MILLRACE_HOME: home,
    MILLRACE_UP__EDGES: '[]',
    MILLRACE_BRIDGE__MQTT__PORT: String(port),
    MILLRACE_DASHBOARD__PORT: '19105',
    MILLRACE_SINKS__HEALTH__PORT: '19105',
  });
  taken.close();
  assert.equal(ports.code, 78, ports.stderr);
  assert.match(ports.stderr, new RegExp(`bridge\\.mqtt\\.port: port ${port} on 127\\.0\\.0\\.1 is in use`));
  assert.match(ports.stderr, /sinks\.health\.port: port 19105 is given to dashboard\.port already/);
  assert.ok(!existsSync(home));
});

test('a service alone with a wrong configuration ends with 78 before it does anything', async () => {
  for (const service of ['bridge', 'processors', 'sinks', 'dashboard', 'edge']) {
    const { code, stderr } = await run([service], { [`MILLRACE_${service.toUpperCase()}__HEALTH__PORT`]: '99999' });
    assert.deepEqual([service, code], [service, 78], stderr);
    assert.match(
      stderr,
      /health\.port \(MILLRACE_\w+__HEALTH__PORT\): must be a whole number from 0 to 65535; it is 99999/,
    );
  }
});

test('topics makes what is missing and shows it; doctor reaches what the configuration names', async () => {
  const { brokers, questdb } = await sharedStack();
  const env = {
    MILLRACE_KAFKA__BROKERS: JSON.stringify(brokers),
    MILLRACE_KAFKA__PREFIX: `cli-${randomUUID()}.`,
    MILLRACE_KAFKA__PARTITIONS: '2',
    MILLRACE_QUESTDB__URL: questdb.httpUrl,
  };
  const created = JSON.parse((await run(['topics', '--json'], env)).stdout) as {
    created: boolean;
    partitions: number;
  }[];
  assert.deepEqual(
    created.map(({ created, partitions }) => [created, partitions]),
    Object.keys(kafkaTopicNames).map(() => [true, 2]),
  );
  const shown = await run(['topics'], env);
  assert.doesNotMatch(shown.stdout, /created/);
  const well = await run(['doctor'], env, dir);
  assert.equal(well.code, 0, well.stdout);
  assert.match(well.stdout, /ok {4}Kafka: 127\.0\.0\.1:\d+/);
  const ill = await run(['doctor', '--json'], { ...env, MILLRACE_KAFKA__BROKERS: '["127.0.0.1:9"]' }, dir);
  assert.equal(ill.code, 1);
  const kafka = (JSON.parse(ill.stdout) as { what: string; ok: boolean; message: string }[]).find(
    ({ what }) => what === 'Kafka',
  );
  assert.deepEqual(
    [kafka?.ok, /ECONNREFUSED|127\.0\.0\.1:9/.test(kafka?.message ?? '')],
    [false, true],
    kafka?.message,
  );
});
