import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { startParent, until, untilGone } from '../test/parent-process.ts';
import { createTopic, describeTopics, sql } from '../test/server-requests.ts';
import { identityOf, isRunning, signalProcess } from './identity.ts';
import { liveBrokers } from './kafka-probe.ts';
import { openStack, type Stack, type StackOptions } from './stack.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-stack-'));
after(() => rmSync(root, { recursive: true }));

const open = (options: StackOptions): Promise<Stack> => openStack({ questdbJit: 'quick', ...options });

test('one Kafka and QuestDB: requests, faults, a second owner refused, and a second start on the same data', async () => {
  const home = join(root, 'one');
  const account = { questdbUser: 'tester', questdbPassword: 's#cr=t \\ !' };
  let clusterId: string;
  {
    await using stack = await open({ home, ...account });
    const { kafka, questdb } = stack;
    assert.ok(kafka && questdb);
    const [node] = kafka.nodes;
    assert.ok(node?.identity);
    clusterId = readFileSync(join(home, 'kafka.json'), 'utf8');

    await createTopic(kafka.brokers, 'kept', 3);
    await sql(questdb, 'create table kept (ts timestamp, v long) timestamp(ts) partition by day wal');
    await sql(questdb, "insert into kept values ('2026-11-22T00:00:00.000000Z', 42)");

    // The account is asked for, the health check needs none, and the password is in no log and on no command line.
    assert.equal((await fetch(`${questdb.httpUrl}/exec?query=select%201`)).status, 401);
    assert.match(await (await fetch(`${questdb.healthUrl}/status`)).text(), /Healthy/);
    assert.match(await (await fetch(`${questdb.healthUrl}/metrics`)).text(), /questdb_suspended_tables/);
    assert.equal(statSync(join(home, 'questdb', 'conf', 'server.conf')).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(questdb.logPath, 'utf8'), /s#cr=t/);

    // A second owner is refused with the remedy, and disturbs nothing.
    await assert.rejects(open({ home }), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, new RegExp(`MILLRACE_HOME: .* in use by process ${process.pid} .*set MILLRACE_HOME`));
      return true;
    });

    // Killed, the node is gone; started, it is on its port with its topics; and nobody calls that a death.
    const before = node.identity;
    await node.kill();
    assert.equal(isRunning(before), false);
    await assert.rejects(liveBrokers(node.port));
    await node.start();
    assert.match(await describeTopics(kafka.brokers), /Topic: kept\t/);

    // Frozen, QuestDB takes connections and answers nothing; thawed, it goes on.
    questdb.freeze();
    await assert.rejects(questdb.spec.probe());
    questdb.thaw();
    await questdb.spec.probe();

    // Killed by someone else, it is reported, with the sentence that an operator reads.
    assert.ok(questdb.identity);
    signalProcess(questdb.identity, 'SIGKILL');
    const death = await stack.died;
    assert.equal(death.name, 'questdb');
    assert.match(death.sentence, /^questdb ended by SIGKILL; its log is .*questdb\.log$/);
    assert.equal(questdb.state, 'stopped');
  }
  assert.equal(existsSync(join(home, 'stack.lock')), false);

  await using again = await open({ home, ...account });
  assert.ok(again.kafka && again.questdb);
  assert.equal(readFileSync(join(home, 'kafka.json'), 'utf8'), clusterId);
  assert.match(await describeTopics(again.kafka.brokers), /Topic: kept\t/);
  assert.deepEqual(await sql(again.questdb, 'select v from kept'), [[42]]);
});

test('SIGKILL of the parent ends its servers, and the next start takes over and says so', async () => {
  const home = join(root, 'orphan');
  const parent = await startParent('stack', home);
  parent.process.kill('SIGKILL');
  const notes: string[] = [];
  // At once: the server may still be ending, and must not be met on the same data.
  await using stack = await open({
    home,
    kafkaNodes: 0,
    report: event => event.kind === 'note' && notes.push(event.text),
  });
  await untilGone(parent.children, 0);
  assert.match(notes[0] ?? '', new RegExp(`^process ${parent.process.pid} died without letting go`));
  assert.deepEqual(await sql(stack.questdb, 'select 1'), [[1]]);
});

test('three nodes form one cluster of three copies, and clients of the proxied listener stay on it', async () => {
  const advertised = [31_991, 31_992, 31_993];
  await using stack = await open({
    home: join(root, 'three'),
    kafkaNodes: 3,
    kafkaHeapMb: 256,
    kafkaAdvertisedPorts: advertised,
    questdb: false,
  });
  const { kafka } = stack;
  assert.ok(kafka);
  assert.equal(stack.questdb, undefined);
  await createTopic(kafka.brokers, 'copied', 1);
  const described = await describeTopics(kafka.brokers);
  assert.match(described, /ReplicationFactor: 3/);
  assert.match(described, /min\.insync\.replicas=2/);

  const [first, second, third] = kafka.nodes;
  assert.ok(first?.proxiedPort && second && third);
  assert.deepEqual(
    (await liveBrokers(first.proxiedPort)).map(({ port }) => port),
    advertised,
  );

  // With one killed the other two are a cluster; started again, it is one of three.
  await third.kill();
  await until(async () => (await liveBrokers(first.port)).length === 2, 20_000, 'two nodes');
  await third.start();
  await until(async () => (await liveBrokers(first.port)).length === 3, 20_000, 'three nodes');
});

test('data of one node is not opened as a cluster of three', async () => {
  await assert.rejects(
    open({ home: join(root, 'one'), kafkaNodes: 3, questdb: false }),
    /stack\.kafkaNodes: is 3, but the data in .* was made with 1; set it back to 1/,
  );
  assert.equal(existsSync(join(root, 'one', 'stack.lock')), false);
});

test('half an account is a mistake in the configuration', async () => {
  await assert.rejects(open({ home: join(root, 'half'), questdbUser: 'only' }), /stack\.questdbPassword: is missing/);
  assert.equal(existsSync(join(root, 'half')), false);
});

test('a start that is given up leaves nothing running', async () => {
  const abort = new AbortController();
  const home = join(root, 'given-up');
  const starting = open({ home, kafkaNodes: 0, signal: abort.signal });
  let pid: number | undefined;
  await until(
    () => {
      if (!existsSync(join(home, 'stack.lock'))) return false;
      pid = JSON.parse(readFileSync(join(home, 'stack.lock'), 'utf8')).children.questdb?.pid;
      return pid !== undefined;
    },
    20_000,
    'the server to be on its way',
  );
  abort.abort(new Error('no longer wanted'));
  await assert.rejects(starting, /no longer wanted/);
  assert.equal(identityOf(pid as number), undefined);
});
