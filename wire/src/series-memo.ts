/**
 * Checked series by their bytes. A gateway describes the same series in each of its batches: to decode and check them
 * anew took half of the processors' time (batches of 50 readings of 50 series: `processors/bench/compare.ts`). What is
 * kept follows from the bytes alone, so nobody can tell whether it was kept, and batches share objects.
 */
import type { Series } from './batch.ts';
import type { Place } from './batch-fields.ts';

/** Decodes and checks the series number `i` of a batch. */
type Check = (bytes: Uint8Array, i: number) => Series;

/** Forgets all of it when it is full. */
class Memo<T> {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #entries = new Map<string, T>();
  #bytes = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: T): void {
    if (this.#entries.size >= this.#maxEntries || this.#bytes + key.length > this.#maxBytes) {
      this.#entries = new Map();
      this.#bytes = 0;
    }
    this.#entries.set(key, value);
    this.#bytes += key.length;
  }
}

/** A city has as many. */
const series = new Memo<Series>(200_000, 16 * 1_048_576);
/** Whole dictionaries: most gateways have few, and asking for one is asking once and not once a series. */
const dictionaries = new Memo<readonly Series[]>(20_000, 16 * 1_048_576);

/**
 * @param bytes of the whole message. @param places of its series. @param from where the first begins with its tag.
 * @param check what it throws is thrown, and nothing is kept.
 */
export function memoSeries(bytes: Buffer, places: readonly Place[], from: number, check: Check): readonly Series[] {
  const last = places.at(-1);
  if (last === undefined) return [];
  // Whole fields, from the tag of the first: which series they are follows from these bytes, whatever stands around them.
  const key = bytes.toString('latin1', from, last.end);
  let dictionary = dictionaries.get(key);
  if (dictionary === undefined) {
    dictionary = Object.freeze(places.map((place, i) => oneSeries(bytes, place, i, check)));
    dictionaries.set(key, dictionary);
  }
  return dictionary;
}

function oneSeries(bytes: Buffer, { start, end }: Place, i: number, check: Check): Series {
  const key = bytes.toString('latin1', start, end);
  let one = series.get(key);
  if (one === undefined) {
    one = Object.freeze(check(bytes.subarray(start, end), i));
    series.set(key, one);
  }
  return one;
}
