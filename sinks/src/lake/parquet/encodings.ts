/** How values stand in a page: Apache Parquet, "Encodings". */
import type { Bytes } from './bytes.ts';

export const bitWidthOf = (most: number): number => (most === 0 ? 1 : Math.floor(Math.log2(most)) + 1);

/**
 * RLE/bit-packing hybrid (RLE = 3), without its length: runs of at least 8 equal values as a run, what is between them
 * packed in eights.
 */
export function writeHybrid(to: Bytes, values: Uint32Array | Uint8Array, count: number, width: number): void {
  for (let at = 0; at < count; ) {
    const run = runFrom(values, at, count);
    if (run >= 8) {
      to.varint(run * 2);
      for (let left = width, value = values[at]!; left > 0; left -= 8, value >>>= 8) to.byte(value & 255);
      at += run;
      continue;
    }
    let end = at;
    do end += 8;
    while (end < count && runFrom(values, end, Math.min(count, end + 8)) < 8);
    to.varint(((end - at) / 8) * 2 + 1);
    const whole = Math.min(end, count) - at;
    const padded = end - at;
    to.packed(values, at, whole, width);
    // The last eight are filled up with zeros; `packed` has filled the last byte.
    for (let bytes = (padded * width) / 8 - Math.ceil((whole * width) / 8); bytes > 0; bytes--) to.byte(0);
    at = Math.min(end, count);
  }
}

function runFrom(values: Uint32Array | Uint8Array, from: number, to: number): number {
  const value = values[from];
  let at = from + 1;
  while (at < to && values[at] === value) at++;
  return at - from;
}

const blockValues = 128;
const miniblocks = 4;
const miniblockValues = blockValues / miniblocks;
const differences = new Float64Array(blockValues);

/** The differences of whole numbers this far apart, and the differences of those, are exact in a double. */
export const maxDeltaSpan = 2 ** 51;

/** DELTA_BINARY_PACKED (5), of whole numbers from 0 to 2^53 no more than {@link maxDeltaSpan} apart; at least one. */
export function writeDelta(to: Bytes, values: Float64Array, from: number, end: number): void {
  to.varint(blockValues);
  to.varint(miniblocks);
  to.varint(end - from);
  to.zigzag(values[from]!);
  for (let at = from + 1; at < end; at += blockValues) {
    const count = Math.min(blockValues, end - at);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const difference = values[at + i]! - values[at + i - 1]!;
      differences[i] = difference;
      if (difference < least) least = difference;
    }
    to.zigzag(least);
    for (let i = 0; i < count; i++) differences[i]! -= least;
    differences.fill(0, count);
    const widths = [0, 0, 0, 0];
    for (let mini = 0; mini * miniblockValues < count; mini++) {
      let most = 0;
      for (let i = mini * miniblockValues; i < (mini + 1) * miniblockValues; i++)
        if (differences[i]! > most) most = differences[i]!;
      widths[mini] = most === 0 ? 0 : bitWidthOf(most);
    }
    for (const width of widths) to.byte(width);
    for (const [mini, width] of widths.entries())
      if (width > 0) to.packed(differences, mini * miniblockValues, miniblockValues, width);
  }
}
