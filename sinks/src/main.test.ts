/** The whole service as a process of its own, with a QuestDB of its own, since its tables have the contract's names. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { rejectedHeaders } from '@millrace/wire/names.ts';
import { QuestdbHttp } from './questdb/http.ts';
import { type Lab, openLab, readingsRecord, testBatch, until } from './testing.ts';

let stack: Stack;
let lab: Lab;
let home: string;
let http: QuestdbHttp;

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'millrace-sinks-'));
  stack = await openStack({ home, kafkaNodes: 0, questdbUser: 'city', questdbPassword: 'hall;=é' });
  lab = await openLab();
  http = new QuestdbHttp({ url: stack.questdb!.httpUrl, user: 'city', password: 'hall;=é' });
});

after(async () => {
  http?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const program = `import { runSinks } from ${JSON.stringify(new URL('main.ts', import.meta.url).href)};
process.exitCode = await runSinks({ env: process.env }).catch(error => { console.error(error.message); return error.name === 'ConfigError' ? 78 : 1; });`;

interface Running {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Exit code; null when killed. */
  readonly exited: Promise<number | null>;
}

async function start(settings: Readonly<Record<string, string>> = {}): Promise<Running> {
  const { brokers } = await sharedStack();
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      MILLRACE_KAFKA__BROKERS: JSON.stringify(brokers),
      MILLRACE_KAFKA__PREFIX: lab.prefix,
      MILLRACE_QUESTDB__URL: stack.questdb!.httpUrl,
      MILLRACE_QUESTDB__USER: 'city',
      MILLRACE_QUESTDB__PASSWORD: 'hall;=é',
      MILLRACE_SINKS__HEALTH__PORT: '0',
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', line => lines.push(line));
  return { child, lines, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

async function get(running: Running, path: string): Promise<{ status: number; body: string }> {
  await until('the health port', () => running.lines.some(line => line.includes('"health":')));
  const { health } = JSON.parse(running.lines.find(line => line.includes('"health":'))!) as { health: number };
  const response = await fetch(`http://127.0.0.1:${health}${path}`);
  return { status: response.status, body: await response.text() };
}

async function isReady(running: Running): Promise<boolean> {
  return (await get(running, '/readyz')).status === 200;
}

async function rows(): Promise<number> {
  return Number((await http.query('SELECT count() FROM readings')).rows[0]![0]);
}

test('killed again and again under load it loses nothing and stores nothing twice; SIGTERM ends it in order', async () => {
  let sent = 0;
  for (let kill = 0; kill < 2; kill++) {
    const running = await start();
    await until('readiness', () => isReady(running));
    const target = (await rows()) + 500;
    const sending = (async () => {
      for (let i = 0; i < 40; i++, sent++)
        await lab.producer.send(readingsRecord(lab.topics.readings, testBatch({ firstSeq: sent * 50 })));
    })();
    await until('some rows', async () => (await rows()) >= target);
    running.child.kill('SIGKILL');
    assert.equal(await running.exited, null);
    await sending;
  }
  const last = await start();
  await until('all rows', async () => (await rows()) === sent * 50);
  await until('readiness', () => isReady(last));
  const { body } = await get(last, '/metrics');
  assert.match(body, /millrace_in_total\{service="sinks"\} \d/);
  assert.match(body, /millrace_sink_rows_total\{sink="readings",service="sinks"\} \d/);
  last.child.kill('SIGTERM');
  assert.equal(await last.exited, 0);
  assert.equal(await lab.committed('readings', lab.topics.readings), sent);
  assert.ok(last.lines.every(line => !line.includes('hall;=é')));
});

async function rowsOf(boot: number): Promise<number> {
  return Number((await http.query(`SELECT count() FROM readings WHERE boot = ${boot}`)).rows[0]![0]);
}

async function committed(): Promise<number> {
  return lab.committed('readings', lab.topics.readings);
}

test('two replicas under load, one killed and another stopped in order: their partitions move, every row is there once', async () => {
  const boot = 100;
  const before = await committed();
  const [killed, stopped] = [await start(), await start()];
  await until('readiness', async () => (await isReady(killed)) && (await isReady(stopped)));
  const stop = new AbortController();
  const sending = (async () => {
    let sent = 0;
    while (!stop.signal.aborted) {
      const batches = Array.from({ length: 10 }, (_, i) =>
        testBatch({ gateway: `lamp-${i}`, boot, firstSeq: (sent / 10) * 50 }),
      );
      await Promise.all(batches.map(batch => lab.producer.send(readingsRecord(lab.topics.readings, batch))));
      sent += batches.length;
      await wait(100); // 5,000 readings a second, as a city sends them.
    }
    return sent;
  })();
  const more = async (what: string): Promise<void> => {
    const rows = await rowsOf(boot);
    await until(what, async () => (await rowsOf(boot)) > rows + 2000);
  };
  await more('rows of both');
  killed.child.kill('SIGKILL');
  await killed.exited;
  await more('rows after the kill');
  const third = await start();
  await until('readiness', () => isReady(third));
  await more('rows of the new pair');
  stopped.child.kill('SIGTERM');
  assert.equal(await stopped.exited, 0);
  await more('rows of the last one');
  stop.abort();
  const sent = await sending;
  await until('all offsets', async () => (await committed()) === before + sent, 60_000);
  await until('all rows', async () => (await rowsOf(boot)) === sent * 50);
  const { rows: gateways } = await http.query(
    `SELECT gateway, count(), min(seq), max(seq), count_distinct(seq) FROM readings WHERE boot = ${boot}`,
  );
  const each = (sent / 10) * 50;
  assert.equal(gateways.length, 10);
  for (const [, ...numbers] of gateways) assert.deepEqual(numbers.map(Number), [each, 0, each - 1, each]);
  third.child.kill('SIGTERM');
  assert.equal(await third.exited, 0);
});

test('killed between the rejected topic and the commit: the record is there twice, under one name', async () => {
  const inRejected = async (): Promise<number> =>
    (await lab.admin.endOffsets(lab.topics.rejected)).reduce((sum, end) => sum + Number(end), 0);
  let poisons = 0;
  // Commits are gathered for a quarter of a second, so the kill nearly always comes before; if not, once more.
  for (let hit = false; !hit; ) {
    const running = await start();
    await until('readiness', () => isReady(running));
    const [rejectedBefore, committedBefore] = [await inRejected(), await committed()];
    poisons++;
    await lab.producer.send({ topic: lab.topics.readings, key: 'lamp-9', value: Buffer.from([7, poisons]) });
    await until('the rejection', async () => (await inRejected()) > rejectedBefore);
    running.child.kill('SIGKILL');
    await running.exited;
    hit = (await committed()) === committedBefore;
    assert.ok(hit || poisons < 20, 'the commit was always faster than the kill');
  }
  const last = await start();
  await until('the second copy', async () => (await inRejected()) === poisons + 1);
  last.child.kill('SIGTERM');
  assert.equal(await last.exited, 0);
  const records = await lab.rejected(poisons + 1);
  const names = records.map(({ headers }) =>
    [rejectedHeaders.origin, rejectedHeaders.partition, rejectedHeaders.offset].map(name => headers[name]).join('/'),
  );
  assert.equal(new Set(names).size, poisons);
  assert.equal(new Set(records.map(({ value }) => Buffer.from(value!).toString('hex'))).size, poisons);
});

test('wrong configuration: every mistake at once, code 78', async () => {
  const running = await start({ MILLRACE_SINKS__ENABLED: '[reedings]', MILLRACE_SINKS__BATCH_ROWS: '0' });
  assert.equal(await running.exited, 78);
  const said = running.lines.join('\n');
  assert.match(said, /sinks\.enabled\.0.*must be one of readings, stats, alerts, gateways/);
  assert.match(said, /sinks\.batchRows.*must be a whole number from 1 to 100000/);
});

test('a wrong password ends it with code 78 and names the key; a QuestDB that is not there is waited for', async () => {
  const wrong = await start({ MILLRACE_QUESTDB__PASSWORD: 'wrong' });
  assert.equal(await wrong.exited, 78);
  assert.match(wrong.lines.join('\n'), /questdb\.password.*does not take this user and password/);
  const early = await start({ MILLRACE_QUESTDB__URL: 'http://127.0.0.1:1' });
  await until('it to say so', () =>
    early.lines.some(line => line.includes('does not answer (ECONNREFUSED); trying again')),
  );
  assert.equal(await isReady(early), false);
  early.child.kill('SIGTERM');
  assert.equal(await early.exited, 0);
});
