/**
 * Statistics of zones: the parts that each partition of the readings sends (`roll-up.ts`), merged. Parts of a zone and
 * metric come to one partition of their own topic; the newest of each source counts, so a part that comes twice changes
 * nothing.
 */
import type { IncomingRecord, OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import type { KafkaTopics } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { encodeZoneStats, type ZoneMetric, type ZonePart, type ZoneStatsRow, zoneKey } from '@millrace/wire/zones.ts';
import type { Flush, FlushClock, Task } from '../task.ts';
import { cutOldest, type LifeTimes } from './lifecycle.ts';
import { expectedForUs } from './members.ts';
import { MergedWindow, MergedZone, type Source } from './merged.ts';
import { checkedParts } from './part-checks.ts';
import { encodePart, encodeWindow, encodeZone, keys, restoreEntry } from './task-state.ts';

/** Its times should be those of the roll-ups, but for `earlyIntervalMs`: parts of many partitions come at different moments. */
export interface ZonesTaskOptions extends LifeTimes {
  readonly topics: Pick<KafkaTopics, 'zones'>;
  /** Name of the windows in results: `1m`. */
  readonly window: string;
  readonly limits: {
    /** Zones, by metric and unit. */
    readonly zones: number;
    /** Over all zones, windows and sources. */
    readonly parts: number;
  };
}

export interface ZonesTaskCounters {
  /** Parts that counted. */
  merged: number;
  /** Parts of a revision that was there already. */
  stale: number;
  /** Parts of windows that are forgotten. */
  late: number;
  /** Parts of zones beyond those that are kept. */
  refused: number;
  /** Windows given up while some source might still have added to them: more were waiting than are kept. */
  cut: number;
}

/** Sources hold their windows as long as we do: their last parts are on their way then. */
const partsUnderwayUs = 5_000_000;
/** A zone without windows is kept for this long, to know what it has forgotten and who its sources are. */
const idleUs = expectedForUs + 3_600_000_000;
const rowsPerRecord = 1_000;

export class ZonesTask implements Task {
  readonly counters: ZonesTaskCounters = { merged: 0, stale: 0, late: 0, refused: 0, cut: 0 };
  readonly #options: ZonesTaskOptions;
  readonly #times: LifeTimes;
  readonly #zones = new Map<string, MergedZone>();
  #parts = 0;
  /** Keys of entries of the state that are of no use any more. */
  #outdated: string[] = [];

  constructor(options: ZonesTaskOptions) {
    this.#options = options;
    this.#times = { ...options, maxHoldUs: options.maxHoldUs + partsUnderwayUs };
  }

  restore(key: string, value: Uint8Array): void {
    const ours = restoreEntry(key, value, {
      windowUs: this.#options.windowUs,
      zoneOf: of => this.#zones.get(zoneKey(of)) ?? this.#addZone(of),
      windowOf,
      addPart: (zone, window, number, part) => this.#put(window, zone.sourceOf(number), number, part),
    });
    if (!ours) this.#outdated.push(key);
  }

  process({ key, value }: IncomingRecord): number {
    const batch = checkedParts(value!, this.#options.windowUs);
    const { source: number, settledThroughUs, parts } = batch;
    const its = zoneKey(batch);
    if (key !== its) throw new RejectedError('key', `the record is about ${its}: in this partition it is misplaced`);
    const zone =
      this.#zones.get(its) ?? (this.#zones.size < this.#options.limits.zones ? this.#addZone(batch) : undefined);
    if (zone === undefined) {
      this.counters.refused += parts.length;
      return parts.length;
    }
    for (const part of parts) this.#take(zone, number, part);
    const source = zone.sources.get(number);
    if (source !== undefined && settledThroughUs > source.settledThroughUs) {
      source.settledThroughUs = settledThroughUs;
      zone.due = true;
    }
    return parts.length;
  }

  flush(clock: FlushClock): Flush {
    const results: OutgoingRecord[] = [];
    const state = new Map<string, Uint8Array | null>(this.#outdated.map(key => [key, null]));
    this.#outdated = [];
    let published = 0;
    const { parts } = this.#options.limits;
    if (this.#parts > parts) cutOldest(this.#zones.values(), window => window.parts.size, parts);
    for (const zone of this.#zones.values()) {
      if (!zone.isDue(clock)) continue;
      const rows = this.#advance(zone, clock, state);
      published += rows.length;
      for (let at = 0; at < rows.length; at += rowsPerRecord)
        results.push(this.#record(zone, rows.slice(at, at + rowsPerRecord)));
      if (zone.touched) state.set(keys.zone(zone), encodeZone(zone.kept(clock)));
      if (!zone.isIdle(clock, idleUs)) continue;
      this.#zones.delete(zone.key);
      state.set(keys.zone(zone), null);
    }
    return { results, rows: published, state };
  }

  #take(zone: MergedZone, number: number, part: ZonePart): void {
    const { startUs, revision, sensorsExpected, expected } = part;
    if (startUs < zone.forgottenUs) return void this.counters.late++;
    const window = windowOf(zone, startUs);
    if ((window.parts.get(number)?.revision ?? 0) >= revision) return void this.counters.stale++;
    const before = zone.known(number, startUs);
    // A copy: the record's bytes are part of a whole fetch.
    this.#put(window, zone.sourceOf(number), number, { ...part, sketch: part.sketch.slice() });
    window.touchedParts.add(number);
    zone.due = true;
    zone.changed(window, this.#options);
    this.counters.merged++;
    if (before?.sensorsExpected === sensorsExpected && before.expected === expected) return;
    for (const later of zone.relyingOn(number, startUs)) zone.changed(later, this.#options);
  }

  #put(window: MergedWindow, source: Source, number: number, part: ZonePart): void {
    if (!window.parts.has(number)) this.#parts++;
    window.parts.set(number, part);
    if (part.final) source.finalThroughUs = Math.max(source.finalThroughUs, part.startUs + this.#options.windowUs);
  }

  #advance(zone: MergedZone, clock: FlushClock, state: Map<string, Uint8Array | null>): ZoneStatsRow[] {
    const { windowUs } = this.#options;
    const rows: ZoneStatsRow[] = [];
    zone.advance(clock, this.#times, {
      closed: window => zone.closed(window),
      settled: window => zone.settled(window),
      publish: window => {
        const row = zone.row(window);
        if (row === undefined) return;
        window.revision++;
        window.touched = true;
        rows.push({ ...row, revision: window.revision, final: window.final });
      },
      keep: window => state.set(keys.window(zone, windowUs, window.startUs), encodeWindow(window)),
      forget: (window, cut) => {
        if (cut) this.counters.cut++;
        zone.keepKnown(window);
        this.#parts -= window.parts.size;
        state.set(keys.window(zone, windowUs, window.startUs), null);
        for (const number of window.parts.keys()) state.set(keys.part(zone, windowUs, window.startUs, number), null);
      },
    });
    if (zone.touched) zone.forgetSources();
    for (const { startUs, parts, touchedParts } of zone.windows.values()) {
      for (const number of touchedParts)
        state.set(keys.part(zone, windowUs, startUs, number), encodePart(zone, number, parts.get(number)!));
      touchedParts.clear();
    }
    return rows;
  }

  #record(zone: MergedZone, rows: readonly ZoneStatsRow[]): OutgoingRecord {
    const { topics, window } = this.#options;
    return { topic: topics.zones, key: zone.key, value: encodeZoneStats({ ...zone.of, window, rows }) };
  }

  #addZone({ site, zone, metric, unit }: ZoneMetric): MergedZone {
    const added = new MergedZone({ site, zone, metric, unit });
    this.#zones.set(added.key, added);
    return added;
  }
}

function windowOf(zone: MergedZone, startUs: number): MergedWindow {
  let window = zone.windows.get(startUs);
  if (window === undefined) {
    window = new MergedWindow(startUs);
    zone.windows.set(startUs, window);
    zone.due = true;
  }
  return window;
}
