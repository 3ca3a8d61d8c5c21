import type { Points, Range, Selection } from './answers.ts';
import type { Database } from './database.ts';
import { clockSlackMs } from './newest.ts';
import { type BucketRow, bucketSecondsFor, buckets } from './queries.ts';
import { SharedResults } from './shared-results.ts';

/** Downsampled history of one series: lowest, mean, highest value a bucket. */
export interface Ranges {
  whole(selection: Selection): Promise<Range>;
  /** The newest buckets, which still change: what a live chart adds at each refresh. */
  tail(selection: Selection): Promise<Points>;
}

const maxKeys = 1_000;
/** The bucket in progress and the one before, where readings that took a while to arrive still come in. */
const tailBuckets = 2;
const minTailMs = 20_000;

export function openRanges(database: Database, refreshMs: number): Ranges {
  const wholes = new SharedResults<Range>(refreshMs * 0.9, maxKeys);
  const tails = new SharedResults<Points>(refreshMs * 0.9, maxKeys);
  const keyOf = ({ gateway, sensor, metric, minutes }: Selection): string =>
    JSON.stringify([gateway, sensor, metric, minutes]);

  return {
    whole: selection =>
      wholes.get(keyOf(selection), async () => {
        const now = Date.now();
        const size = bucketSecondsFor(selection.minutes);
        const from = bucketStart(now - selection.minutes * 60_000, size * 1000);
        const rows = await buckets(database, selection, { from, to: now + clockSlackMs }, size);
        return { ...pointsOf(rows, size * 1000), now, from, gapMs: gapMs(rows, size * 1000) };
      }),
    tail: selection =>
      tails.get(keyOf(selection), async () => {
        const now = Date.now();
        const size = bucketSecondsFor(selection.minutes);
        const from = bucketStart(now - Math.max(minTailMs, tailBuckets * size * 1000), size * 1000);
        return pointsOf(await buckets(database, selection, { from, to: now + clockSlackMs }, size), size * 1000);
      }),
  };
}

const bucketStart = (ms: number, stepMs: number): number => Math.floor(ms / stepMs) * stepMs;

function pointsOf(rows: readonly BucketRow[], stepMs: number): Points {
  return {
    stepMs,
    t: rows.map(row => row.ts),
    min: rows.map(row => row.min),
    mean: rows.map(row => row.mean),
    max: rows.map(row => row.max),
    count: rows.map(row => row.count),
  };
}

/** Points further apart are not joined: three times their usual distance, which a series shows by itself. */
function gapMs(rows: readonly BucketRow[], stepMs: number): number {
  const distances = rows.slice(1).map((row, i) => row.ts - rows[i]!.ts);
  const median = distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)] ?? stepMs;
  return 3 * Math.max(stepMs, median);
}
