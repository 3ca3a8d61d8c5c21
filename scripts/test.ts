/**
 * Runs the tests on real servers: one Kafka and one QuestDB are started for the whole run and end with it.
 * `npm test` runs all; `npm test -- wire edge` those whose path holds one of the words; `npm test -- --no-servers` starts none.
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportTo } from '@millrace/stack/report.ts';
import { openStack } from '@millrace/stack/stack.ts';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2).filter(arg => !arg.startsWith('--'));
const files = globSync(['*/src/**/*.test.ts', 'edge/flash/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
  .filter(file => !file.includes('node_modules') && (words.length === 0 || words.some(word => file.includes(word))))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${words.join(' or ')}`);
  process.exit(2);
}

const home = mkdtempSync(join(tmpdir(), 'millrace-test-'));
try {
  process.exitCode = process.argv.includes('--no-servers') ? await run({}) : await withServers();
} finally {
  rmSync(home, { recursive: true, force: true });
}

async function withServers(): Promise<number> {
  await using stack = await openStack({ home, questdbJit: 'quick', report: reportTo(process.stderr) });
  const { kafka, questdb } = stack;
  // Awaited here: the servers must live until the run has ended.
  return await run({
    MILLRACE_TEST_KAFKA: kafka!.brokers.join(','),
    MILLRACE_TEST_QUESTDB: questdb!.httpUrl,
    MILLRACE_TEST_QUESTDB_PG: `${questdb!.pg.host}:${questdb!.pg.port}`,
  });
}

function run(env: Record<string, string>): Promise<number> {
  // Two files at a time: on two cores more would only make each of them wait.
  const args = [
    '--disable-warning=TimeoutNegativeWarning',
    '--test',
    '--test-concurrency=2',
    '--test-timeout=120000',
    ...files,
  ];
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}
