/** The README's reliability table, from the suite's output file: `node test/faults/report.ts` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from './scene.ts';

/** The suite's output file, `docs/reliability.json`. */
export interface Report {
  readonly results: readonly (Result & {
    readonly date: string;
    readonly commit: string;
    readonly cores: number;
    readonly node: string;
  })[];
}

const begin = '<!-- reliability: written by test/faults/report.ts -->';
const end = '<!-- end of reliability -->';

export function writeReliability(root: string, report: Report): void {
  const path = join(root, 'README.md');
  const text = readFileSync(path, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`README.md has no lines "${begin}" and "${end}"`);
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n\n${tableOf(report)}\n\n${text.slice(to)}`);
}

function tableOf({ results }: Report): string {
  const readings = results.reduce((sum, result) => sum + result.readings, 0);
  const times = results.reduce((sum, result) => sum + result.times, 0);
  return [
    `| fault | times | readings sent | lost | twice | time to recover: median, p99 |`,
    '|---|--:|--:|--:|--:|--:|',
    ...results.map(lineOf),
    '',
    `${times} faults, ${readings.toLocaleString('en')} readings; ${[...new Set(results.map(({ date, commit, cores }) => `${date} at commit ${commit} on ${cores} cores`))].join(', ')}.`,
    '“Lost” and “twice” count acknowledged readings in the table; besides, every time and value and every final window was',
    'compared with what was sent, and `millrace reconcile` had to find everything explained. Recovery runs from the kill, or',
    'from the end of an outage, until of every gateway a reading taken after it can be queried.',
  ].join('\n');
}

function lineOf({ title, times, readings, lost, twice, recoverMs }: Result): string {
  const at = (share: number): string => {
    const ms = recoverMs[Math.min(recoverMs.length - 1, Math.ceil(share * recoverMs.length) - 1)];
    return ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`;
  };
  const recovery = times === 0 ? '–' : times < 2 ? at(1) : `${at(0.5)}, ${at(0.99)}`;
  return `| ${title} | ${times} | ${readings.toLocaleString('en')} | ${lost} | ${twice} | ${recovery} |`;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../..');
  writeReliability(root, JSON.parse(readFileSync(join(root, 'docs/reliability.json'), 'utf8')) as Report);
}
