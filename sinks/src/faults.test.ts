/** What QuestDB does to a running sink when it fails; the sinks have one QuestDB to themselves, and share Kafka. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { rejectedHeaders } from '@millrace/wire/names.ts';
import { encodeStatus, type GatewayStatus } from '@millrace/wire/status.ts';
import { LineChunk } from './questdb/line-chunk.ts';
import type { TableSink } from './questdb/table-sink.ts';
import { openTableWriter } from './questdb/table-writer.ts';
import { walStates } from './questdb/wal-watch.ts';
import { encodeBatchLines, oneReading, readings } from './readings/sink.ts';
import { type Lab, openLab, readingsRecord, testBatch, until } from './testing.ts';

let stack: Stack;
let home: string;
const questdb = () => stack.questdb!;

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'millrace-sinks-'));
  stack = await openStack({ home, kafkaNodes: 0 });
  // SUSPEND WAL is for developers of QuestDB, behind this key; everything after it is the server's real behaviour.
  appendFileSync(join(home, 'questdb', 'conf', 'server.conf'), 'dev.mode.enabled=true\n');
  await questdb().stop();
  await questdb().start();
});

after(async () => {
  await stack?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

async function lab(partitions = 2): Promise<Lab> {
  const { brokers } = await sharedStack();
  return openLab({ partitions, servers: { brokers, questdbUrl: questdb().httpUrl } });
}

/** Sends batches of 50 until stopped; resolves with how many. */
function sendUntil(one: Lab, stop: AbortSignal): Promise<number> {
  return (async () => {
    let sent = 0;
    while (!stop.aborted) {
      const batches = Array.from({ length: 10 }, (_, i) =>
        testBatch({ gateway: `lamp-${i % 4}`, firstSeq: (sent + i) * 50 }),
      );
      await Promise.all(batches.map(batch => one.producer.send(readingsRecord(one.topics.readings, batch))));
      sent += batches.length;
      await wait(50); // 10,000 readings a second, or what was sent while QuestDB is away takes minutes to store here.
    }
    return sent;
  })();
}

function sendStatus(one: Lab, second: number) {
  const status: GatewayStatus = {
    gateway: 'lamp-1' as GatewayStatus['gateway'],
    site: '',
    state: 1,
    version: '1',
    boot: 1,
    lastSeq: 1,
    outboxReadings: 0,
    outboxBytes: 0,
    dropped: 0,
    clock: 1,
    clockOffsetMs: 0,
    unsent: [],
    completeThroughUs: 0,
    atUs: 0,
  };
  const headers = { 'received-at': String(1_760_000_000_000_000 + second * 1_000_000) };
  return one.producer.send({ topic: one.topics.gateways, key: 'lamp-1', value: encodeStatus(status), headers });
}

test('a suspended table pauses the sink, and nothing is lost', async () => {
  await using one = await lab();
  const table = `${one.tablePrefix}readings`;
  const stop = new AbortController();
  await using sinks = await one.start(['readings']);
  const sending = sendUntil(one, stop.signal);
  await until('first rows', async () => (await one.count('readings')) > 1000);
  // QuestDB takes a suspension back when transactions that it was applying at that moment succeed after all: rows are
  // coming in, so it is asked again until the table stays suspended and the sink has seen it.
  await until('the pause', async () => {
    if (!(await walStates(one.http)).get(table)!.suspended) {
      await one.http.query(`ALTER TABLE ${table} SUSPEND WAL WITH 28, 'no space left'`);
    }
    return String(sinks.ready).startsWith(`readings: QuestDB has suspended the table ${table}`);
  });
  await until('the last requests under way', async () => {
    const before = (await walStates(one.http)).get(table)!.lag;
    const from = Date.now();
    await until('a quarter of a second', () => Date.now() - from > 250);
    return (await walStates(one.http)).get(table)!.lag === before;
  });
  stop.abort();
  // One more, sent for certain while the sink is paused.
  const sent = (await sending) + 1;
  const last = testBatch({ gateway: 'lamp-0', firstSeq: (sent - 1) * 50 });
  await one.producer.send(readingsRecord(one.topics.readings, last));
  assert.ok((await one.committed('readings', one.topics.readings)) < sent);
  await one.http.query(`ALTER TABLE ${table} RESUME WAL`);
  await until(`${sent * 50} rows`, async () => (await one.count('readings')) === sent * 50);
  await until('all offsets', async () => (await one.committed('readings', one.topics.readings)) === sent);
  await until('readiness', () => sinks.ready === true);
});

test('QuestDB killed in the middle and started again: nothing lost, nothing twice', async () => {
  await using one = await lab();
  const stop = new AbortController();
  await using sinks = await one.start(['readings', 'gateways'], { batchRows: 500 });
  const sending = sendUntil(one, stop.signal);
  for (let round = 1; round <= 2; round++) {
    const before = await one.count('readings');
    await until('more rows', async () => (await one.count('readings')) > before + 500);
    await questdb().kill();
    for (let i = 0; i < 5; i++) await sendStatus(one, round * 10 + i);
    await until('the sink to notice', () => sinks.ready !== true);
    await questdb().start();
    await until('readiness', () => sinks.ready === true);
  }
  stop.abort();
  const sent = await sending;
  await until('all statuses', async () => (await one.count('gateways')) === 10);
  await until('all offsets', async () => (await one.committed('readings', one.topics.readings)) === sent);
  await until(`${sent * 50} rows`, async () => (await one.count('readings')) === sent * 50);
});

/** What our own checks would find, written into the line of one row. */
const poisons: readonly { what: string; spoil: (line: Buffer) => void; said: RegExp; requests: number }[] = [
  { what: 'refuses', spoil: line => line.write('-', line.lastIndexOf(' ') + 1), said: /before 1970/, requests: 2 },
  { what: 'answers with 500', spoil: line => line.writeUInt8(0xff, line.indexOf('lamp')), said: /UTF8/, requests: 3 },
];
for (const { what, spoil, said, requests } of poisons)
  test(`a row that QuestDB ${what} among 10,000 goes to the rejected topic with its identity, the rest is stored`, async () => {
    await using one = await lab(1);
    // Below our own checks, which would find it.
    const careless: TableSink = {
      ...readings,
      openStore: context =>
        openTableWriter(context, readings, {
          newChunk: () =>
            new LineChunk(context.http, context.limits.batchRows, ({ record }, lines) => {
              const batch = decodeBatch(record.value!);
              encodeBatchLines(context.table, batch, 0, lines);
              const bad = lines.rows - batch.value.length + 6_666 - batch.firstSeq;
              if (batch.firstSeq === 6_650) spoil(lines.lines(bad, bad + 1));
            }),
          part: oneReading,
          inFlight: 2,
        }),
    };
    // The first request goes at once; after it, only a full one does: all 10,000 rows together.
    await using sinks = await one.start([careless], { batchRows: 10_000, lingerMs: 10_000 });
    await one.producer.send(readingsRecord(one.topics.readings, testBatch({ boot: 8 })));
    await until('the first offset', async () => (await one.committed('readings', one.topics.readings)) === 1);
    for (let i = 0; i < 200; i++)
      await one.producer.send(readingsRecord(one.topics.readings, testBatch({ firstSeq: i * 50 })));
    await until('all offsets', async () => (await one.committed('readings', one.topics.readings)) === 201);
    await until('9,999 rows', async () => (await one.count('readings')) === 50 + 9_999);
    const [record, ...more] = await one.rejected(1);
    assert.equal(more.length, 0);
    const batch = decodeBatch(record!.value!);
    assert.deepEqual(
      { ...batch, series: batch.series.length },
      { ...testBatch({ firstSeq: 6_666, count: 1 }), series: 1, quality: [0] },
    );
    assert.match(record!.headers[rejectedHeaders.reason]!, said);
    assert.equal(record!.headers[rejectedHeaders.offset], '134');
    assert.equal(record!.headers[rejectedHeaders.field], 'value[16]');
    assert.equal(record!.headers[rejectedHeaders.row], '16');
    assert.equal(await sinks.metric('millrace_sink_requests_total{sink="readings"'), 2 + requests);
    assert.equal(await sinks.metric('millrace_sink_rejected_total{sink="readings"'), 1);
    assert.equal(sinks.ready, true);
  });

test('a table that lost a column holds the rows back, and rejects none', async () => {
  await using one = await lab(1);
  const table = `${one.tablePrefix}readings`;
  await using sinks = await one.start(['readings']);
  await one.http.query(`ALTER TABLE ${table} DROP COLUMN unit`);
  await one.producer.send(readingsRecord(one.topics.readings, testBatch()));
  await until('the fault', () => String(sinks.ready).includes('column unit is missing'));
  await one.http.query(`ALTER TABLE ${table} ADD COLUMN unit SYMBOL`);
  await until('50 rows', async () => (await one.count('readings')) === 50);
  await until('the offset', async () => (await one.committed('readings', one.topics.readings)) === 1);
});
