/** The sink as a process of its own, killed again and again while records flow, and the table beside it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Lab, openLab, readingsRecord, testBatch, until } from '../testing.ts';
import { bothHave, sameAsQuestdb } from './testing.ts';
import { noS3Server, openS3Server } from './testing-tools.ts';

const program = `import { runSinks } from ${JSON.stringify(new URL('../main.ts', import.meta.url).href)};
process.exitCode = await runSinks({ env: process.env }, ['lake']).catch(error => { console.error(error.message); return 78; });`;

interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly exited: Promise<number | null>;
}

/** @param place as `sinks.lake` has it. */
function start(lab: Lab, cwd: string, place: object): Running {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      MILLRACE_SINKS__HEALTH__PORT: '0',
      MILLRACE_KAFKA__BROKERS: JSON.stringify(lab.kafka.options.brokers),
      MILLRACE_KAFKA__PREFIX: lab.prefix,
      // Files are made all the time, and compacted while others are made.
      MILLRACE_SINKS__LAKE: JSON.stringify({ flushRows: 2000, flushMs: 200, compactAfterMs: 500, ...place }),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr!.on('data', (data: Buffer) => {
    said += data.toString();
  });
  return { child, said: () => said, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

/** Batches of four gateways; one in ten comes twice. Four seconds are of one day, the next of another, so that folders become quiet. */
async function keepSending(lab: Lab, signal: AbortSignal): Promise<number> {
  let sent = 0;
  for (let round = 0; !signal.aborted; round++) {
    const batches = Array.from({ length: 4 }, (_, i) =>
      testBatch({
        gateway: `lamp-${i}`,
        firstSeq: round * 50,
        startUs: 1_760_000_000_000_000 - Math.floor(round / 40) * 86_400_000_000,
      }),
    );
    if (round % 10 === 0) batches.push(...batches);
    await Promise.all(batches.map(batch => lab.producer.send(readingsRecord(lab.topics.readings, batch))));
    sent += batches.length;
    await wait(100, undefined, { signal }).catch(() => {});
  }
  return sent;
}

const filesIn = (root: string): readonly string[] =>
  readdirSync(join(root, 'readings'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(join(root, 'readings'), join(entry.parentPath, entry.name)));

/** A start after a kill takes the six seconds in which Kafka takes the dead member for alive. */
const kills = Number(process.env['MILLRACE_TEST_KILLS'] ?? 2);
const long = kills < 10 && 'takes minutes: npm run test:lake';

/** @param root where the lake's files are. */
async function killAgainAndAgain(lab: Lab, cwd: string, root: string, place: object): Promise<void> {
  await using _ = await lab.start(['readings']);
  const stop = new AbortController();
  const sending = keepSending(lab, stop.signal);
  await using _sending = {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await sending;
    },
  };
  const committed = (): Promise<number> => lab.committed('lake', lab.topics.readings);
  for (let kill = 0; kill < kills; kill++) {
    const running = start(lab, cwd, place);
    const before = await committed();
    try {
      await until('it to commit', async () => (await committed()) > before);
      await wait(Math.random() * 400);
    } finally {
      running.child.kill('SIGKILL');
      assert.equal(await running.exited, null, running.said());
    }
  }
  stop.abort();
  const sent = await sending;
  const last = start(lab, cwd, place);
  try {
    // The files of twelve lives are compacted on the way.
    await bothHave(lab, sent, 240_000).catch(error => assert.fail(`${error}\n${last.said()}`));
    await until('compaction', () => filesIn(root).some(name => /-p\d+_\d+-/.test(name)));
    last.child.kill('SIGTERM');
    assert.equal(await last.exited, 0, last.said());
  } finally {
    last.child.kill('SIGKILL');
    await last.exited;
  }
  await sameAsQuestdb(lab, root);
  // What a killed process left half made is where no glob looks.
  for (const name of filesIn(root))
    assert.match(name, /^date=[^/]+\/zone=[^/]+\/test-[^/]+-\d+-\d+-p\d+(_\d+)?-n\d+\.parquet$/);
}

test(`killed ${kills} times while records flow: the lake has what the table has`, { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
  try {
    await using lab = await openLab();
    const root = join(folder, 'lake');
    await killAgainAndAgain(lab, folder, root, { folder: root });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the same with a bucket', { skip: noS3Server || long, timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
  try {
    await using lab = await openLab();
    await using server = await openS3Server();
    await killAgainAndAgain(lab, folder, server.root, { s3: server.options });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("frozen until its partitions are another one's, and thawed: nothing is there twice", {
  skip: long,
  timeout: 600_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
  const children: Running[] = [];
  try {
    await using lab = await openLab();
    const root = join(folder, 'lake');
    await using _ = await lab.start(['readings']);
    const stop = new AbortController();
    const sending = keepSending(lab, stop.signal);
    await using _sending = {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await sending;
      },
    };
    const committed = (): Promise<number> => lab.committed('lake', lab.topics.readings);
    const more = async (what: string): Promise<void> => {
      const before = await committed();
      await until(what, async () => (await committed()) > before + 20, 60_000);
    };
    children.push(start(lab, folder, { folder: root }), start(lab, folder, { folder: root }));
    await more('records of both');
    for (const { child } of children) {
      child.kill('SIGSTOP');
      await more('records of the other one');
      child.kill('SIGCONT');
      await more('records after the thaw');
    }
    stop.abort();
    await bothHave(lab, await sending);
    for (const { child, exited, said } of children) {
      child.kill('SIGTERM');
      assert.equal(await exited, 0, said());
    }
    await sameAsQuestdb(lab, root);
  } finally {
    for (const { child, exited } of children) {
      child.kill('SIGKILL');
      await exited;
    }
    rmSync(folder, { recursive: true });
  }
});
