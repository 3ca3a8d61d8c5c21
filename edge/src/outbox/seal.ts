/** Sealing: readings become the bytes that every copy of them will have, from the first publish to the last resend. */
import {
  type Batch,
  type ClockState,
  type DroppedRange,
  encodeBatch,
  maxBatchBytes,
  maxBatchReadings,
  type Series,
} from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { type Reading, seriesKey } from '../reading.ts';
import { pack } from './packed.ts';
import { type PriorityOf, usualPriority } from './priorities.ts';

/** A batch as it lies in the outbox and goes over the wire. */
export interface SealedBatch {
  /** Grows in the order of sealing. */
  readonly id: number;
  readonly firstSeq: number;
  /** Included; `firstSeq − 1` in a batch that holds only dropped ranges. */
  readonly lastSeq: number;
  /** What was declared complete before it was sealed, µs: neither it nor a later batch holds an earlier reading. */
  readonly declaredUs: number;
  /** The encoded `ReadingBatch`. */
  readonly bytes: Uint8Array;
  /** Bytes that it takes in the outbox's file. */
  readonly storedBytes: number;
}

/** A batch that is not stored yet. */
export interface NewBatch extends SealedBatch {
  /** 0–9; of all its readings. */
  readonly priority: number;
  /** As it is stored. */
  readonly packed: Uint8Array;
}

/** What all batches of a gateway say about it. */
export interface Origin {
  readonly gateway: GatewayId;
  readonly site: string;
  /** Zone of the readings that name none. */
  readonly zone: string;
  readonly clock: ClockState;
}

export interface Numbering {
  readonly boot: number;
  readonly firstId: number;
  /** Sequence number of the first reading. */
  readonly firstSeq: number;
  /** What the sources had declared before these readings, µs. */
  readonly declaredUs: number;
  /** What may be claimed before the last of these readings is sent, µs. */
  readonly completeBeforeUs: number;
  /** What may be claimed once all of them are, µs. */
  readonly completeAfterUs: number;
}

/**
 * Seals readings into as few batches as the limits of the contract allow (10,000 readings, 1 MiB), in their order, those
 * of one priority and one state of the clock together and the highest priority first. Only the last batch claims `completeAfterUs`: the claim is about readings
 * which may stand in any of them.
 */
export function seal(
  readings: readonly Reading[],
  origin: Origin,
  numbering: Numbering,
  priorityOf?: PriorityOf,
): NewBatch[] {
  const sealed: NewBatch[] = [];
  const groups = grouped(readings, origin.clock, priorityOf);
  const ordered = groups.flatMap(group => group.readings);
  // Halves are taken where a batch is too large: only very long names bring 10,000 readings near 1 MiB.
  const sealRange = (from: number, to: number, group: Group): void => {
    const count = to - from;
    const firstSeq = numbering.firstSeq + from;
    if (count <= maxBatchReadings) {
      const completeThroughUs = to === ordered.length ? numbering.completeAfterUs : numbering.completeBeforeUs;
      const { clock, priority } = group;
      const numbers = { boot: numbering.boot, firstSeq, completeThroughUs };
      const batch = toBatch(ordered.slice(from, to), { ...origin, clock }, numbers);
      const bytes = encodeBatch(batch);
      if (bytes.length <= maxBatchBytes || count === 1) {
        const id = numbering.firstId + sealed.length;
        const { declaredUs } = numbering;
        sealed.push({ id, firstSeq, lastSeq: firstSeq + count - 1, declaredUs, priority, ...stored(bytes) });
        return;
      }
    }
    const middle = from + Math.ceil(count / 2);
    sealRange(from, middle, group);
    sealRange(middle, to, group);
  };
  let from = 0;
  for (const group of groups) sealRange(from, (from += group.readings.length), group);
  return sealed;
}

/** Seals a batch that holds no reading: what was given up, or what may be claimed. */
export function sealWithoutReadings(
  dropped: readonly DroppedRange[],
  completeThroughUs: number,
  origin: Origin,
  { boot, firstId, firstSeq, declaredUs }: Pick<Numbering, 'boot' | 'firstId' | 'firstSeq' | 'declaredUs'>,
): NewBatch {
  const batch = toBatch([], origin, { boot, firstSeq, completeThroughUs });
  const bytes = encodeBatch({ ...batch, dropped });
  return { id: firstId, firstSeq, lastSeq: firstSeq - 1, declaredUs, priority: usualPriority, ...stored(bytes) };
}

function stored(bytes: Uint8Array): Pick<NewBatch, 'bytes' | 'packed' | 'storedBytes'> {
  const packed = pack(bytes);
  return { bytes, packed, storedBytes: packed.length };
}

/** Readings that may share a batch. */
interface Group {
  readonly priority: number;
  readonly clock: ClockState;
  readonly readings: readonly Reading[];
}

/** The highest priority first. */
function grouped(readings: readonly Reading[], usualClock: ClockState, priorityOf: PriorityOf | undefined): Group[] {
  if (readings.length === 0) return [];
  const byClock = readings.some(({ clock }) => clock !== undefined)
    ? [...Map.groupBy(readings, ({ clock }) => clock ?? usualClock)]
    : [[usualClock, readings] as const];
  const groups = byClock.flatMap(([clock, of]) =>
    priorityOf === undefined
      ? [{ priority: usualPriority, clock, readings: of }]
      : [...Map.groupBy(of, priorityOf)].map(([priority, group]) => ({ priority, clock, readings: group })),
  );
  return groups.sort((a, b) => b.priority - a.priority);
}

function toBatch(
  readings: readonly Reading[],
  { gateway, site, zone, clock }: Origin,
  { boot, firstSeq, completeThroughUs }: Pick<Batch, 'boot' | 'firstSeq' | 'completeThroughUs'>,
): Batch {
  const series: Series[] = [];
  const indexOf = new Map<string, number>();
  const seriesIndex = readings.map(reading => {
    const key = seriesKey(reading);
    let index = indexOf.get(key);
    if (index === undefined) {
      index = series.push(toSeries(reading, zone)) - 1;
      indexOf.set(key, index);
    }
    return index;
  });
  return {
    gateway,
    site,
    boot,
    firstSeq,
    series,
    seriesIndex,
    timeUs: readings.map(reading => reading.timeUs),
    value: readings.map(reading => reading.value),
    quality: readings.map(reading => reading.quality ?? 0),
    clock,
    completeThroughUs,
    dropped: [],
  };
}

function toSeries({ sensor, metric, unit, intervalMs, lat, lon, zone }: Reading, gatewayZone: string): Series {
  return {
    sensor,
    metric,
    unit,
    intervalMs: intervalMs ?? 0,
    zone: zone ?? gatewayZone,
    ...(lat !== undefined && lon !== undefined && { lat, lon }),
  };
}
