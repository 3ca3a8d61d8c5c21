/** `millrace reconcile` as a process: what it prints, and its exit code. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Reconciliation } from '@millrace/ledger/reconcile.ts';
import { migrate } from '@millrace/sinks/questdb/migrations.ts';
import { readings } from '@millrace/sinks/readings/sink.ts';
import type { Sink } from '@millrace/sinks/sink.ts';
import { type Lab, openLab, readingsRecord, testBatch, until } from '@millrace/sinks/testing.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { type Result, run } from '../test/run.ts';

async function reconcile(lab: Lab, ...args: string[]): Promise<Result> {
  const { brokers, questdb } = await sharedStack();
  return run(['reconcile', ...args], {
    MILLRACE_KAFKA__BROKERS: brokers.join(','),
    MILLRACE_KAFKA__PREFIX: lab.prefix,
    MILLRACE_QUESTDB__URL: questdb.httpUrl,
    MILLRACE_QUESTDB__PG_HOST: questdb.pg.host,
    MILLRACE_QUESTDB__PG_PORT: String(questdb.pg.port),
    COLUMNS: '50',
  });
}

/** Says of everything that it is stored, and stores nothing. */
const liar: Sink = {
  ...readings,
  openStore: () => ({
    take(taken) {
      taken.settled();
      return 0;
    },
    room: () => Promise.resolve(),
    drained: () => Promise.resolve(),
    failed: new Promise<never>(() => {}),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
};

test('0 while readings are on their way, 1 once the sink went past what the table lacks, with its place and a remedy', async () => {
  await using lab = await openLab({ partitions: 1 });
  await migrate(lab.http); // the command looks at the table `readings`, which other tests may use too
  const gateway = `lamp-${randomBytes(4).toString('hex')}`;
  await lab.producer.send(readingsRecord(lab.topics.readings, testBatch({ gateway })));

  const waiting = await reconcile(lab, '--gateway', gateway);
  assert.equal(waiting.code, 0, waiting.stderr);
  assert.match(waiting.stdout, /in flight: 50 in Kafka, before the sink/);
  assert.match(waiting.stdout, /Everything is accounted for/);

  await using _sinks = await lab.start([liar]);
  await until('the sink says it has it', async () => (await lab.committed('readings', lab.topics.readings)) === 1);
  const lost = await reconcile(lab, '--gateway', gateway);
  assert.equal(lost.code, 1);
  assert.match(lost.stdout, /lost at kafka→questdb: 50\n.*boot 7\n {2}seq 0–49\n/);
  assert.match(lost.stdout, /The account does not hold: 50 readings lost\.\n- kafka→questdb: /);
  for (const line of lost.stdout.split('\n')) assert.ok(line.length <= 50, line);

  const { stdout } = await reconcile(lab, '--gateway', gateway, '--json', '--checksum');
  const { ok, total, verdict, checksum } = JSON.parse(stdout) as Reconciliation & { verdict: string };
  assert.deepEqual(
    [ok, total.lost, verdict],
    [false, { 'kafka→questdb': 50 }, 'The account does not hold: 50 readings lost.'],
  );
  assert.match(checksum!, /^0 0{64}$/);
});

test('a QuestDB that does not answer is one sentence that names its keys', async () => {
  await using lab = await openLab({ partitions: 1 });
  const { code, stderr, stdout } = await run(['reconcile'], {
    MILLRACE_KAFKA__BROKERS: lab.kafka.options.brokers.join(','),
    MILLRACE_QUESTDB__URL: 'http://127.0.0.1:9',
    MILLRACE_QUESTDB__PG_PORT: '9',
  });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^millrace reconcile: QuestDB at 127\.0\.0\.1:9 does not answer .*questdb\.pgPort\n$/);
});
