import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@millrace/runtime/log.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import type { NodeRed } from './prepare.ts';

export interface RunNodeRedOptions {
  readonly log: Logger;
  /** Of the agent's local door. */
  readonly socket: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A run of this length forgets the pauses before it. */
const steadyMs = 60_000;
/** Node-RED itself waits up to 15 s for a node that does not close. */
const stopMs = 5000;
const preload = fileURLToPath(import.meta.resolve('./child.ts'));

/**
 * Node-RED as a process of its own. The agent does not depend on it.
 *
 *     running ──exit──► pausing (1 s, doubling up to a minute) ──► running
 *     dispose: SIGTERM, after five seconds SIGKILL
 */
export class RunningNodeRed implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #child: ChildProcess | undefined;

  constructor(nodeRed: NodeRed, options: RunNodeRedOptions) {
    const { user, newPassword, address } = nodeRed;
    if (newPassword !== undefined)
      options.log.warn(
        `Node-RED: log in at ${address} as ${user} with the password ${newPassword} – it is shown this once; ` +
          'for a new one delete password-hash beside settings.json and start again',
      );
    this.#ended = this.#keepRunning(nodeRed, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    child?.kill('SIGTERM');
    const kill = setTimeout(() => child?.kill('SIGKILL'), stopMs);
    await this.#ended;
    clearTimeout(kill);
  }

  async #keepRunning(
    { redFile, settingsFile, address }: NodeRed,
    { log, socket, env }: RunNodeRedOptions,
  ): Promise<void> {
    const { signal } = this.#stopping;
    for (let tries = 0; !signal.aborted; tries++) {
      const startedAt = performance.now();
      const child = spawn(process.execPath, ['--import', preload, redFile, '--settings', settingsFile], {
        env: { ...withoutOurs(env), MILLRACE_AGENT_SOCKET: socket },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      this.#child = child;
      for (const stream of [child.stdout!, child.stderr!])
        createInterface({ input: stream }).on('line', line => passOn(line, log));
      log.info({ pid: child.pid, address }, 'Node-RED: starting');
      // A child that could not be spawned has no exit, only an error.
      const [how] = await Promise.race([once(child, 'close'), once(child, 'error')]).catch((error: unknown) => [error]);
      this.#child = undefined;
      if (signal.aborted) break;
      if (performance.now() - startedAt > steadyMs) tries = 0;
      const delayMs = Math.round(backoffMs(tries, 1000, 60_000));
      log.error(
        `Node-RED has ended (${String(how ?? child.signalCode)}); the agent goes on, and starts it again in ${delayMs} ms`,
      );
      await wait(delayMs, undefined, { signal }).catch(() => {}); // Stopping.
    }
  }
}

/** Not the agent's secrets: a flow can read its environment. */
function withoutOurs(env: RunNodeRedOptions['env']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(MILLRACE_|NODE_RED_|NODE_OPTIONS$|NODE_CHANNEL)/.test(name)),
  );
}

/** Node-RED's lines: `28 Nov 12:34:56 - [info] text`. */
function passOn(line: string, log: Logger): void {
  const { level, text } = /^.{0,40}? - \[(?<level>\w+)\] (?<text>.*)$/.exec(line)?.groups ?? {};
  const said = (text ?? line).trim();
  if (/^=*$/.test(said)) return;
  if (level === 'error' || level === 'fatal') log.error(`Node-RED: ${said}`);
  else if (level === 'warn') log.warn(`Node-RED: ${said}`);
  else log.info(`Node-RED: ${said}`);
}
