/** The life of a long-running service: start, run until a signal or a fatal error, drain, end with a code. */

import { flushCompileCache } from 'node:module';
import { ConfigError, messageOf } from './errors.ts';
import { type Health, openHealth } from './health.ts';
import { type Logger, openLog } from './log.ts';
import { type Metrics, openMetrics } from './metrics.ts';
import type { HealthConfig } from './schemas.ts';

export const exitCodes = { done: 0, failed: 1, usage: 2, config: 78 } as const;

export interface Service {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Aborted by SIGTERM or SIGINT: begin the orderly end. */
  readonly stop: AbortSignal;
  /** Resolves at `stop`; rejects when one of the given promises does, or `fail` is called. */
  untilStopped(...running: readonly Promise<never>[]): Promise<void>;
}

export interface ServiceOptions {
  readonly name: string;
  /** Configuration section, for messages. */
  readonly section: string;
  readonly logLevel: string;
  readonly health: HealthConfig;
  /** The orderly end is given up after this. */
  readonly drainTimeoutMs?: number;
}

/**
 * Runs a service and returns its exit code; never throws.
 * `main` acquires with `await using`, awaits `untilStopped()`, and releases in reverse as it returns.
 */
export async function runService(
  { name, section, logLevel, health: healthConfig, drainTimeoutMs = 25_000 }: ServiceOptions,
  main: (service: Service) => Promise<void>,
): Promise<number> {
  const log = openLog(name, logLevel);
  const stopping = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      log.warn(`${signal} again: ending at once; what is in flight comes again after the next start`);
      process.exit(exitCodes.failed);
    }
    log.info(`${signal}: stopping`);
    stopping.abort(new Error('stopping'));
    setTimeout(() => {
      log.error(
        `still not drained ${drainTimeoutMs} ms after ${signal}: ending; what is in flight comes again after the next start`,
      );
      process.exit(exitCodes.failed);
    }, drainTimeoutMs).unref();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    const metrics = openMetrics(name);
    await using health = await openHealth(healthConfig, section, metrics.registry);
    log.info({ health: health.port }, 'starting');
    await main({
      log,
      metrics,
      health,
      stop: stopping.signal,
      untilStopped: (...running) => {
        // Everything is loaded. Node would write its compile cache, where there is one, only at an orderly end.
        flushCompileCache();
        return untilStopped(stopping.signal, running);
      },
    });
    log.info('stopped');
    return exitCodes.done;
  } catch (error) {
    if (stopping.signal.aborted && error === stopping.signal.reason) return exitCodes.done;
    if (error instanceof ConfigError) {
      log.fatal(error.message);
      return exitCodes.config;
    }
    log.fatal({ err: error }, `cannot go on: ${messageOf(error)}`);
    return exitCodes.failed;
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}

function untilStopped(stop: AbortSignal, running: readonly Promise<never>[]): Promise<void> {
  const stopped = new Promise<void>(resolve => {
    if (stop.aborted) resolve();
    else stop.addEventListener('abort', () => resolve(), { once: true });
  });
  return Promise.race([stopped, ...running]);
}
