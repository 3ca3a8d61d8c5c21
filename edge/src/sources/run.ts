/** Runs the configured sources, each on its own: one that fails is run again after a pause, and the others go on. */
import { setTimeout as wait } from 'node:timers/promises';
import { InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { type SourceConfig, sourceName } from '../config.ts';
import type { Outbox } from '../outbox/outbox.ts';
import * as kinds from './list.ts';
import type { Emit, Source, SourceKind } from './source.ts';

export interface NamedSource {
  readonly name: string;
  readonly source: Source;
}

/** Opens the sources; nothing is read yet. @throws {ConfigError} */
export function openSources(
  configs: readonly SourceConfig[],
  resolvePath: (path: string) => string,
): Promise<NamedSource[]> {
  const byType = new Map<string, SourceKind>(Object.values(kinds).map(kind => [kind.schema.shape.type.value, kind]));
  return Promise.all(
    configs.map(async (config, i) => ({
      name: sourceName(config),
      source: await byType.get(config.type)!.open(config as never, { key: `edge.sources.${i}`, resolvePath }),
    })),
  );
}

export interface RunOptions {
  readonly outbox: Outbox;
  readonly log: Logger;
  /** Called with the number of readings that were taken, once they are on disk. */
  readonly onTaken?: (readings: number) => void;
  /** First pause after a failure; doubles up to `maxPauseMs`. */
  readonly minPauseMs?: number;
  readonly maxPauseMs?: number;
}

export interface RunningSources extends AsyncDisposable {
  /** Rejects when a source breaks a promise of its own; never resolves. */
  readonly failed: Promise<never>;
}

/** How long a source may take to stop before the agent goes on without it. */
const stopTimeoutMs = 5000;

/** Starts the sources. Disposed: they are told to stop, and what they had begun to emit is on disk or refused. */
export function runSources(sources: readonly NamedSource[], options: RunOptions): RunningSources {
  const stopping = new AbortController();
  const running = sources.map(source => keepRunning(source, stopping.signal, options));
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  for (const run of running) run.catch(failed.reject);
  return {
    failed: failed.promise,
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('stopping'));
      options.outbox.drain();
      const late = new AbortController();
      await Promise.race([
        Promise.allSettled(running).then(() => late.abort()),
        wait(stopTimeoutMs, undefined, { signal: late.signal }).then(
          () => options.log.warn(`a source did not stop within ${stopTimeoutMs} ms; it is left behind`),
          () => {},
        ),
      ]);
    },
  };
}

async function keepRunning(
  { name, source }: NamedSource,
  signal: AbortSignal,
  { outbox, log: allLog, onTaken, minPauseMs = 1000, maxPauseMs = 60_000 }: RunOptions,
): Promise<void> {
  const log = allLog.child({ source: name });
  let failures = 0;
  while (!signal.aborted) {
    const emitting = new Set<Promise<void>>();
    const emit: Emit = (readings, note) => {
      const append = outbox.append(name, readings, note).then(() => {
        onTaken?.(readings.length);
        if (failures > 0) log.info({ failures }, 'works again');
        failures = 0;
      });
      emitting.add(append);
      const settled = (): void => void emitting.delete(append);
      append.then(settled, settled);
      return append;
    };
    try {
      await source.run(emit, {
        signal,
        cursor: outbox.cursor(name),
        log,
        nowUs: () => Date.now() * 1000,
        trouble: () => {},
      });
      await Promise.all(emitting);
      if (signal.aborted) return;
      outbox.finish(name);
      log.info('ended: it has nothing more to give');
      return;
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      if (signal.aborted) return;
      if (failures === 0) log.warn(`failed, tried again until it works: ${messageOf(error)}`);
    }
    // Its cursor counts what it emitted, so that must be settled before it is run again.
    await Promise.allSettled(emitting);
    await wait(backoffMs(failures, minPauseMs, maxPauseMs), undefined, { signal }).catch(() => {});
    failures += 1;
  }
}
