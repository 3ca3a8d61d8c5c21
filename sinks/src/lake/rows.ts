/** Readings in memory, in columns, sorted into the folders they will lie in. */
import { type Batch, clockNames, type Series } from '@millrace/wire/batch.ts';
import type { Interval } from '@millrace/wire/intervals.ts';
import { folderOf } from './names.ts';

const dayUs = 86_400_000_000;
/**
 * Folders that one record may bring. A gateway writes its zones and times itself, 10,000 of them a record if it will:
 * beyond this its rows go together into one folder, where no date and no zone is known.
 */
const maxFoldersOfRecord = 64;

/** What all rows of one record have in common. */
interface Origin {
  readonly gateway: string;
  readonly site: string;
  readonly boot: number;
  readonly clock: string;
  readonly receivedUs: number;
}

/** Of one folder. Columns are longer than `count`; `series` and `origin` are places in the tables of {@link Rows}. */
export class FolderRows {
  count = 0;
  timeUs = new Float64Array(64);
  value = new Float64Array(64);
  seq = new Float64Array(64);
  series = new Uint32Array(64);
  origin = new Uint32Array(64);
  quality = new Uint8Array(64);

  grow(): void {
    const longer = <T extends Float64Array | Uint32Array | Uint8Array>(column: T, next: T): T => {
      next.set(column);
      return next;
    };
    const length = this.timeUs.length * 2;
    this.timeUs = longer(this.timeUs, new Float64Array(length));
    this.value = longer(this.value, new Float64Array(length));
    this.seq = longer(this.seq, new Float64Array(length));
    this.series = longer(this.series, new Uint32Array(length));
    this.origin = longer(this.origin, new Uint32Array(length));
    this.quality = longer(this.quality, new Uint8Array(length));
  }
}

export class Rows {
  readonly folders = new Map<string, FolderRows>();
  readonly series: Series[] = [];
  readonly origins: Origin[] = [];
  count = 0;
  readonly #maxAgeDays: number;
  readonly #seriesPlaces = new Map<Series, number>();
  /** Batches of a gateway share one dictionary. */
  readonly #dictionaries = new Map<readonly Series[], Uint32Array>();

  /** @param maxAgeDays of a reading, when it is received. Older ones have no date, as those from the future. */
  constructor(maxAgeDays: number) {
    this.#maxAgeDays = maxAgeDays;
  }

  /** Where a row goes depends on its record alone, and not on what came before. @param parts of its sequence numbers. */
  add(batch: Batch, receivedUs: number, parts: readonly Interval[]): void {
    const { timeUs, value, quality, seriesIndex, firstSeq, series } = batch;
    const places = this.#placesOf(series);
    const clock = clockNames[batch.clock];
    const origin = this.origins.length;
    this.origins.push({ gateway: batch.gateway, site: batch.site, boot: batch.boot, clock, receivedUs });
    const opened = new Set<string>();
    let fromUs = 0;
    let toUs = 0;
    let bySeries: (FolderRows | undefined)[] = [];
    for (const [first, last] of parts) {
      for (let i = first - firstSeq, seq = first; seq <= last; i++, seq++) {
        const time = timeUs[i]!;
        if (!(time >= fromUs && time < toUs)) {
          fromUs = Math.floor(time / dayUs) * dayUs;
          toUs = fromUs + dayUs;
          bySeries = [];
        }
        const index = seriesIndex[i]!;
        const rows = (bySeries[index] ??= this.#open(this.#dateOf(fromUs, receivedUs), series[index]!.zone, opened));
        const at = rows.count++;
        if (at === rows.timeUs.length) rows.grow();
        rows.timeUs[at] = time;
        rows.value[at] = value[i]!;
        rows.seq[at] = seq;
        rows.series[at] = places[index]!;
        rows.origin[at] = origin;
        rows.quality[at] = quality[i]!;
      }
      this.count += last - first + 1;
    }
  }

  #dateOf(dayStartUs: number, receivedUs: number): string | undefined {
    // A clock that is fast by less than a day is merely fast.
    if (dayStartUs > receivedUs + dayUs || dayStartUs + dayUs <= receivedUs - this.#maxAgeDays * dayUs)
      return undefined;
    return new Date(dayStartUs / 1000).toISOString().slice(0, 10);
  }

  #open(date: string | undefined, zone: string, opened: Set<string>): FolderRows {
    let folder = folderOf(date, zone);
    if (!opened.has(folder) && opened.size === maxFoldersOfRecord) folder = folderOf(undefined, '');
    else opened.add(folder);
    let rows = this.folders.get(folder);
    if (rows === undefined) {
      rows = new FolderRows();
      this.folders.set(folder, rows);
    }
    return rows;
  }

  #placesOf(series: readonly Series[]): Uint32Array {
    let places = this.#dictionaries.get(series);
    if (places === undefined) {
      places = Uint32Array.from(series, one => {
        const known = this.#seriesPlaces.get(one);
        if (known !== undefined) return known;
        this.#seriesPlaces.set(one, this.series.length);
        return this.series.push(one) - 1;
      });
      this.#dictionaries.set(series, places);
    }
    return places;
  }
}
