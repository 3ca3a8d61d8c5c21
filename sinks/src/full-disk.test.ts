/** QuestDB's data on a disk that fills up: a small tmpfs, which only root may mount. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type Migration, readMigrations } from './questdb/migrations.ts';
import { mendViews } from './questdb/views.ts';
import { walStates } from './questdb/wal-watch.ts';
import { type Lab, type LabSinks, openLab, readingsRecord, testBatch, until } from './testing.ts';

const mib = 1024 * 1024;
/** Room for QuestDB's own tables, and those of all tests here: each column that a migration adds takes 16 MiB. */
const diskBytes = 3072 * mib;

const home = mkdtempSync(join(tmpdir(), 'millrace-full-disk-'));
const disk = join(home, 'questdb', 'db');
const filler = join(disk, 'filler');
mkdirSync(disk, { recursive: true });
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', disk]);
const skip =
  mounted.status !== 0 &&
  `needs to mount a tmpfs, which is not allowed here: ${mounted.error?.message ?? mounted.stderr.toString()}`.trim();

let stack: Stack | undefined;
const questdb = () => stack!.questdb!;

before(async () => {
  if (skip === false) stack = await openStack({ home, kafkaNodes: 0 });
});

after(async () => {
  await stack?.[Symbol.asyncDispose]();
  if (skip === false) spawnSync('umount', [disk]);
  rmSync(home, { recursive: true, force: true });
});

async function lab(options: { migrations?: readonly Migration[] } = {}): Promise<Lab> {
  const { brokers } = await sharedStack();
  return openLab({ partitions: 2, servers: { brokers, questdbUrl: questdb().httpUrl }, ...options });
}

/** Takes all but so much of the disk. */
function fill(leftBytes: number): void {
  const zeros = Buffer.alloc(mib);
  const file = openSync(filler, 'w');
  for (;;) {
    const { bavail, bsize } = statfsSync(disk);
    const more = bavail * bsize - leftBytes;
    if (more <= 0) break;
    writeSync(file, zeros, 0, Math.min(more, mib));
  }
  closeSync(file);
}

function makeRoom(): void {
  rmSync(filler, { force: true });
}

async function send(one: Lab, from: number, to: number): Promise<void> {
  const batches = Array.from({ length: to - from }, (_, i) =>
    testBatch({ gateway: `lamp-${(from + i) % 4}`, firstSeq: (from + i) * 50 }),
  );
  await Promise.all(batches.map(batch => one.producer.send(readingsRecord(one.topics.readings, batch))));
}

const committed = (one: Lab): Promise<number> => one.committed('readings', one.topics.readings);
const paused = (sinks: LabSinks, reason: string): Promise<number> =>
  sinks.metric(`millrace_sink_paused{sink="readings",reason="${reason}"`);

async function allStoredOnce(one: Lab, sinks: LabSinks, sent: number): Promise<void> {
  await until('all offsets', async () => (await committed(one)) === sent, 60_000);
  await until(`${sent * 50} rows`, async () => (await one.count('readings')) === sent * 50, 60_000);
  const { rows } = await one.http.query(
    `SELECT count() FROM (SELECT gateway, boot, seq FROM ${one.tablePrefix}readings GROUP BY gateway, boot, seq)`,
  );
  assert.equal(Number(rows[0]![0]), sent * 50);
  await until('readiness', () => sinks.ready === true);
  assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="readings"'), 0);
  for (const reason of ['suspended', 'unavailable']) assert.equal(await paused(sinks, reason), 0);
}

/** Room for the log of a transaction, which is acknowledged, and not for applying it to a table that is still empty. */
const logOnlyBytes = 40 * mib;

/** Sends until the table is suspended and the sink has seen it. @returns batches sent. */
async function suspendByFullDisk(one: Lab, sinks: LabSinks): Promise<number> {
  fill(logOnlyBytes);
  let sent = 0;
  await until('the pause', async () => {
    await send(one, sent, (sent += 10));
    return String(sinks.ready).includes('QuestDB has suspended the table');
  });
  assert.match(String(sinks.ready), /readings \(.*(DISK FULL|No space left)/);
  assert.equal(await paused(sinks, 'suspended'), 1);
  await until('acknowledged rows', async () => (await committed(one)) > 0);
  return sent;
}

test('acknowledged while the table is suspended: after room is made the sink resumes it, and every row is there once', {
  skip,
}, async t => {
  t.after(makeRoom);
  await using one = await lab();
  await using sinks = await one.start(['readings'], { resumeEveryMs: 500 });
  const before = await suspendByFullDisk(one, sinks);
  const { writerTxn } = (await walStates(one.http)).get(`${one.tablePrefix}readings`)!;
  // It has been asked to go on by now, in vain: the gate stays shut, and nothing more is sent to the table.
  await until('attempts', async () => (await sinks.metric('millrace_sinks_table_resumes_total')) >= 3);
  const state = (await walStates(one.http)).get(`${one.tablePrefix}readings`)!;
  assert.ok(state.lag > 0);
  assert.equal(state.writerTxn, writerTxn);
  await send(one, before, before + 20);
  assert.notEqual(sinks.ready, true);
  makeRoom();
  await allStoredOnce(one, sinks, before + 20);
});

test('views go on too after the disk was full, and hold every row', { skip }, async t => {
  t.after(makeRoom);
  await using one = await lab({ migrations: readMigrations() });
  await using sinks = await one.start(['readings'], { resumeEveryMs: 500 });
  fill(logOnlyBytes);
  let sent = 0;
  await until('the disk is full', async () => {
    await send(one, sent, (sent += 10));
    return sinks.ready !== true;
  });
  makeRoom();
  await allStoredOnce(one, sinks, sent);
  await until('the views have them', async () => {
    await mendViews(one.http, one.log, one.tablePrefix);
    const { rows } = await one.http.query(`SELECT sum(count) + sum(excluded) FROM ${one.tablePrefix}readings_1d`);
    return rows[0]![0] === sent * 50;
  });
});

test('QuestDB killed while its disk is full: rows acknowledged and never shown are there after the restart', {
  skip,
}, async t => {
  t.after(makeRoom);
  await using one = await lab();
  await using sinks = await one.start(['readings'], { resumeEveryMs: 500 });
  const before = await suspendByFullDisk(one, sinks);
  const acknowledged = (await committed(one)) * 50;
  assert.ok((await one.count('readings')) < acknowledged, 'rows that only the log of QuestDB has');
  await questdb().kill();
  await until(
    'the sink to notice',
    async () => (await paused(sinks, 'suspended')) + (await paused(sinks, 'unavailable')) > 0,
  );
  await send(one, before, before + 20);
  makeRoom();
  await questdb().start();
  await allStoredOnce(one, sinks, before + 20);
});

test('a full disk that answers 500 rejects no row, although a small table still takes rows', { skip }, async t => {
  t.after(makeRoom);
  await using one = await lab();
  // Now and then a first request fits, and applying it does not: the table is suspended, and to be resumed.
  await using sinks = await one.start(['readings'], { resumeEveryMs: 500 });
  const probe = Buffer.from(`${one.tablePrefix}sink_probe,sink=test 0t\n`);
  assert.equal((await one.http.write(probe)).outcome, 'stored');
  // The table has no row yet: its first ones need the files of a log. Had it some, the disk would sometimes
  // fail the applying of rows already acknowledged, and suspend the table, which is another test.
  fill(4 * mib);
  let sent = 0;
  let said = false;
  await until('refusals again and again', async () => {
    await send(one, sent, (sent += 20));
    said ||= /No space left/.test(String(sinks.ready)) && (await paused(sinks, 'unavailable')) === 1;
    return said && (await sinks.metric('millrace_sink_retries_total{sink="readings"')) >= 5;
  });
  await until('a row of a small table', async () => (await one.http.write(probe)).outcome === 'stored');
  makeRoom();
  await allStoredOnce(one, sinks, sent);
  assert.equal(
    (await one.admin.endOffsets(one.topics.rejected)).reduce((sum, end) => sum + Number(end), 0),
    0,
  );
});
