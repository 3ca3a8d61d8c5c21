/** What the lake's longer tests need and npm does not have: an S3 server (Go) and Apache Spark (Python), built once. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '@millrace/stack/fetch.ts';

/** A gateway from S3 to a folder: conditional writes, and its files can be read by whoever has no client for S3. */
const s3Server = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
/** Runs on Java 17. */
const spark = 'pyspark==4.0.1';
/** The first time, 3 minutes of CPU for the one, 450 MB for the other. */
const buildWithinMs = 900_000;

export interface LakeTools {
  readonly s3Server: string;
  readonly python: string;
}

export async function buildLakeTools(env: NodeJS.ProcessEnv): Promise<LakeTools> {
  const folder = join(cacheDirectory(env), 'lake-test');
  const tools = { s3Server: join(folder, 'versitygw'), python: join(folder, 'spark', 'bin', 'python') };
  mkdirSync(folder, { recursive: true });
  if (!existsSync(tools.s3Server)) {
    const module = mkdtempSync(join(tmpdir(), 'millrace-go-'));
    try {
      writeFileSync(join(module, 'go.mod'), 'module tools\n');
      await run('go', ['install', s3Server], { cwd: module, env: { ...env, GOBIN: folder, GOFLAGS: '-mod=mod' } });
    } finally {
      rmSync(module, { recursive: true });
    }
  }
  // Written last: a build that was interrupted begins anew.
  const done = join(folder, 'spark', spark);
  if (!existsSync(done)) {
    rmSync(join(folder, 'spark'), { recursive: true, force: true });
    await run('python3', ['-m', 'venv', join(folder, 'spark')], { cwd: folder, env });
    await run(tools.python, ['-m', 'pip', 'install', '--quiet', spark], { cwd: folder, env });
    writeFileSync(done, '');
  }
  return tools;
}

function run(
  command: string,
  args: readonly string[],
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<void> {
  process.stderr.write(`${command} ${args.join(' ')}\n`);
  const child = spawn(command, args, { cwd, env, stdio: 'inherit', timeout: buildWithinMs });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', code => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))));
  });
}
