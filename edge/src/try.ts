/** Runs the sources for a while and sends nothing: what was read, and what would have been sent. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ConfigSource } from '@millrace/runtime/config.ts';
import { openLog } from '@millrace/runtime/log.ts';
import { outboxOptions } from './config.ts';
import { loadEdge } from './load.ts';
import { openOutbox } from './outbox/outbox.ts';
import type { Reading } from './reading.ts';
import { Shaper } from './shaping/shaper.ts';
import { runSources } from './sources/run.ts';
import { type SensorState, SensorWatch } from './sources/watch.ts';

/** One series of one source. */
export interface TriedSeries {
  readonly source: string;
  /** As it would be sent, by its last reading; absent: it would not. */
  readonly sent?: Reading;
  readonly read: Reading;
  readonly readCount: number;
  readonly sentCount: number;
}

export interface TryReport {
  readonly seconds: number;
  readonly series: readonly TriedSeries[];
  readonly troubles: readonly SensorState[];
  /** What would have gone over the wire. */
  readonly batches: number;
  readonly bytes: number;
  /** Readings that no batch may hold. */
  readonly refused: number;
}

export interface TryOptions {
  readonly seconds: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Reads the real sensors; the outbox is a temporary one, and the configured one is not touched: a recording begins anew.
 * What the sources say of themselves goes to the log, on standard error.
 * @throws {ConfigError}
 */
export async function tryEdge(from: ConfigSource, { seconds, signal }: TryOptions): Promise<TryReport> {
  const { edge, log: logConfig, sources } = await loadEdge(from);
  const log = openLog('edge', logConfig.level === 'info' ? 'warn' : logConfig.level);
  const home = mkdtempSync(join(tmpdir(), 'millrace-try-'));
  const startedMs = performance.now();
  try {
    await using outbox = openOutbox({ ...outboxOptions(edge, from), path: join(home, 'outbox.db'), log });
    using watch = new SensorWatch(log).start();
    const onMismatch = (source: string, sensor: string, why: string): void =>
      watch.mark(source, sensor, 'garbage', why);
    const shaper = new Shaper({ rules: edge.shape, onMismatch });
    const tried = new Map<string, TriedSeries>();
    const shape = (source: string, readings: readonly Reading[]): readonly Reading[] =>
      readings.flatMap(reading => {
        const [sent] = shaper.shape(source, [reading]);
        const key = JSON.stringify([source, reading.sensor, reading.metric]);
        const before = tried.get(key);
        const last = sent ?? before?.sent;
        tried.set(key, {
          source,
          read: reading,
          readCount: (before?.readCount ?? 0) + 1,
          sentCount: (before?.sentCount ?? 0) + (sent === undefined ? 0 : 1),
          ...(last !== undefined && { sent: last }),
        });
        return sent ?? [];
      });
    {
      await using running = runSources(sources, { outbox, watch, shape, log });
      await Promise.race([wait(seconds * 1000, undefined, { signal }).catch(() => {}), running.failed]);
    }
    const { batches, bytes } = outbox.level;
    return {
      seconds: (performance.now() - startedMs) / 1000,
      series: [...tried.values()],
      troubles: watch.sensors.filter(({ trouble }) => trouble !== undefined),
      batches,
      bytes,
      refused: outbox.refused,
    };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
