/** The service as a process of its own, without any QuestDB, killed in the middle of what it posts. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openLab, until } from '../testing.ts';
import { openReceiver, secret, sendAlert } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-webhooks-'));
after(() => rmSync(folder, { recursive: true }));

const program = `import { runSinks } from ${JSON.stringify(new URL('../main.ts', import.meta.url).href)};
process.exitCode = await runSinks({ env: process.env }, ['webhooks']).catch(error => { console.error(error.message); return 78; });`;

function start(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: folder,
    env: { PATH: process.env.PATH, MILLRACE_SINKS__HEALTH__PORT: '0', MILLRACE_LOG__LEVEL: 'debug', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said += data.toString();
  });
  return { child, said: () => said, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

test('killed while it posts: every alert arrives, what comes again has the same id and body, and no secret is in the log', async t => {
  await using lab = await openLab({ partitions: 2 });
  await using receiver = await openReceiver();
  writeFileSync(join(folder, 'secret'), secret);
  const env = {
    MILLRACE_KAFKA__BROKERS: JSON.stringify(lab.kafka.options.brokers),
    MILLRACE_KAFKA__PREFIX: lab.prefix,
    MILLRACE_QUESTDB__URL: 'http://127.0.0.1:9',
    MILLRACE_SINKS__WEBHOOKS: JSON.stringify([
      { name: 'city', url: `${receiver.url}/t0ken`, secretFile: join(folder, 'secret') },
    ]),
  };
  const committed = (): Promise<number> => lab.committed('webhook-city', lab.topics.alerts);
  const begun = (): Promise<boolean> =>
    lab.admin
      .committedOffsets(`${lab.prefix}sink.webhook-city`, lab.topics.alerts)
      .then(offsets => offsets.every(offset => offset !== null));
  const alerts = 60;
  const killed = start(env);
  t.after(() => killed.child.kill('SIGKILL'));
  await until('its beginning', begun);
  for (let i = 0; i < alerts; i++) await sendAlert(lab, { id: `a-${i}`, sensor: `air ${i}` });
  // The answer to the last ones never comes: they were taken, and the sender does not know.
  receiver.answer((_, response) => void (receiver.received.length < 30 && response.writeHead(204).end()));
  await until('30 requests', () => receiver.received.length >= 30);
  killed.child.kill('SIGKILL');
  assert.equal(await killed.exited, null);
  receiver.answer((_, response) => void response.writeHead(204).end());
  const running = start(env);
  t.after(() => running.child.kill('SIGKILL'));
  await until('all offsets', async () => (await committed()) === alerts, 60_000);
  running.child.kill('SIGTERM');
  assert.equal(await running.exited, 0, running.said());
  const said = killed.said() + running.said();
  const bodies = new Map<string, Set<string>>();
  for (const { id, body } of receiver.received) bodies.set(id, (bodies.get(id) ?? new Set()).add(body));
  assert.deepEqual([...bodies.keys()].sort(), Array.from({ length: alerts }, (_, i) => `a-${i}_raised`).sort());
  assert.ok([...bodies.values()].every(({ size }) => size === 1));
  assert.ok(receiver.received.length > alerts, 'something came again');
  assert.doesNotMatch(said, /whsec_|a secret of|t0ken/);
});

test('nothing to run is said, with code 78', async () => {
  const { exited, said } = start({});
  assert.equal(await exited, 78);
  assert.match(said(), /sinks\.webhooks.*names nothing/);
});
