/**
 * Checked series by their bytes. A gateway describes the same series in each of its batches: to decode and check them
 * anew took half of the processors' time (batches of 50 readings of 50 series: `processors/bench/compare.ts`). What is
 * kept follows from the bytes alone, so nobody can tell whether it was kept, and two batches share one object.
 */
import type { Series } from './batch.ts';

/** A city has as many; when there are more, it begins anew. */
const maxSeries = 200_000;
const maxBytes = 16 * 1_048_576;

let known = new Map<string, Series>();
let knownBytes = 0;

/**
 * @param bytes of the whole message; those of the series are `start … end − 1`.
 * @param check decodes and checks; what it throws is thrown, and nothing is kept.
 */
export function memoSeries(bytes: Buffer, start: number, end: number, check: (bytes: Uint8Array) => Series): Series {
  const key = bytes.toString('latin1', start, end);
  let series = known.get(key);
  if (series === undefined) {
    series = Object.freeze(check(bytes.subarray(start, end)));
    if (known.size >= maxSeries || knownBytes + key.length > maxBytes) {
      known = new Map();
      knownBytes = 0;
    }
    known.set(key, series);
    knownBytes += key.length;
  }
  return series;
}
