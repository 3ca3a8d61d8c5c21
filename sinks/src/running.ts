/** The sinks of this process: each with its own consumer group and its own troubles. */
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { Metrics } from '@millrace/runtime/metrics.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { Intake, type IntakeOptions } from './intake.ts';
import { sinks } from './list.ts';
import { openSinkMetrics, type SinkMetrics } from './metrics.ts';
import type { ListedSink, Sink } from './sink.ts';

export interface RunningSinks extends AsyncDisposable {
  /** Never resolves; rejects when no sink can go on (a mistake in the configuration). */
  readonly failed: Promise<never>;
  /** True, or what each sink that could not store a record now is missing. */
  readonly ready: true | string;
}

export interface SinksOptions extends Omit<IntakeOptions, 'metrics'> {
  readonly metrics: Metrics;
}

/** @throws {ConfigError} for a name that no sink has. */
export function chosenSinks(names: readonly string[]): readonly ListedSink[] {
  const known = sinks.map(({ name }) => name);
  const unknown = names.filter(name => !known.includes(name));
  if (unknown.length > 0)
    throw new ConfigError(
      unknown.map(name => ({ key: 'sinks.enabled', message: `${name} is none of ${known.join(', ')}` })),
    );
  return sinks.filter(({ name }) => names.includes(name));
}

/** Starts the sinks; each joins its group by itself, and one that breaks is started again while the others go on. */
export function openSinks(chosen: readonly Sink[], { metrics, ...shared }: SinksOptions): RunningSinks {
  const stop = new AbortController();
  const metricsOf = openSinkMetrics(metrics);
  const running = chosen.map(sink => {
    const log = shared.log.child({ sink: sink.name });
    return keepRunning(
      sink,
      {
        ...shared,
        log,
        rejected: { ...shared.rejected, log },
        metrics: metricsOf(sink.name),
      },
      stop.signal,
    );
  });
  const lagTimer = setInterval(() => metrics.flow.lag.set(running.reduce((sum, { lag }) => sum + lag, 0)), 1000);
  const failed = Promise.all(running.map(({ ended }) => ended)).then(() => new Promise<never>(() => {}));
  failed.catch(() => {}); // Seen by whoever awaits it.
  return {
    failed,
    get ready() {
      const missing = running.flatMap(({ name, ready }) => (ready === true ? [] : [`${name}: ${ready}`]));
      return missing.length === 0 || missing.join('; ');
    },
    async [Symbol.asyncDispose]() {
      clearInterval(lagTimer);
      stop.abort(new Error('stopping'));
      await Promise.allSettled(running.map(({ ended }) => ended));
    },
  };
}

interface KeptRunning {
  readonly name: string;
  readonly ready: true | string;
  readonly lag: number;
  /** Resolves after the orderly end; rejects with a ConfigError. */
  readonly ended: Promise<void>;
}

/**
 * starting → running → stopped, at the signal and drained
 *    ▲          └─ failed (said, counted) ─ backoff ─┐
 *    └──────────────────────────────────────────────┘
 */
function keepRunning(
  sink: Sink,
  options: IntakeOptions & { readonly metrics: SinkMetrics },
  stop: AbortSignal,
): KeptRunning {
  let intake: Intake | undefined;
  let trouble = 'starting';
  const stopped = new Promise<void>(resolve => stop.addEventListener('abort', () => resolve(), { once: true }));
  const run = async (): Promise<void> => {
    for (let tries = 0; !stop.aborted; tries++) {
      try {
        await sink.downstream?.(stop);
        await using opened = await Intake.open(sink, options);
        intake = opened;
        await Promise.race([opened.failed, stopped]);
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        if (stop.aborted && error === stop.reason) break;
        trouble = messageOf(error);
        options.metrics.restarts.inc();
        options.log.error(
          { err: error },
          `the sink ${sink.name} failed and starts again from its committed position: ${trouble}`,
        );
      } finally {
        intake = undefined;
      }
      if (!stop.aborted) await wait(backoffMs(tries, 1000, 60_000), undefined, { signal: stop }).catch(() => {});
    }
  };
  return {
    name: sink.name,
    get ready() {
      return intake?.ready ?? trouble;
    },
    get lag() {
      return intake?.lag ?? 0;
    },
    ended: run(),
  };
}
