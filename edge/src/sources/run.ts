/** Runs the configured sources, each on its own: one that fails is run again after a pause, and the others go on. */
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { type SourceConfig, sourceName } from '../config.ts';
import type { Intake } from '../intake.ts';
import type { Reading } from '../reading.ts';
import * as kinds from './list.ts';
import type { Emit, Source, SourceKind } from './source.ts';
import { SensorWatch } from './watch.ts';

export interface NamedSource {
  readonly name: string;
  readonly source: Source;
  /** Readings a second of one sensor; absent: without limit. */
  readonly maxPerSecond?: number;
}

/** Opens the sources; nothing is read yet. @throws {ConfigError} with the mistakes of all of them. */
export async function openSources(
  configs: readonly SourceConfig[],
  resolvePath: (path: string) => string,
): Promise<NamedSource[]> {
  const byType = new Map<string, SourceKind>(Object.values(kinds).map(kind => [kind.schema.shape.type.value, kind]));
  const opened = await Promise.allSettled(
    configs.map(async (config, i) => {
      const kind = byType.get(config.type)!;
      const { maxPerSecond } = config;
      return {
        name: sourceName(config),
        source: await kind.open(config as never, { key: `edge.sources.${i}`, resolvePath }),
        ...(kind.isPaced !== true && { maxPerSecond }),
      };
    }),
  );
  const failures = opened.flatMap(one => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const other = failures.find(error => !(error instanceof ConfigError));
  if (other !== undefined) throw other;
  if (failures.length > 0) throw new ConfigError(failures.flatMap(error => (error as ConfigError).mistakes));
  return opened.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []));
}

export interface RunOptions {
  readonly outbox: Intake;
  readonly log: Logger;
  /** The gateway's clock, µs. */
  readonly nowUs?: () => number;
  /** Absent: nobody asks how the sensors are. */
  readonly watch?: SensorWatch;
  /** What becomes of a source's readings before they are stored. */
  readonly shape?: (source: string, readings: readonly Reading[]) => readonly Reading[];
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
  { name, source, maxPerSecond }: NamedSource,
  signal: AbortSignal,
  options: RunOptions,
): Promise<void> {
  const { outbox, onTaken, minPauseMs = 1000, maxPauseMs = 60_000 } = options;
  const {
    nowUs = () => Date.now() * 1000,
    watch = new SensorWatch(options.log),
    shape = (_, readings) => readings,
  } = options;
  const log = options.log.child({ source: name });
  const sensors = watch.source(name, maxPerSecond);
  let failures = 0;
  while (!signal.aborted) {
    const emitting = new Set<Promise<void>>();
    const emit: Emit = (readings, note) => {
      const shaped = shape(name, sensors.admit(readings));
      const append = outbox.append(name, shaped, note).then(() => {
        onTaken?.(shaped.length);
        if (failures > 0) log.info({ failures }, 'works again');
        failures = 0;
      });
      emitting.add(append);
      const settled = (): void => void emitting.delete(append);
      append.then(settled, settled);
      return append;
    };
    try {
      await source.run(emit, { signal, cursor: outbox.cursor(name), log, nowUs, trouble: sensors.trouble });
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
