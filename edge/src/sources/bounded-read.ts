/**
 * Reads of files behind which a driver talks to hardware, and may hang. Each is done by a `cat` of its own: a read that hangs
 * in this process would hold one of libuv's four threads, with them every other file, and the process could not even exit
 * (Node joins those threads).
 */
import { execFile } from 'node:child_process';
import type { Trouble } from './source.ts';

export interface ReadFault {
  readonly trouble: Exclude<Trouble, 'flood'>;
  readonly why: string;
}

interface Stuck {
  /** Its process has not ended, though it was killed: the driver holds it. */
  isHeld: boolean;
  strikes: number;
  triedAgainAtMs: number;
}

/** A page: no attribute of sysfs is longer. */
const maxBytes = 4096;
/** A stuck file is asked again after this many time-outs, doubled each time, so that it takes no time from the others. */
const firstPause = 4;
const longestPauseMs = 300_000;

export class BoundedReads {
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;
  readonly #stuck = new Map<string, Stuck>();

  /** Rejections come from the signal alone. */
  constructor(timeoutMs: number, signal: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
  }

  /** Whether the last read of that file took too long: what is well goes first. */
  isStuck(path: string): boolean {
    return this.#stuck.has(path);
  }

  /** The file's text; a fault after `timeoutMs` at the latest. No second read begins while a first one hangs. */
  async read(path: string): Promise<string | ReadFault> {
    this.#signal.throwIfAborted();
    const before = this.#stuck.get(path);
    const late: ReadFault = { trouble: 'late', why: `its read takes longer than ${this.#timeoutMs} ms` };
    if (before !== undefined && (before.isHeld || performance.now() < before.triedAgainAtMs)) return late;
    const stuck: Stuck = { isHeld: true, strikes: (before?.strikes ?? 0) + 1, triedAgainAtMs: 0 };
    const done = Promise.withResolvers<string | ReadFault>();
    const env = { PATH: process.env['PATH'], LC_ALL: 'C' }; // The error's text is read below.
    const child = execFile('cat', [path], { env, maxBuffer: maxBytes }, (error, text, errors) => {
      stuck.isHeld = false;
      done.resolve(error === null ? text : faultOf(error, errors));
    });
    const give = (): void => {
      child.kill('SIGKILL');
      child.unref(); // One that the driver holds must not hold the agent.
    };
    const timer = setTimeout(() => {
      const pauseMs = Math.min(longestPauseMs, this.#timeoutMs * firstPause * 2 ** Math.min(stuck.strikes - 1, 20));
      stuck.triedAgainAtMs = performance.now() + pauseMs;
      this.#stuck.set(path, stuck);
      done.resolve(late);
      give();
    }, this.#timeoutMs);
    const onAbort = (): void => {
      done.reject(this.#signal.reason);
      give();
    };
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await done.promise;
      if (result !== late) this.#stuck.delete(path);
      return result;
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', onAbort);
    }
  }
}

/** By the words of the C library: glibc's and musl's. */
function faultOf(error: Error & { code?: unknown }, errors: string): ReadFault {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
    return { trouble: 'garbage', why: `its file is longer than ${maxBytes} bytes` };
  // Of the `cat` itself: there is none, or no process can be started.
  if (typeof error.code === 'string') return { trouble: 'absent', why: `it cannot be read: ${error.message}` };
  const why = errors.trim().split(': ').at(-1) || 'its read failed';
  if (/no such/i.test(why)) return { trouble: 'absent', why: `it is gone: ${why}` };
  const isLate = /timed out|busy|temporarily|interrupted/i.test(why);
  return { trouble: isLate ? 'late' : 'garbage', why: `its read failed: ${why}` };
}
