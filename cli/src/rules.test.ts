/** `millrace rules` as a person meets it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadRules } from '@millrace/processors/alerts/rules.ts';
import { messageOf } from '@millrace/runtime/errors.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { run } from '../test/run.ts';
import { UsageError } from './command.ts';
import { rules } from './commands/rules.ts';
import { readRecording } from './rules-recording.ts';
import { replayRules } from './rules-replay.ts';
import { testJson, testReport } from './rules-report.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-rules-cli-'));
after(() => rmSync(dir, { recursive: true }));
const demo = fileURLToPath(new URL('../../demo', import.meta.url));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const optionsOf = { intervalMs: 0, gateway: 'replay' as GatewayId, site: '', zone: '' };

async function tried(rulesFile: string, data: string) {
  const found = loadRules(rulesFile);
  const recording = await readRecording(data, optionsOf);
  const replay = replayRules(found, recording);
  const report = (limit: number): string => testReport(found, recording, replay, { width: 110, limit });
  return { report, json: testJson(found, recording, replay) as Tested };
}

interface Tested {
  readonly readings: number;
  readonly rules: readonly { rule: string; about: number; raised: number; standing: number; seconds: number }[];
  readonly alerts: readonly Record<string, unknown>[];
  readonly leftOut: readonly string[];
  readonly notes: readonly string[];
}

test('check says how rules were understood, and with 78 what is wrong with them', async () => {
  const right = file(
    'right.yaml',
    'rules: [{ name: hot, where: { metric: temperature, zone: [cbd, port-*] }, above: 80, clear: 75, unit: Cel, for: 90s }]',
  );
  const wrong = file('wrong.yaml', 'rules:\n  - name: hot\n    abov: 3\n  - name: hot\n    silent: sensor\n');
  const [shown, mistakes] = await Promise.all([
    run(['rules', 'check', right]),
    run(['rules', 'check', wrong, '--json']),
  ]);
  assert.equal(
    shown.stdout,
    `hot (warning)\n  above 80 Cel, clears at 75 Cel, for 1 min 30 s\n  of metric temperature, zone cbd or port-*; raised at most every 5 min\n\n${right}: 1 rule, no mistake\n`,
  );
  assert.deepEqual([shown.code, mistakes.code, mistakes.stderr], [0, 78, '']);
  assert.equal((JSON.parse(mistakes.stdout) as { mistakes: unknown[] }).mistakes.length, 3);
  const told = await rules.run(['check', wrong]).catch(messageOf);
  for (const expected of [
    /wrong\.yaml:3:\d+\): no such key; did you mean above/,
    /rules\.hot\.name \(.*:4:\d+\): must be unique/,
    /wrong\.yaml:4:\d+\): lacks missed/,
  ])
    assert.match(String(told), expected);
  await assert.rejects(rules.run(['check', 'nowhere.yaml']), /nowhere\.yaml\): cannot be read/);
});

test('test shows what the rules of the demo would have raised in the year of its recording', async () => {
  const { report, json: tested } = await tried(join(demo, 'rules.yaml'), join(demo, 'auckland.yaml'));
  assert.match(report(3), /^raised +lasted +rule +series +what\n(20.*\n){3}… and \d+ more/);
  assert.match(report(3), /2023-09-24T02:00 never was in Pacific\/Auckland/);
  assert.match(
    report(0).replaceAll('\n', ' '),
    /alerts raised by 183,780 readings of 21 series, 2023-01-01 00:00 to 2023-12-31 23:00 \(Pacific\/Auckland\) $/,
  );
  // Told by a person's own count over the file: above 2500, until not above 1500.
  const [, ...rows] = readFileSync(join(demo, 'auckland-pedestrians/counts-2023.csv'), 'utf8').trim().split('\n');
  const crowded = new Map<number, boolean>();
  let raised = 0;
  for (const row of rows.filter(row => !row.startsWith('2023-09-24T02')))
    for (const [i, cell] of row.split(',').entries()) {
      if (i === 0 || cell === '') continue;
      const before = crowded.get(i) ?? false;
      crowded.set(i, Number(cell) > (before ? 1500 : 2500));
      if (!before && crowded.get(i)) raised++;
    }
  const { about, raised: told, standing } = tested.rules.find(({ rule }) => rule === 'crowd')!;
  assert.deepEqual([about, told, standing], [21, raised, 0]);
  // The counter akl-20 has 138 hours of blanks.
  const silent = tested.alerts.filter(({ rule, sensor }) => rule === 'counter-silent' && sensor === 'akl-20');
  assert.deepEqual(
    silent.map(({ seconds }) => Number(seconds) / 3600),
    [136],
  );
});

test('test reads rows and lines of readings, and says what it leaves out', async () => {
  const power = file(
    'power.yaml',
    'rules: [{ name: p, where: { metric: power }, above: 5, unit: kW }, { name: v, where: { metric: power }, above: 5, unit: V }]',
  );
  const rows = [
    ['2026-01-01T00:00:10Z', 'lamp-1', 'a', 'power', 'kW', '6'],
    ['2026-01-01T00:00:00Z', 'lamp-1', 'a', 'power', 'kW', '4'],
    ['2026-01-01T00:00:20Z', 'lamp-1', 'b', 'power', 'W', '5001'],
    ['2026-01-01T00:00:30Z', 'lamp-1', 'b', 'power', 'W', '5000'],
    ['2026-01-01T00:00:40Z', 'Lamp-1', 'a', 'power', 'kW', '6'],
    ['yesterday', 'lamp-1', 'a', 'power', 'kW', '6'],
    ['2026-01-01T00:00:50Z', 'lamp-1', 'a', 'power', 'kW', 'much'],
    ['2026-01-01T00:01:00Z', 'lamp-1', 'a', 'power', 'kW', ''],
  ];
  const columns = ['time', 'gateway', 'sensor', 'metric', 'unit', 'value'];
  const csv = file('power.csv', [columns, ...rows].map(row => row.join(',')).join('\n'));
  const lines = rows.map(row => JSON.stringify(Object.fromEntries(columns.map((column, i) => [column, row[i]]))));
  const ndjson = file('power.ndjson', lines.join('\n'));
  const { json: tested } = await tried(power, csv);
  assert.deepEqual((await tried(power, ndjson)).json, tested);
  assert.equal(tested.readings, 4);
  assert.deepEqual(
    tested.alerts.map(({ sensor, raised, cleared, value }) => [sensor, raised, cleared, value]),
    [
      ['a', '2026-01-01T00:00:10.000Z', null, 6],
      ['b', '2026-01-01T00:00:20.000Z', '2026-01-01T00:00:30.000Z', 5001],
    ],
  );
  assert.match(
    tested.leftOut.join('\n'),
    /"Lamp-1" must be 1–64.*\n"yesterday" is no ISO.*\nvalues that are no numbers \("much"\)/,
  );
  assert.match(tested.notes.join('\n'), /rule v does not judge power of a at lamp-1.*kW: its own unit V/);
});

test('what test cannot work with is told, as wrong usage where it is', async () => {
  const none = file('none.yaml', 'rules: []');
  const wide = file('wide.csv', 't,a,b\n2026-01-01T00:00,1,2\n');
  const auckland = join(demo, 'auckland.yaml');
  const cases: readonly (readonly [usage: boolean, message: RegExp, ...args: string[]])[] = [
    [true, /test takes --replay/],
    [false, /nowhere\.csv: there is no such file/, '--replay', 'nowhere.csv'],
    [false, /empty\.csv cannot be read as CSV \(it is empty\)/, '--replay', file('empty.csv', '')],
    [true, /each is a sensor \(t, a, b\): say what they measure with --metric/, '--replay', wide],
    [false, /no reading[^]*no ISO 8601[^]*say of which zone with --time-zone/, '--replay', wide, '--metric', 'm'],
    [true, /--time-zone must be an IANA time zone/, '--replay', wide, '--metric', 'm', '--time-zone', 'Mars'],
    [true, /--unit "peeps" is not a UCUM unit/, '--replay', wide, '--metric', 'm', '--unit', 'peeps'],
    [true, /--interval 5: a duration such as/, '--replay', wide, '--interval', '5'],
    [true, /--metric: an edge configuration says that itself/, '--replay', auckland, '--metric', 'm'],
    [true, /has 0 sources of type replay/, '--replay', join(demo, 'this-machine.yaml')],
  ];
  for (const [usage, message, ...args] of cases)
    await assert.rejects(rules.run(['test', none, ...args]), (error: Error) => {
      assert.match(error.message, message);
      assert.equal(error instanceof UsageError, usage, error.message);
      return true;
    });
});
