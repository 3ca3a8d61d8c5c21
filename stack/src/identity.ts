import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process beyond doubt: process ids are used again, a pair of id and start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal exactly when it is the same process of the same boot. */
  readonly started: string;
}

/** Identity of a running process; undefined when it is gone, or dead and not yet reaped (a zombie answers `kill -0`). */
export function identityOf(pid: number): ProcessIdentity | undefined {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/** Whether exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.started === identity.started;
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function fromProc(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // no such process: ENOENT, or ESRCH while it is being removed
  }
  // proc(5): the second field, the name, may hold spaces and parentheses; the state follows the last ')'.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || ticks === undefined) return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
  return { pid, started: `${boot}:${ticks}` };
}

function fromPs(pid: number): ProcessIdentity | undefined {
  let line: string;
  try {
    line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined; // ps ends with 1 when there is no such process
  }
  const [, state, started] = /^(\S+)\s+(.+)$/.exec(line) ?? [];
  return state === undefined || started === undefined || state.startsWith('Z') ? undefined : { pid, started };
}
