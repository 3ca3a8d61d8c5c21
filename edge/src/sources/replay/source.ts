/** Recorded data from a CSV file, at its own pace or faster, with its own times or as if it were happening now. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Reading } from '../../reading.ts';
import type { Source, SourceKind } from '../source.ts';
import { type ReplayConfig, replaySchema } from './config.ts';
import { checkColumns, type Place, type Row, readPlaces, rows } from './rows.ts';

export const replay = {
  schema: replaySchema,
  isPaced: true,
  async open(config: ReplayConfig, { key, resolvePath }) {
    const file = resolvePath(config.file);
    await checkColumns(file, config, key);
    const sensorsFile = config.sensorsFile === undefined ? undefined : resolvePath(config.sensorsFile);
    return replaySource(config, file, await readPlaces(sensorsFile, `${key}.sensorsFile`));
  },
} satisfies SourceKind;

/** Where a replay stands: all rows up to `row` of that pass are on disk. */
interface Cursor {
  readonly file: string;
  readonly pass: number;
  readonly row: number;
}

/** Rows that are due within a few milliseconds of each other go out together, up to about this many readings. */
const gatherReadings = 1000;
const gatherMs = 20;

export function replaySource(config: ReplayConfig, file: string, places: ReadonlyMap<string, Place>): Source {
  return {
    async run(emit, { signal, cursor, log, nowUs }) {
      const start = startAt(cursor, config.file);
      const clock = paceClock(config, nowUs);
      let rowsSeen = true;
      for (let pass = start.pass; rowsSeen; pass++) {
        if (pass > start.pass) clock.rewind();
        rowsSeen = false;
        let gathered: Reading[] = [];
        let last: { row: Row; timeUs: number } | undefined;
        const flush = async (ended: boolean): Promise<void> => {
          if (last === undefined) return;
          const note: Cursor = { file: config.file, pass, row: last.row.number };
          // At the end of all, the last reading's own interval is over too, so that its window can close.
          const completeThroughUs = last.timeUs + (ended && !config.repeat ? clock.intervalMs * 1000 : 0);
          await emit(gathered, { completeThroughUs, cursor: JSON.stringify(note) });
          gathered = [];
          last = undefined;
        };
        for await (const row of rows(file, config, log)) {
          rowsSeen = true;
          if (pass === start.pass && row.number <= start.row) continue;
          const dueMs = clock.dueMs(row.atMs);
          if (dueMs > performance.now() + gatherMs || gathered.length >= gatherReadings) await flush(false);
          await waitUntil(dueMs, signal);
          const timeUs = Math.round((config.as === 'now' ? clock.wallMs(dueMs) : row.atMs) * 1000);
          for (const { sensor, value } of row.values) gathered.push(reading(sensor, value, timeUs));
          last = { row, timeUs };
        }
        await flush(true);
        if (!config.repeat) return;
      }
    },
  };

  function reading(sensor: string, value: number, timeUs: number): Reading {
    const { metric, unit } = config;
    const intervalMs = Math.round(config.as === 'now' ? config.intervalMs / config.speed : config.intervalMs);
    const dated = config.as === 'now' ? {} : { dated: 'source' as const };
    return { sensor, metric, unit, value, timeUs, intervalMs, ...dated, ...places.get(sensor) };
  }
}

/** A cursor of another file, or none, is the beginning. */
function startAt(cursor: string | undefined, file: string): Pick<Cursor, 'pass' | 'row'> {
  const found = cursor === undefined ? undefined : (JSON.parse(cursor) as Partial<Cursor>);
  return found?.file === file ? { pass: found.pass ?? 0, row: found.row ?? 0 } : { pass: 0, row: 0 };
}

/**
 * When a recorded instant is due. The first row asked for is due now, so that a recording continues where it stopped,
 * whatever time passed in between. Paced by the monotonic clock: a wall clock that is set changes the readings' times, and
 * never how fast they come.
 */
function paceClock({ speed, intervalMs }: ReplayConfig, nowUs: () => number) {
  let anchor: { recordedMs: number; atMs: number } | undefined;
  let lastDueMs: number | undefined;
  let wallAheadMs = nowUs() / 1000 - performance.now();
  return {
    intervalMs,
    /** On the monotonic clock. */
    dueMs(recordedMs: number): number {
      const atMs = lastDueMs === undefined ? performance.now() : lastDueMs + Math.max(1, intervalMs / speed);
      anchor ??= { recordedMs, atMs };
      lastDueMs = anchor.atMs + (recordedMs - anchor.recordedMs) / speed;
      return lastDueMs;
    },
    /** By the gateway's clock, ms since the Unix epoch. Drift is left out, so that the recording's cadence stays even. */
    wallMs(dueMs: number): number {
      const aheadMs = nowUs() / 1000 - performance.now();
      if (Math.abs(aheadMs - wallAheadMs) > clockSetMs) wallAheadMs = aheadMs;
      return dueMs + wallAheadMs;
    },
    /** A new pass begins one interval after the last row of the one before. */
    rewind(): void {
      anchor = undefined;
    },
  };
}

/** A wall clock that differs by more from the monotonic one than before has been set, or has drifted for long enough. */
const clockSetMs = 50;
const longestWaitMs = 60_000;

/** In pieces: a timer takes at most 2^31 ms. */
async function waitUntil(dueMs: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = dueMs - performance.now(); leftMs > 0; leftMs = dueMs - performance.now())
    await wait(Math.min(leftMs, longestWaitMs), undefined, { signal });
  signal.throwIfAborted();
}
