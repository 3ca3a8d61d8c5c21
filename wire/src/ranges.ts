/** `SeqRange`: sequence numbers as closed ranges, in messages that list them. */
import type { Interval } from './intervals.ts';
import { RejectedError } from './rejected.ts';

/** More are joined by whoever writes them: a message must stay small whatever happened. */
export const maxRanges = 100;

interface SeqRange {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export const toRanges = (intervals: readonly Interval[]): SeqRange[] =>
  intervals.map(([firstSeq, lastSeq]) => ({ firstSeq, lastSeq }));

/** As the generated code gives it. */
interface DecodedRange {
  readonly firstSeq?: number | null;
  readonly lastSeq?: number | null;
}

/** @throws {RejectedError} unless the ranges are whole numbers, sorted and disjoint. */
export function fromRanges(field: string, ranges: readonly DecodedRange[]): Interval[] {
  if (ranges.length > maxRanges)
    throw new RejectedError(field, `${ranges.length} ranges, at most ${maxRanges} are taken`);
  let before = -1;
  return ranges.map(range => {
    const firstSeq = range.firstSeq ?? 0;
    const lastSeq = range.lastSeq ?? 0;
    if (!Number.isSafeInteger(firstSeq) || !Number.isSafeInteger(lastSeq) || firstSeq <= before || lastSeq < firstSeq)
      throw new RejectedError(field, `the range ${firstSeq}–${lastSeq} is not above the one before it`);
    before = lastSeq;
    return [firstSeq, lastSeq];
  });
}
