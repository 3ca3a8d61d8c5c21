/** The series of one gateway that have panes, each with a slot: where its panes are in their chunks. */
import { InvariantError } from '@millrace/runtime/errors.ts';
import type { Series } from '@millrace/wire/batch.ts';
import type { SeriesWatch } from './alerts/monitor.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { chunkSlots } from './pane-codec.ts';
import type { ZoneMember } from './zones/roll-up.ts';

const version = 1;
const writer = new ByteWriter();

export class SeriesEntry {
  /** As the newest batch describes it. */
  series: Series;
  /** −1: dropped. */
  slot: number;
  /** Of all levels. */
  panes = 0;
  /** Its rate is asked for. */
  counter = false;
  /** undefined: no rule is about it. */
  watch: SeriesWatch | undefined;
  /** undefined: in no zone. */
  member: ZoneMember | undefined;
  /** The pane, and the flush, of the last change that its zone was told. */
  toldUs = 0;
  toldFlush = 0;

  constructor(series: Series, slot: number) {
    this.series = series;
    this.slot = slot;
  }
}

export class SeriesTable {
  readonly #describe: (entry: SeriesEntry) => void;
  readonly #max: number;
  readonly #bySlot: (SeriesEntry | undefined)[] = [];
  /** By sensor and metric. */
  readonly #byName = new Map<string, SeriesEntry>();
  readonly #free: number[] = [];
  readonly #dirty = new Set<number>();
  /** Of the last batch: nearly always the next one has the same series in the same order. */
  #lastSeries: readonly Series[] = [];
  #lastEntries: (SeriesEntry | undefined)[] = [];

  /**
   * @param max how many there may be.
   * @param describe called for each series that appears or is restored, and when a batch describes it in another way.
   */
  constructor(max: number, describe: (entry: SeriesEntry) => void) {
    this.#max = max;
    this.#describe = describe;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** One more than the highest that holds a series. */
  get chunks(): number {
    return Math.ceil(this.#bySlot.length / chunkSlots);
  }

  at(slot: number): SeriesEntry | undefined {
    return this.#bySlot[slot];
  }

  entries(): Iterable<SeriesEntry> {
    return this.#byName.values();
  }

  /** @returns for each series its entry; undefined where it has none yet. The caller may put those it opens in their places. */
  find(series: readonly Series[]): (SeriesEntry | undefined)[] {
    const [lastSeries, lastEntries] = [this.#lastSeries, this.#lastEntries];
    const entries = series.map((one, i) => {
      const last = lastEntries[i];
      if (last !== undefined && last.slot >= 0 && same(one, lastSeries[i]!)) return last;
      const entry = this.#byName.get(nameOf(one));
      if (entry !== undefined && !same(one, entry.series)) this.#redescribe(entry, one);
      return entry;
    });
    this.#lastSeries = series;
    this.#lastEntries = entries;
    return entries;
  }

  /** @returns the series, new if need be; undefined when there are as many as are kept. */
  open(series: Series): SeriesEntry | undefined {
    const known = this.#byName.get(nameOf(series));
    if (known !== undefined) return known;
    if (this.#byName.size >= this.#max) return undefined;
    const slot = this.#free.pop() ?? this.#bySlot.length;
    return this.#put(series, slot);
  }

  drop(entry: SeriesEntry): void {
    this.#dirty.add(Math.floor(entry.slot / chunkSlots));
    this.#byName.delete(nameOf(entry.series));
    this.#bySlot[entry.slot] = undefined;
    this.#free.push(entry.slot);
    entry.slot = -1;
  }

  /** Chunks that changed since the last call, by number; null: there is none any more. */
  *changes(): Generator<[chunk: number, entry: Uint8Array | null]> {
    for (const chunk of this.#dirty) yield [chunk, this.#encode(chunk)];
    this.#dirty.clear();
  }

  /** @throws {InvariantError} */
  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes);
    const written = from.byte();
    if (written !== version)
      throw new InvariantError(
        `the state holds series of version ${written}, this program reads ${version}: run the version that wrote it`,
      );
    while (!from.ended) {
      const slot = from.whole();
      const [sensor, metric, unit] = [from.string(), from.string(), from.string()];
      const [intervalMs, zone] = [from.whole(), from.string()];
      const position = from.byte() === 0 ? {} : { lat: from.double(), lon: from.double() };
      this.#put({ sensor, metric, unit, intervalMs, zone, ...position }, slot);
    }
    this.#dirty.clear();
  }

  /** After the last `restore`. */
  restored(): void {
    for (let slot = 0; slot < this.#bySlot.length; slot++) if (this.#bySlot[slot] === undefined) this.#free.push(slot);
  }

  #put(series: Series, slot: number): SeriesEntry {
    const entry = new SeriesEntry(series, slot);
    this.#bySlot[slot] = entry;
    this.#byName.set(nameOf(series), entry);
    this.#dirty.add(Math.floor(slot / chunkSlots));
    this.#describe(entry);
    return entry;
  }

  #redescribe(entry: SeriesEntry, series: Series): void {
    entry.series = series;
    this.#dirty.add(Math.floor(entry.slot / chunkSlots));
    this.#describe(entry);
  }

  #encode(chunk: number): Uint8Array | null {
    const to = writer.reset();
    to.byte(version);
    let some = false;
    for (const entry of this.#bySlot.slice(chunk * chunkSlots, (chunk + 1) * chunkSlots)) {
      if (entry === undefined) continue;
      some = true;
      const { sensor, metric, unit, intervalMs, zone, lat, lon } = entry.series;
      to.whole(entry.slot);
      for (const text of [sensor, metric, unit]) to.string(text);
      to.whole(intervalMs);
      to.string(zone);
      to.byte(lat === undefined ? 0 : 1);
      if (lat === undefined || lon === undefined) continue;
      to.double(lat);
      to.double(lon);
    }
    return some ? to.done() : null;
  }
}

const nameOf = ({ sensor, metric }: Series): string => `${sensor}\n${metric}`;

const same = (a: Series, b: Series): boolean =>
  a === b ||
  (a.sensor === b.sensor &&
    a.metric === b.metric &&
    a.unit === b.unit &&
    a.intervalMs === b.intervalMs &&
    a.zone === b.zone &&
    a.lat === b.lat &&
    a.lon === b.lon);
