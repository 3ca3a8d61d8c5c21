/** `millrace simulate` against the whole pipeline: killed and started again, it leaves the same tables as undisturbed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunningCommand, run, start } from '../cli/test/run.ts';
import { Pipeline, until } from './pipeline.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-simulate-'));
const pipeline = new Pipeline(home, { edges: false });
const running: RunningCommand[] = [];

before(() => pipeline.start(), { timeout: 150_000 });
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
/** Some ninety thousand results of windows, three times over. */
const longMs = 300_000;

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
});

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
    [['--seed', '-1'], /seed/],
    [['--day', '2026-02-30'], /--day must be a date such as 2026-03-14; it is '2026-02-30'/],
    [['--day', '2199-01-01'], /a day since 1970 that is over in Pacific\/Auckland/],
    [['--speed', '5'], /--speed goes with --day/],
    [['--backfill', '3w'], /--backfill must be a time of at most 7 days/],
    [['--prefix', 'No'], /--prefix must be/],
    [['--url', 'mqtts://x'], /--url must be an address/],
  ] as const;
  const ended = cases.map(async ([args, said]) => {
    const { code, stderr } = await run(['simulate', ...args], {}, home);
    assert.deepEqual([code, said.test(stderr)], [2, true], stderr);
  });
  await Promise.all(ended);
  const { code, stderr } = await run(['simulate'], { MILLRACE_SIMULATE__GATEWAYS: 'many' }, home);
  assert.deepEqual([code, /simulate\.gateways/.test(stderr)], [78, true], stderr);
});
