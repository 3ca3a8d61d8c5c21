/** A program that the agent runs and keeps running; each line it writes is a reading of our own form, or a list of them. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import type { Emit, RunContext, Source, SourceKind } from '../source.ts';
import { declareSteadily } from '../steady.ts';
import { type ExecConfig, execSchema } from './config.ts';
import { ErrorLog, take } from './intake.ts';
import { Lines } from './lines.ts';
import { type Ending, runProgram } from './program.ts';

export const exec = {
  schema: execSchema,
  async open(config: ExecConfig, { key, resolvePath }) {
    const [program] = config.command;
    if (isAbsolute(program!)) {
      const fault = await faultOfProgram(program!);
      if (fault !== undefined) throw ConfigError.of(`${key}.command.0`, fault);
    }
    if (config.cwd === undefined) return execSource(config);
    const cwd = resolvePath(config.cwd);
    const isFolder = await stat(cwd).then(
      found => found.isDirectory(),
      () => false,
    );
    if (!isFolder) throw ConfigError.of(`${key}.cwd`, `must be a folder that is there, is ${cwd}`);
    return execSource({ ...config, cwd });
  },
} satisfies SourceKind;

const maxErrorLineBytes = 500;
/** Trouble that no sensor's reading can clear is taken back after so long without it. */
const unnamedTroubleMs = 30_000;
/** Those whose absence is said when the program ends; names without end must not fill memory. */
const maxSensors = 1000;

/** @param graceMs between SIGTERM and SIGKILL. */
export function execSource(config: ExecConfig, graceMs = 2000): Source {
  return {
    async run(emit, context) {
      const stop = new AbortController();
      const signal = AbortSignal.any([context.signal, stop.signal]);
      const program = new Program({ ...config, graceMs }, emit, { ...context, signal });
      const kept = program.keep();
      try {
        await Promise.all([
          kept,
          declareSteadily(emit, { latenessMs: config.latenessMs, nowUs: () => program.takenThroughUs, signal }),
        ]);
      } finally {
        stop.abort();
        // It ends with its process group, whatever ended this run.
        await kept.catch(() => {});
      }
    },
  };
}

/** Runs → has ended → pauses → runs …, until the signal is aborted. */
class Program {
  readonly #config: ExecConfig & { graceMs: number };
  readonly #emit: Emit;
  readonly #context: RunContext;
  readonly #name: string;
  readonly #sensors = new Set<string>();
  /** When what is being stored was read; undefined: nothing is. */
  #takingSinceUs: number | undefined;
  #unnamedTroubleMs: number | undefined;
  #garbage = 0;
  #readings = 0;

  constructor(config: ExecConfig & { graceMs: number }, emit: Emit, context: RunContext) {
    this.#config = config;
    this.#emit = emit;
    this.#context = context;
    this.#name = config.name ?? config.type;
  }

  /** Lines that came later may wait in the pipe while older ones are stored. */
  get takenThroughUs(): number {
    return this.#takingSinceUs ?? this.#context.nowUs();
  }

  async keep(): Promise<void> {
    const { restart } = this.#config;
    const { signal, log } = this.#context;
    let failures = 0;
    let said: string | undefined;
    while (!signal.aborted) {
      const fromMs = performance.now();
      const { how, isOrderly } = await this.#run();
      if (signal.aborted) return;
      // One that writes what it has and exits with 0 is run again and again, as by a timer.
      const isWell = this.#readings > 0 && (isOrderly || performance.now() - fromMs > restart.maxMs);
      if (isWell) failures = 0;
      if (!isWell || !isOrderly) this.#sayAbsent(how);
      if (how !== said)
        log[isOrderly ? 'info' : 'warn'](
          { readings: this.#readings, garbage: this.#garbage },
          `program: ${how}; it is run again`,
        );
      said = how;
      await wait(backoffMs(failures, restart.minMs, restart.maxMs), undefined, { signal }).catch(() => {});
      failures += 1;
    }
  }

  async #run(): Promise<Ending> {
    const { command, cwd, env, maxLineBytes, graceMs } = this.#config;
    const { signal, log } = this.#context;
    const lines = new Lines(maxLineBytes);
    const errorLines = new Lines(maxErrorLineBytes);
    const errors = new ErrorLog(log);
    this.#readings = 0;
    this.#garbage = 0;
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'));
    const ending = await runProgram({
      command,
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
      graceMs,
      signal,
      onOutput: async chunk => await this.#take(lines.push(chunk)),
      onErrorOutput: chunk => {
        for (const line of errorLines.push(chunk)) errors.say(line, performance.now());
      },
    });
    for (const line of errorLines.end()) errors.say(line, performance.now());
    errors.flush();
    if (!signal.aborted) await this.#take(lines.end());
    return ending;
  }

  async #take(lines: Iterable<Parameters<ErrorLog['say']>[0]>): Promise<void> {
    const { nowUs, trouble } = this.#context;
    const timeUs = nowUs();
    const { readings, garbage } = take(lines, timeUs, {
      unnamed: this.#name,
      trouble: (sensor, ...what) => {
        if (sensor === this.#name) this.#unnamedTroubleMs = performance.now();
        trouble(sensor, ...what);
      },
    });
    this.#garbage += garbage;
    if (readings.length === 0) return;
    this.#takingSinceUs = timeUs;
    try {
      await this.#emit(readings);
    } finally {
      this.#takingSinceUs = undefined;
    }
    this.#readings += readings.length;
    for (const { sensor } of readings) if (this.#sensors.size < maxSensors) this.#sensors.add(sensor);
    if (this.#unnamedTroubleMs === undefined || performance.now() - this.#unnamedTroubleMs < unnamedTroubleMs) return;
    this.#unnamedTroubleMs = undefined;
    trouble(this.#name, undefined);
  }

  #sayAbsent(how: string): void {
    for (const sensor of this.#sensors) this.#context.trouble(sensor, 'absent', `its program: ${how}`);
    if (this.#sensors.size > 0) return;
    // Nobody is known yet; the source's own name shows that something is missing, and the first readings take it back.
    this.#unnamedTroubleMs = Number.NEGATIVE_INFINITY;
    this.#context.trouble(this.#name, 'absent', `its program: ${how}`);
  }
}

async function faultOfProgram(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile()) return `must be a program, ${path} is no file`;
    await access(path, constants.X_OK);
    return undefined;
  } catch (error) {
    return `must be a program that is there and may be executed (${messageOf(error)})`;
  }
}
