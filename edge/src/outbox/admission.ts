/** The door of the outbox: a reading that no batch may hold is refused alone, before it is numbered. */
import type { Logger } from '@millrace/runtime/log.ts';
import { faultOfNumbers, faultOfSeries, type Reading, seriesKey } from '../reading.ts';

/** Names that were once found good are not checked again; a source that invents names without end must not fill memory. */
const rememberedSeries = 50_000;

/** Remembers which series were found good, and which were already spoken of. */
export class Admission {
  /** Readings refused so far. */
  refused = 0;
  readonly #log: Logger;
  readonly #good = new Set<string>();
  readonly #toldOf = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** The readings that may be sealed. The others are counted, and said once a series. */
  admit(source: string, readings: readonly Reading[]): readonly Reading[] {
    return readings.filter(reading => {
      const fault = this.#faultOf(reading);
      if (fault === undefined) return true;
      this.refused += 1;
      const key = seriesKey(reading);
      if (!this.#toldOf.has(key)) {
        remember(this.#toldOf, key);
        this.#log.warn({ source, sensor: reading.sensor, metric: reading.metric }, `reading refused: ${fault}`);
      }
      return false;
    });
  }

  #faultOf(reading: Reading): string | undefined {
    const fault = faultOfNumbers(reading);
    if (fault !== undefined) return fault;
    const key = seriesKey(reading);
    if (this.#good.has(key)) return undefined;
    const faultOfNames = faultOfSeries(reading);
    if (faultOfNames === undefined) remember(this.#good, key);
    return faultOfNames;
  }
}

function remember(set: Set<string>, key: string): void {
  if (set.size >= rememberedSeries) set.clear();
  set.add(key);
}
