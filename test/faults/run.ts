/**
 * The fault suite: `npm run test:faults` plays every case, with words only those whose name holds one of them, and puts the
 * results into `docs/reliability.json` (or `--out FILE`) in place of the earlier ones, and into the README's table. Exits 1
 * when a case lost, doubled or changed a reading, or the ledger does not agree; logs and data of such a run are kept.
 * All of it takes about an hour; needs root for the two full disks.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cases } from './cases.ts';
import { City } from './city.ts';
import { type Report, writeReliability } from './report.ts';
import { type Case, isGood, type Result, Scene } from './scene.ts';

const { values, positionals: words } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const chosen = cases.filter(({ name }) => words.length === 0 || words.some(word => name.includes(word)));
if (chosen.length === 0) {
  console.error(`no case is called like ${words.join(' or ')}; there are ${cases.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const results: Result[] = [];
for (const group of groupsOf(chosen)) {
  await using city = await City.open(group[0]!);
  for (const one of group) {
    process.stderr.write(`${one.name} … `);
    const result = await Scene.play(city, one, cases.indexOf(one));
    results.push(result);
    process.stderr.write(
      `${isGood(result) ? 'good' : `FAILED: ${result.lost} lost, ${result.twice} twice`}, ${result.times} faults, ${result.seconds} s, recovery at most ${result.recoverMs.at(-1) ?? '–'} ms\n`,
    );
    for (const complaint of result.complaints) process.stderr.write(`  ${complaint.replaceAll('\n', '\n  ')}\n`);
    save(result);
    if (!isGood(result)) {
      city.keepHome = true;
      process.stderr.write(`  logs and data stay in ${city.home}\n`);
    }
  }
}
if (!results.every(isGood)) process.exitCode = 1;

/** Cases that can share servers; a case with a disk of its own has servers of its own. */
function groupsOf(list: readonly Case[]): Case[][] {
  const groups = new Map<string, Case[]>();
  for (const one of list) {
    const key = one.diskMb === undefined ? String(one.kafkaNodes) : one.name;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

/** After each case, so that a run cut short has its results. A result names the commit it was made with. */
function save(result: Result): void {
  const root = join(import.meta.dirname, '../..');
  const out = values.out ?? join(root, 'docs/reliability.json');
  const before = existsSync(out) ? (JSON.parse(readFileSync(out, 'utf8')) as Report).results : [];
  const made = {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
    cores: cpus().length,
    node: process.version,
  };
  const order = cases.map(({ name }) => name);
  const results = [
    ...before.filter(({ name }) => name !== result.name && order.includes(name)),
    { ...result, ...made },
  ];
  const report: Report = { results: results.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)) };
  writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
  if (values.out === undefined) writeReliability(root, report);
}
