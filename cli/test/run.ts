import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly pid: number;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<Result>;
}

/** Runs `millrace` as a process, with nothing of ours in its environment but what is given. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
  input?: string,
): RunningCommand {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_')));
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input);
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = once(child, 'close').then(([code]): Result => ({ code: code as number | null, stdout, stderr }));
  return { pid: child.pid!, stdout: () => stdout, stderr: () => stderr, ended };
}

export const run = (args: readonly string[], env?: Readonly<Record<string, string>>, cwd?: string): Promise<Result> =>
  start(args, env, cwd).ended;
