/** One run of a program, in a process group of its own so that what it started goes with it. */
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '@millrace/runtime/errors.ts';

export interface ProgramOptions {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string | undefined;
  /** Given one chunk at a time: while it waits, nothing more is read, and the program waits at its pipe. */
  readonly onOutput: (chunk: Buffer) => Promise<void>;
  readonly onErrorOutput: (chunk: Buffer) => void;
  /** Between SIGTERM and SIGKILL; and how long output may stay away once the program is gone. */
  readonly graceMs: number;
  readonly signal: AbortSignal;
}

export interface Ending {
  /** `exit code 3`, `SIGSEGV`, `cannot be started: …`. */
  readonly how: string;
  readonly isOrderly: boolean;
}

const lookEveryMs = 20;

/** Resolves when the program, its process group and its output have ended. At abort the group is told to stop. */
export async function runProgram(options: ProgramOptions): Promise<Ending> {
  const { command, env, cwd, onOutput, onErrorOutput, graceMs, signal } = options;
  let child: ReturnType<typeof start>;
  try {
    child = start(command, env, cwd);
  } catch (error) {
    return notStarted(error);
  }
  const ended = new Promise<Ending>(resolve => {
    child.once('error', error => resolve(notStarted(error)));
    child.once('exit', (code, by) => resolve({ how: by ?? `exit code ${code}`, isOrderly: code === 0 }));
  });
  const { pid, stdout, stderr } = child;
  if (pid === undefined) return await ended;
  stderr.on('data', onErrorOutput).on('error', () => {});

  let idleSinceMs = 0; // Infinite while output is being stored.
  let isLeftOpen = false;
  const read = (async () => {
    try {
      for await (const chunk of stdout) {
        idleSinceMs = Number.POSITIVE_INFINITY;
        await onOutput(chunk as Buffer).catch((error: unknown) => {
          // At the stop nothing more is taken; it is read all the same, so that the program can end in its own way.
          if (!signal.aborted) throw error;
        });
        idleSinceMs = performance.now();
      }
    } catch (error) {
      if (!isLeftOpen) throw error;
    }
  })();
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    // A program that has closed its output can never give anything again: it is ended too.
    await Promise.race([ended, read, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await endGroup(pid, graceMs);
    // Somebody outside the group may hold the pipe open; what lies in it is read, and then it is left.
    const leftFromMs = performance.now();
    const looking = setInterval(() => {
      isLeftOpen = performance.now() - Math.max(idleSinceMs, leftFromMs) > graceMs;
      if (isLeftOpen) stdout.destroy();
    }, 250);
    await read.finally(() => {
      clearInterval(looking);
      stderr.destroy();
    });
  }
  return await ended;
}

function start(command: readonly string[], env: NodeJS.ProcessEnv, cwd: string | undefined) {
  const [program, ...args] = command;
  return spawn(program!, args, { env, cwd, detached: true, shell: false, stdio: ['ignore', 'pipe', 'pipe'] });
}

function notStarted(error: unknown): Ending {
  return { how: `cannot be started: ${messageOf(error)}`, isOrderly: false };
}

async function endGroup(pid: number, graceMs: number): Promise<void> {
  if (!signalGroup(pid, 'SIGTERM')) return;
  const deadlineMs = performance.now() + graceMs;
  while (performance.now() < deadlineMs) {
    await wait(lookEveryMs);
    if (!signalGroup(pid, 0)) return;
  }
  signalGroup(pid, 'SIGKILL');
}

/** Whether the group still has a member. */
function signalGroup(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, name);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
