/** Recorded data from a CSV file, at its own pace or faster, with its own times or as if it were happening now. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Reading } from '../../reading.ts';
import type { Source, SourceKind } from '../source.ts';
import { type ReplayConfig, replaySchema } from './config.ts';
import { checkColumns, type Place, type Row, readPlaces, rows } from './rows.ts';

export const replay = {
  schema: replaySchema,
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
    async run(emit, { signal, cursor, log }) {
      const start = startAt(cursor, config.file);
      const clock = paceClock(config);
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
          if (dueMs > Date.now() + gatherMs || gathered.length >= gatherReadings) await flush(false);
          await waitUntil(dueMs, signal);
          const timeUs = Math.round((config.as === 'now' ? dueMs : row.atMs) * 1000);
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
    return { sensor, metric, unit, value, timeUs, intervalMs, ...places.get(sensor) };
  }
}

/** A cursor of another file, or none, is the beginning. */
function startAt(cursor: string | undefined, file: string): Pick<Cursor, 'pass' | 'row'> {
  const found = cursor === undefined ? undefined : (JSON.parse(cursor) as Partial<Cursor>);
  return found?.file === file ? { pass: found.pass ?? 0, row: found.row ?? 0 } : { pass: 0, row: 0 };
}

/**
 * When a recorded instant is due on the wall clock. The first row asked for is due now, so that a recording continues
 * where it stopped, whatever time passed in between.
 */
function paceClock({ speed, intervalMs }: ReplayConfig) {
  let anchor: { recordedMs: number; wallMs: number } | undefined;
  let lastDueMs: number | undefined;
  return {
    intervalMs,
    dueMs(recordedMs: number): number {
      const wallMs = lastDueMs === undefined ? Date.now() : lastDueMs + Math.max(1, intervalMs / speed);
      anchor ??= { recordedMs, wallMs };
      lastDueMs = anchor.wallMs + (recordedMs - anchor.recordedMs) / speed;
      return lastDueMs;
    },
    /** A new pass begins one interval after the last row of the one before. */
    rewind(): void {
      anchor = undefined;
    },
  };
}

const longestWaitMs = 60_000;

/** In pieces: a timer takes at most 2^31 ms, and the wall clock may be set meanwhile. */
async function waitUntil(dueMs: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = dueMs - Date.now(); leftMs > 0; leftMs = dueMs - Date.now())
    await wait(Math.min(leftMs, longestWaitMs), undefined, { signal });
  signal.throwIfAborted();
}
