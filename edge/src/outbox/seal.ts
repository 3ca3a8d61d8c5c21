/** Sealing: readings become the bytes that every copy of them will have, from the first publish to the last resend. */
import {
  type Batch,
  type ClockState,
  encodeBatch,
  maxBatchBytes,
  maxBatchReadings,
  type Series,
} from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { type Reading, seriesKey } from '../reading.ts';

/** A batch as it lies in the outbox and goes over the wire. */
export interface SealedBatch {
  readonly firstSeq: number;
  /** Included. */
  readonly lastSeq: number;
  /** The encoded `ReadingBatch`. */
  readonly bytes: Uint8Array;
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
  /** Sequence number of the first reading. */
  readonly firstSeq: number;
  /** What may be claimed before the last of these readings is sealed, µs. */
  readonly completeBeforeUs: number;
  /** What may be claimed once all of them are, µs. */
  readonly completeAfterUs: number;
}

/**
 * Seals readings into as few batches as the limits of the contract allow (10,000 readings, 1 MiB), in their order.
 * Only the last batch claims `completeAfterUs`: the claim is about readings which may stand in any of them.
 */
export function seal(readings: readonly Reading[], origin: Origin, numbering: Numbering): SealedBatch[] {
  const sealed: SealedBatch[] = [];
  // Halves are taken where a batch is too large: only very long names bring 10,000 readings near 1 MiB.
  const sealRange = (from: number, to: number): void => {
    const count = to - from;
    const firstSeq = numbering.firstSeq + from;
    const isLast = to === readings.length;
    if (count <= maxBatchReadings) {
      const completeThroughUs = isLast ? numbering.completeAfterUs : numbering.completeBeforeUs;
      const batch = toBatch(readings.slice(from, to), origin, { boot: numbering.boot, firstSeq, completeThroughUs });
      const bytes = encodeBatch(batch);
      if (bytes.length <= maxBatchBytes || count === 1) {
        sealed.push({ firstSeq, lastSeq: firstSeq + count - 1, bytes });
        return;
      }
    }
    const middle = from + Math.ceil(count / 2);
    sealRange(from, middle);
    sealRange(middle, to);
  };
  if (readings.length > 0) sealRange(0, readings.length);
  return sealed;
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
