/** `millrace simulate` against the whole pipeline: killed and started again, it leaves the same tables as undisturbed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import { decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { type RunningCommand, run, start } from '../cli/test/run.ts';
import { Pipeline, until } from './pipeline.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-simulate-'));
const pipeline = new Pipeline(home, { edges: false });
const running: RunningCommand[] = [];

before(
  () => {
    // One size of window says as much here as three, for a third of the results.
    process.env['MILLRACE_PROCESSORS__WINDOWS'] = '["1m"]';
    return pipeline.start();
  },
  { timeout: 150_000 },
);
after(async () => {
  for (const { pid, ended } of running) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
    await ended;
  }
  await pipeline[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

function simulate(...args: string[]): RunningCommand {
  const command = start(['simulate', '--url', pipeline.running()!.mqttUrl, ...args], {}, home);
  running.push(command);
  return command;
}

/** A seed and a day on which three gateways have an outage with dropped readings, wrong clocks, and sensors that drift, drop out and spike. */
const theDay = ['--day', '2026-03-14', '--speed', 'max', '--gateways', '3', '--seed', '129'];
/** A day's windows of fifteen series, twice: a busy machine takes minutes. */
const longMs = 420_000;

const stored = async (prefix: string): Promise<number> =>
  Number((await pipeline.sql(`select count() n from readings where gateway like '${prefix}%'`))[0]!['n']);

/** What each table holds of the gateways with that prefix, without the prefix: rows, identities, times and values. */
async function accountOf(prefix: string): Promise<{ readings: unknown[]; stats: unknown[] }> {
  const name = `substring(gateway, ${prefix.length + 1}, 64)`;
  const whole = `gateway like '${prefix}%' group by ${name}`;
  const readings = await pipeline.sql(
    `select ${name} post, boot, sensor, metric, unit, zone, quality, clock, count() n, count_distinct(seq) seqs, min(seq) first,
       max(seq) last, sum(seq) seq, sum(value) value, min(ts) first_ts, max(ts) last_ts
     from readings where ${whole}, boot, sensor, metric, unit, zone, quality, clock
     order by post, boot, sensor, metric, quality, clock`,
  );
  const stats = await pipeline.sql(
    `select ${name} post, window, sensor, metric, final, count() windows, sum(count) n, sum(expected) expected, sum(min) least,
       sum(max) most, sum(mean) mean
     from stats where ${whole}, window, sensor, metric, final order by post, window, sensor, metric, final`,
  );
  // Sums of floating point numbers depend on the order of what is summed.
  const rounded = (row: Record<string, unknown>): unknown =>
    Object.fromEntries(
      Object.entries(row).map(([key, value]) => [
        key,
        typeof value === 'number' ? Number(value.toPrecision(10)) : value,
      ]),
    );
  return { readings: readings.map(rounded), stats: stats.map(rounded) };
}

test('a day sent by a simulator that is killed, and by one that is not, gives the same tables', {
  timeout: longMs,
}, async () => {
  const undisturbed = await simulate(...theDay, '--prefix', 'whole-').ended;
  assert.equal(undisturbed.code, 0, undisturbed.stderr);
  const sent = Number(/"readings":(\d+)/.exec(undisturbed.stderr)?.[1]);
  await until('all its readings are stored', async () => (await stored('whole-')) === sent, longMs);

  const killed = simulate(...theDay, '--prefix', 'broken-');
  await until('a part is stored', async () => (await stored('broken-')) > sent / 10);
  process.kill(killed.pid, 'SIGKILL');
  assert.equal((await killed.ended).code, null);
  assert.ok((await stored('broken-')) < sent, 'it had sent everything before it was killed');

  const again = simulate(...theDay, '--prefix', 'broken-');
  await until('it sends', async () => again.stderr().includes('sending to'));
  await pipeline.kill9('bridge');
  const { code, stderr } = await again.ended;
  assert.equal(code, 0, stderr);
  const expected = await until('every window of the undisturbed run is final', () => settled('whole-'), longMs);
  await until(
    'the same of the other',
    async () => {
      assert.deepEqual(await accountOf('broken-'), expected);
      return true;
    },
    longMs,
  );
  assert.equal(await stored('broken-'), sent);
  await assertSameBytes();
  for (const post of ['queen-st-01', 'quay-st-01', 'jellicoe-st-01']) {
    const account = await run(
      ['reconcile', '--gateway', `broken-${post}`, '--wait', '30'],
      { MILLRACE_HOME: home },
      home,
    );
    assert.equal(account.code, 0, account.stdout + account.stderr);
  }
});

/** What three processes published: every copy of a batch has the same bytes, whoever made it. */
async function assertSameBytes(): Promise<void> {
  const batches = new Map<string, { readonly bytes: Uint8Array; readonly prefixes: Set<string> }>();
  let resent = 0;
  const kafka = openKafka({ brokers: [...pipeline.running()!.brokers] });
  await readTopicToEnd(kafka, 'millrace.readings.v1', {}, ({ value }) => {
    const batch = decodeBatch(value!);
    const [, prefix, post] = /^(whole-|broken-)(.*)$/.exec(batch.gateway) ?? [];
    // What tells only how much has been sent is not the same in every run.
    if (post === undefined || batch.value.length + batch.dropped.length === 0) return;
    const key = `${post} ${batch.boot} ${batch.firstSeq}`;
    const bytes = encodeBatch({ ...batch, gateway: post as GatewayId });
    const known = batches.get(key);
    if (known === undefined) return void batches.set(key, { bytes, prefixes: new Set([prefix!]) });
    assert.deepEqual(bytes, known.bytes, key);
    if (known.prefixes.has(prefix!)) resent += 1;
    known.prefixes.add(prefix!);
  });
  assert.ok(resent > 0, 'nothing was sent twice: the kill changed nothing');
  for (const [key, { prefixes }] of batches) assert.equal(prefixes.size, 2, key);
}

/** The account, once windows have all become final: a gateway's word that the day is complete has come through. */
async function settled(prefix: string): Promise<Awaited<ReturnType<typeof accountOf>> | undefined> {
  const [open] = await pipeline.sql(`select count() n from stats where gateway like '${prefix}%' and final = false`);
  const [minutes] = await pipeline.sql(
    `select count_distinct(ts) n from stats where gateway like '${prefix}%' and window = '1m'`,
  );
  return Number(open!['n']) === 0 && Number(minutes!['n']) === 24 * 60 ? accountOf(prefix) : undefined;
}

test('in real time: the past comes behind what is live, and Ctrl-C says OFFLINE', async () => {
  const command = simulate('--gateways', '5', '--prefix', 'live-', '--backfill', '0');
  const states = async (): Promise<Record<string, unknown>[]> =>
    pipeline.sql(
      "select gateway, state, outbox_readings, clock from gateways where gateway like 'live-%' latest on ts partition by gateway",
    );
  await until('all are there', async () => (await states()).filter(({ state }) => state === 'ONLINE').length >= 4);
  await until(
    'a reading of the last two minutes',
    async () =>
      (await pipeline.sql("select ts from readings where gateway like 'live-%' and ts > dateadd('m', -2, now())"))
        .length > 0,
  );
  process.kill(command.pid, 'SIGINT');
  const { code, stderr } = await command.ended;
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /"level":"(warn|error)"/);
  await until('all are OFFLINE', async () => (await states()).every(({ state }) => state === 'OFFLINE'));
});

test('wrong usage is one sentence and code 2', async () => {
  const cases = [
    [['--gateways', '0'], /--gateways must be a whole number from 1 to 20000; it is '0'/],
    [['--day', '2026-02-30'], /--day must be a date such as 2026-03-14; it is '2026-02-30'/],
    [['--day', '2199-01-01'], /a day since 1970 that is over in Pacific\/Auckland/],
    [['--speed', '5'], /--speed goes with --day/],
    [['--backfill', '3w'], /--backfill must be a time of at most 7 days/],
  ] as const;
  const ended = cases.map(async ([args, said]) => {
    const { code, stderr } = await run(['simulate', ...args], {}, home);
    assert.deepEqual([code, said.test(stderr)], [2, true], stderr);
  });
  await Promise.all(ended);
  const { code, stderr } = await run(['simulate'], { MILLRACE_SIMULATE__GATEWAYS: 'many' }, home);
  assert.deepEqual([code, /simulate\.gateways/.test(stderr)], [78, true], stderr);
});
