import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { InvariantError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import { identityOf, type ProcessIdentity } from './identity.ts';
import type { Lifeline } from './lifeline.ts';
import { causeInLog, lastLines } from './log-tail.ts';

export interface ChildSpec {
  /** `kafka-1`, `questdb`. */
  readonly name: string;
  readonly command: string;
  /** Asked at each start, for it may depend on what earlier ones left (class archives). Never holds a secret. */
  readonly args: () => readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly directory: string;
  /** Standard output and error, appended; begun anew above 8 MiB, with one predecessor kept. */
  readonly logPath: string;
  /** One real request: resolves when the server serves, rejects while it does not yet. */
  readonly probe: () => Promise<void>;
  readonly readyWithinMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly stopWithinMs: number;
  /** After each end; orderly when it was a stop that needed no SIGKILL. */
  readonly onEnded?: (orderly: boolean) => void;
}

export interface ChildSurroundings {
  readonly lifeline: Lifeline;
  /** A process was started or has ended: time to write down who runs. */
  readonly onChange: () => void;
  /** The process ended and nobody asked it to. */
  readonly onDied: (exit: ChildExit) => void;
}

export interface ChildExit {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly logPath: string;
  /** `questdb ended by SIGKILL; its log is …`. */
  readonly sentence: string;
}

const LOG_LIMIT_BYTES = 8 * 1024 * 1024;

/**
 * One server process that can be ended and started again on the same ports and data.
 *
 * stopped ──start──► starting ──probe answers──► running ──stop, kill──► stopped
 *                       └── ends early, or deadline: start rejects, stopped
 * running ──ends by itself──► stopped, and `onDied` hears of it. `freeze` and `thaw` stay in running.
 */
export class Child {
  readonly spec: ChildSpec;
  readonly #around: ChildSurroundings;
  #process: ChildProcess | undefined;
  #ended: Promise<ChildExit> | undefined;
  #identity: ProcessIdentity | undefined;
  #lastExit: ChildExit | undefined;
  #state: 'stopped' | 'starting' | 'running' | 'stopping' = 'stopped';

  constructor(spec: ChildSpec, around: ChildSurroundings) {
    this.spec = spec;
    this.#around = around;
  }

  get name(): string {
    return this.spec.name;
  }

  get logPath(): string {
    return this.spec.logPath;
  }

  /** Undefined while it is stopped. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** How the last run ended. */
  get lastExit(): ChildExit | undefined {
    return this.#lastExit;
  }

  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  get state(): 'stopped' | 'starting' | 'running' | 'stopping' {
    return this.#state;
  }

  /**
   * Starts the process; resolves when the server answers a request.
   * @throws {ConfigError} disk full, port taken. @throws {TransientError} other early ends and the deadline, with the last lines of the log.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#state !== 'stopped') throw new InvariantError(`${this.name} is ${this.#state}, so it cannot be started`);
    signal?.throwIfAborted();
    const logFrom = this.#spawn();
    const ended = this.#ended as Promise<ChildExit>;
    let early: ChildExit | undefined;
    void ended.then(exit => {
      early = exit;
    });
    const deadline = Date.now() + this.spec.readyWithinMs;
    let lastProblem = 'it was not asked yet';
    while (true) {
      try {
        await Promise.race([this.spec.probe(), ended]);
        if (!early) break;
      } catch (error) {
        lastProblem = messageOf(error);
      }
      if (early) throw causeInLog(this.logPath, logFrom) ?? this.#failure(early.sentence, logFrom);
      if (signal?.aborted || Date.now() > deadline) {
        await this.kill();
        signal?.throwIfAborted();
        throw this.#failure(
          `${this.name} did not answer within ${this.spec.readyWithinMs / 1000} s: ${lastProblem}`,
          logFrom,
        );
      }
      await Promise.race([delay(50), ended]);
    }
    this.#state = 'running';
  }

  /** SIGTERM, then SIGKILL after the grace period; resolves when the process is gone. Nothing to do when it is. */
  async stop(): Promise<void> {
    const orderly = this.#state === 'running';
    this.#signal('SIGTERM');
    this.#signal('SIGCONT'); // a frozen process gets its SIGTERM only when it goes on
    const timer = setTimeout(() => this.#signal('SIGKILL'), this.spec.stopWithinMs);
    const exit = await this.#end();
    clearTimeout(timer);
    if (exit) this.spec.onEnded?.(orderly && exit.signal !== 'SIGKILL');
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#end();
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Lets this process end while the child still runs; the lifeline then ends the child. */
  unref(): void {
    this.#process?.unref();
  }

  #spawn(): number {
    mkdirSync(dirname(this.logPath), { recursive: true });
    const logFrom = makeRoom(this.logPath);
    const log = openSync(this.logPath, 'a', 0o600);
    const { command, env, directory } = this.spec;
    // A process group of its own: Ctrl-C in a terminal reaches us alone, and we stop the children in order.
    const child = spawn(command, this.spec.args(), {
      cwd: directory,
      env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    if (child.pid) this.#around.lifeline.add(child.pid);
    closeSync(log);
    this.#state = 'starting';
    this.#process = child;
    this.#identity = child.pid ? identityOf(child.pid) : undefined;
    this.#ended = new Promise(resolve => {
      child.once('exit', (code, signal) => resolve(this.#gone(child, code, signal)));
      child.once('error', () => child.pid || resolve(this.#gone(child, null, null)));
    });
    this.#around.onChange();
    return logFrom;
  }

  #gone(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): ChildExit {
    const how = signal
      ? `by ${signal}`
      : code === null
        ? `before it began: ${this.spec.command} cannot be run`
        : `with code ${code}`;
    const exit = {
      name: this.name,
      code,
      signal,
      logPath: this.logPath,
      sentence: `${this.name} ended ${how}; its log is ${this.logPath}`,
    };
    this.#lastExit = exit;
    const unasked = this.#state === 'running';
    this.#state = 'stopped';
    this.#process = undefined;
    this.#identity = undefined;
    if (child.pid) this.#around.lifeline.remove(child.pid);
    this.#around.onChange();
    if (unasked) this.#around.onDied(exit);
    return exit;
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#process) return;
    this.#state = 'stopping';
    this.#process.kill(signal);
  }

  async #end(): Promise<ChildExit | undefined> {
    // An unreferenced child does not keep the event loop going, and then its end would never be heard.
    const alive = setInterval(() => {}, 60_000);
    try {
      return await this.#ended;
    } finally {
      clearInterval(alive);
    }
  }

  #failure(sentence: string, logFrom: number): TransientError {
    return new TransientError(`${sentence}; it said last:\n${lastLines(this.logPath, logFrom)}`);
  }
}

/** Where this start's lines will begin. */
function makeRoom(logPath: string): number {
  const sizeBytes = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  if (sizeBytes <= LOG_LIMIT_BYTES) return sizeBytes;
  rmSync(`${logPath}.1`, { force: true });
  renameSync(logPath, `${logPath}.1`);
  return 0;
}
