/** `millrace rejected` and the account of what it does, with the bridge's checks and running sinks on real servers. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { append } from '@millrace/bridge/append.ts';
import { type Reconciliation, reconcile } from '@millrace/ledger/reconcile.ts';
import { visitRejected } from '@millrace/ledger/rejected.ts';
import { oneReading, readings } from '@millrace/sinks/readings/sink.ts';
import type { Sink } from '@millrace/sinks/sink.ts';
import { type Lab, openLab, readingsRecord, testBatch, until } from '@millrace/sinks/testing.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, rejectedHeaders } from '@millrace/wire/names.ts';
import { type Result, run } from '../test/run.ts';

const gateway = 'lamp-1' as GatewayId;
const poison = Buffer.from('\u001b[31mno batch at all\u0000\u00ff');

const millrace = (lab: Lab, ...args: string[]): Promise<Result> =>
  run(['rejected', ...args], {
    MILLRACE_KAFKA__BROKERS: lab.kafka.options.brokers.join(','),
    MILLRACE_KAFKA__PREFIX: lab.prefix,
    COLUMNS: '100',
  });

interface Row {
  readonly place: string;
  readonly stage: string;
  readonly reason: string;
  readonly attempts: number;
  readonly redriven: string | null;
}

const listed = async (lab: Lab): Promise<Row[]> => JSON.parse((await millrace(lab, 'list', '--json')).stdout) as Row[];

/** Records rejected so far, by their number of attempts. For waiting: without a process each time. */
async function attemptsSoFar(lab: Lab): Promise<number[]> {
  const attempts: number[] = [];
  await visitRejected(
    { kafka: lab.kafka, topic: lab.topics.rejected },
    { record: record => void attempts.push(record.attempts) },
  );
  return attempts;
}

const publish = (lab: Lab, payload: Uint8Array) =>
  append({ topic: `millrace/v1/${gateway}/readings`, payload }, gateway, {
    producer: lab.producer,
    topics: lab.topics,
    bridge: 'b1',
    nowUs: () => 1_760_000_001_000_000,
  });

async function account(lab: Lab): Promise<Reconciliation> {
  const { pg } = (await sharedStack()).questdb;
  return reconcile({
    kafka: lab.kafka,
    prefix: lab.prefix,
    questdb: {
      pgHost: pg.host,
      pgPort: pg.port,
      user: pg.user,
      password: pg.password,
      table: `${lab.tablePrefix}readings`,
    },
    waitMs: 30_000,
  });
}

test('poison is listed, shown and exported byte for byte', async () => {
  await using lab = await openLab({ partitions: 1 });
  await using _sinks = await lab.start(['readings']);
  await publish(lab, poison);
  await lab.producer.send({ topic: lab.topics.readings, key: gateway, value: poison });
  await publish(lab, encodeBatch(testBatch()));
  await until('both are rejected', async () => (await lab.rejected(2)).length === 2);

  const rows = await listed(lab);
  assert.deepEqual(
    rows.map(({ stage, attempts, redriven }) => [stage, attempts, redriven]),
    [
      ['bridge', 0, null],
      ['sink-readings', 0, null],
    ],
  );
  const filtered = await millrace(lab, 'list', '--stage', 'sink-readings', '--reason', 'PROTOBUF', '--since', '1h');
  assert.deepEqual(filtered.stdout.match(/sink-readings/g)?.length, 1);
  assert.doesNotMatch(filtered.stdout, /bridge/);

  const shown = await millrace(lab, 'show', rows[0]!.place);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /ReadingBatch, 23 bytes: payload: not a protobuf/);
  assert.match(shown.stdout, /1b 5b 33 31 6d 6e 6f/);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(shown.stdout, /\u001b/);
  const absent = await millrace(lab, 'show', '0:999');
  assert.deepEqual([absent.code, /no record at 0:999/.test(absent.stderr)], [1, true]);

  const folder = mkdtempSync(join(tmpdir(), 'millrace-export-'));
  try {
    assert.equal((await millrace(lab, 'export', folder)).code, 0);
    assert.equal(readdirSync(folder).length, 4);
    const name = rows[1]!.place.replace(':', '-');
    assert.deepEqual(readFileSync(join(folder, `${name}.bin`)), poison);
    const { headers } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as { headers: object };
    assert.equal(headers[rejectedHeaders.origin as keyof typeof headers], lab.topics.readings);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const lines = (await millrace(lab, 'export', '-')).stdout.trim().split('\n');
  assert.deepEqual(
    lines.map(line => Buffer.from((JSON.parse(line) as { value: string }).value, 'base64')),
    [poison, poison],
  );

  const { ok, total, gateways } = await account(lab);
  assert.deepEqual([ok, total.taken, total.stored], [true, 50, 50]);
  assert.deepEqual(Object.values(gateways[0]!.rejectedUnknown), [1, 1]);
});

test('what fails again comes back with its number of attempts, is sent once a run, and three times at most', async () => {
  await using lab = await openLab({ partitions: 1 });
  await using _sinks = await lab.start(['readings']);
  await publish(lab, poison);
  await lab.producer.send({ topic: lab.topics.readings, key: gateway, value: poison });
  await until('both are rejected', async () => (await attemptsSoFar(lab)).length === 2);

  const end = async (): Promise<bigint> => (await lab.admin.endOffsets(lab.topics.rejected))[0]!;
  const before = await end();
  const dry = await millrace(lab, 'redrive', '--all', '--dry-run');
  assert.deepEqual([dry.code, await end()], [0, before]);
  assert.match(dry.stdout, /2 would be sent\./);

  for (let attempt = 1; attempt <= 3; attempt++) {
    const result = await millrace(lab, 'redrive', '--all');
    assert.match(result.stdout, /1 sent, 1 failed again/, result.stdout + result.stderr);
    assert.equal(result.code, 1);
    await until(
      `both come back from attempt ${attempt}`,
      async () => (await attemptsSoFar(lab)).filter(attempts => attempts === attempt).length === 2,
    );
  }
  const last = await end();
  const none = await millrace(lab, 'redrive', '--all');
  assert.deepEqual([none.code, await end()], [0, last]);
  assert.match(none.stdout, /^8 left out\.$/m);
  assert.match(none.stdout, /failed after 3 attempts/);
  const [first] = await listed(lab);
  const named = await millrace(lab, 'redrive', first!.place);
  assert.match(named.stdout, /left out: rejected again .* already; --again/s);
  // A payload that was sent again is one payload, however often it came back.
  const { gateways } = await account(lab);
  assert.deepEqual(Object.values(gateways[0]!.rejectedUnknown), [1, 1]);
});

/** A readings sink with a bug: it rejects every row, and the rejected topic gets them as from any sink. */
const mistaken: Sink = {
  ...readings,
  openStore: context => ({
    take(taken) {
      const { value } = decodeBatch(taken.record.value!);
      const rejections = value.map((_, row) =>
        context.reject(taken, { reason: 'a bug', field: 'value', part: { row, value: oneReading(taken, row) } }),
      );
      void Promise.all(rejections).then(() => taken.settled());
      return value.length;
    },
    room: () => Promise.resolve(),
    drained: () => Promise.resolve(),
    failed: new Promise<never>(() => {}),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
};

test('rows that a sink rejected by mistake are stored once after it was mended, however often they are sent again', async () => {
  await using lab = await openLab({ partitions: 1 });
  {
    await using _sinks = await lab.start([mistaken]);
    await lab.producer.send(readingsRecord(lab.topics.readings, testBatch({ count: 20 })));
    await until('it is committed', async () => (await lab.committed('readings', lab.topics.readings)) === 1);
    const refused = await account(lab);
    assert.deepEqual([refused.ok, refused.total.taken, refused.total.stored], [true, 20, 0]);
    assert.deepEqual(refused.total.rejected, { 'sink-readings: a bug': 20 });
  }
  await using _sinks = await lab.start(['readings']);
  const sent = await millrace(lab, 'redrive', '--all', '--stage', 'sink-readings');
  assert.deepEqual([sent.code, /^20 sent\.$/m.test(sent.stdout)], [0, true], sent.stdout + sent.stderr);
  await until('20 rows', async () => (await lab.count('readings')) === 20);
  const { rows } = await lab.http.query(`SELECT seq, value FROM ${lab.tablePrefix}readings ORDER BY seq`);
  const { value } = testBatch({ count: 20 });
  assert.deepEqual(
    rows,
    value.map((one, seq) => [seq, one]),
  );
  const checksum = await lab.checksum('readings');

  assert.match((await millrace(lab, 'redrive', '--all')).stdout, /^20 left out\.$/m);
  assert.match((await millrace(lab, 'redrive', '--all', '--again')).stdout, /^20 sent\.$/m);
  await until('all is committed', async () => (await lab.committed('readings', lab.topics.readings)) === 41);
  const { ok, total } = await account(lab);
  assert.deepEqual([ok, total.taken, total.stored, total.doubled, total.rejected], [true, 20, 20, 0, {}]);
  assert.equal(await lab.checksum('readings'), checksum);
});

test('a publish that the bridge would take now goes through its checks into the readings topic', async () => {
  await using lab = await openLab({ partitions: 1 });
  await using _sinks = await lab.start(['readings']);
  const headers = {
    [rejectedHeaders.stage]: 'bridge',
    [rejectedHeaders.reason]: 'a unit that the bridge of yesterday did not know',
    [rejectedHeaders.origin]: `millrace/v1/${gateway}/readings`,
    [rejectedHeaders.receivedAt]: '1760000001000000',
  };
  const value = encodeBatch(testBatch());
  await lab.producer.send({ topic: lab.topics.rejected, key: gateway, value, headers });
  const { stdout } = await millrace(lab, 'redrive', '--all');
  assert.match(stdout, /0:0 {2}sent again to \S+readings\.v1 0:0/);
  await until('50 rows', async () => (await lab.count('readings')) === 50);
  const [[received]] = (await lab.http.query(`SELECT DISTINCT received FROM ${lab.tablePrefix}readings`)).rows as [
    [string],
  ];
  assert.equal(received, '2025-10-09T08:53:21.000000Z');
  const shown = await millrace(lab, 'show', '0:0');
  assert.match(shown.stdout, /redrive +sent again to/);
  assert.match(shown.stdout, /"lastSeq": 49/);
});

test('a payload of which a part was kept, a status and an unknown topic are refused with a sentence', async () => {
  await using lab = await openLab({ partitions: 1 });
  const reject = (origin: string, more: Readonly<Record<string, string>> = {}) =>
    lab.producer.send({
      topic: lab.topics.rejected,
      key: gateway,
      value: poison,
      headers: { [rejectedHeaders.stage]: 'bridge', [rejectedHeaders.origin]: origin, ...more },
    });
  await reject(`millrace/v1/${gateway}/readings`, { [rejectedHeaders.originalBytes]: '5000000' });
  await reject(`millrace/v1/${gateway}/status`);
  await reject('elsewhere', { [rejectedHeaders.partition]: '0', [rejectedHeaders.offset]: '7' });
  await reject(lab.topics.stats, { [rejectedHeaders.partition]: '0', [rejectedHeaders.offset]: '7' });
  const { code, stdout } = await millrace(lab, 'redrive', '--all');
  assert.equal(code, 1);
  assert.match(stdout.replace(/\s+/g, ' '), /only 23 of its 5000000 bytes were kept/);
  assert.match(stdout.replace(/\s+/g, ' '), /would stand as the newest/);
  assert.match(stdout.replace(/\s+/g, ' '), /'elsewhere' is none that records are sent to/);
  assert.match(stdout, /^4 refused\.$/m);
});

test('wrong usage is said with exit code 2', async () => {
  for (const args of [
    [],
    ['delete'],
    ['show', 'x'],
    ['redrive'],
    ['redrive', '--all', '0:1'],
    ['list', '--limit', '0'],
  ]) {
    const { code, stderr } = await run(['rejected', ...args]);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
  }
  for (const args of [
    ['--from', 'yesterday'],
    ['--gateway', 'Lamp'],
    ['--wait', '-'],
    ['--from', '1h', '--to', '2h'],
  ]) {
    const { code, stderr } = await run(['reconcile', ...args]);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
  }
});
