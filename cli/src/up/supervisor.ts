import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '@millrace/runtime/errors.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import type { Child, ChildExit } from '@millrace/stack/child.ts';

/** A process under supervision: one of our services, or one of the stack's servers. */
export interface Supervised {
  readonly name: string;
  readonly child: Child;
  readonly healthUrl: string | undefined;
  readonly state: 'starting' | 'running' | 'waiting' | 'stopped';
  readonly restarts: number;
}

interface Entry extends Supervised {
  state: Supervised['state'];
  restarts: number;
  /** Of the current run; replaced at each start. */
  died: PromiseWithResolvers<ChildExit>;
  ended: Promise<void>;
}

const minDelayMs = 500;
const maxDelayMs = 15_000;
/** A run this long was a good one: the next failure starts with the short wait again. */
const goodRunMs = 30_000;

/**
 * Keeps processes running: one that dies is started again, with backoff, and it is said.
 * A process: starting → running → (died) waiting → starting …; `stop` ends it from any state.
 */
export class Supervisor {
  readonly #entries: Entry[] = [];
  readonly #stopping = new Map<Entry, AbortController>();
  readonly #say: (sentence: string) => void;

  /** @param say tells the operator, a sentence at a time. */
  constructor(say: (sentence: string) => void) {
    this.#say = say;
  }

  get entries(): readonly Supervised[] {
    return this.#entries;
  }

  /** Takes over a process that runs already, or starts it; resolves when it has been started once, whether that went well or not. */
  async watch(child: Child, healthUrl?: string): Promise<void> {
    const entry: Entry = {
      name: child.name,
      child,
      healthUrl,
      state: child.state === 'running' ? 'running' : 'starting',
      restarts: 0,
      died: Promise.withResolvers(),
      ended: Promise.resolve(),
    };
    const controller = new AbortController();
    this.#entries.push(entry);
    this.#stopping.set(entry, controller);
    const started = Promise.withResolvers<void>();
    entry.ended = this.#keepRunning(entry, controller.signal, started.resolve);
    await started.promise;
  }

  /** To be called by the child's `onDied`. */
  died(exit: ChildExit): void {
    this.#entries.find(({ name }) => name === exit.name)?.died.resolve(exit);
  }

  /** SIGTERM to those whose name matches; resolves when they have drained and ended. */
  async stop(matches: (name: string) => boolean): Promise<void> {
    await Promise.all(
      this.#entries
        .filter(({ name, state }) => matches(name) && state !== 'stopped')
        .map(async entry => {
          this.#stopping.get(entry)!.abort();
          await entry.child.stop();
          await entry.ended;
          entry.state = 'stopped';
        }),
    );
  }

  async #keepRunning(entry: Entry, signal: AbortSignal, startedOnce: () => void): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = Date.now();
      try {
        if (entry.child.state === 'stopped') {
          entry.state = 'starting';
          entry.died = Promise.withResolvers();
          await entry.child.start(signal);
        }
        entry.state = 'running';
        startedOnce();
        if (entry.restarts > 0) this.#say(`${entry.name} runs again`);
        const exit = await Promise.race([entry.died.promise, aborted(signal)]);
        if (exit === undefined) break;
        this.#say(exit.sentence);
      } catch (error) {
        if (signal.aborted) break;
        this.#say(messageOf(error));
      }
      startedOnce();
      if (entry.child.lastExit?.code === exitCodes.config) {
        entry.state = 'stopped';
        this.#say(
          `${entry.name} is not started again: its configuration has to be mended first; then start Millrace again`,
        );
        return;
      }
      failures = Date.now() - startedAt > goodRunMs ? 0 : failures + 1;
      entry.state = 'waiting';
      entry.restarts++;
      const delayMs = backoffMs(failures, minDelayMs, maxDelayMs);
      this.#say(`starting ${entry.name} again in ${(delayMs / 1000).toFixed(1)} s`);
      await wait(delayMs, undefined, { signal }).catch(() => {});
    }
    startedOnce();
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
