/** Readings that are in no window, for the late topic: batches as their gateway would have sealed them. */
import type { OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import { type Batch, encodeBatch, type Series } from '@millrace/wire/batch.ts';
import { lateHeaders } from '@millrace/wire/names.ts';

/** `late`: their pane took no more readings; `refused`: there was no room for another. */
export type LateReason = 'late' | 'refused';

interface Run {
  readonly reason: LateReason;
  /** Places in the batch, both included. */
  readonly from: number;
  to: number;
}

/** Gathers those of one batch: one record each run of neighbours with the same reason, with their own sequence numbers. */
export class LateRuns {
  #runs: Run[] = [];

  add(reason: LateReason, at: number): void {
    const last = this.#runs.at(-1);
    if (last?.reason === reason && last.to === at - 1) last.to = at;
    else this.#runs.push({ reason, from: at, to: at });
  }

  records(topic: string, batch: Batch, receivedAtUs: number): OutgoingRecord[] {
    if (this.#runs.length === 0) return [];
    const runs = this.#runs;
    this.#runs = [];
    return runs.map(({ reason, from, to }) => ({
      topic,
      key: batch.gateway,
      value: encodeBatch(partOf(batch, from, to + 1)),
      headers: { [lateHeaders.receivedAt]: String(receivedAtUs), [lateHeaders.reason]: reason },
    }));
  }
}

function partOf(batch: Batch, from: number, to: number): Batch {
  const places = new Map<number, number>();
  const series: Series[] = [];
  const seriesIndex = batch.seriesIndex.slice(from, to).map(at => {
    const place = places.get(at) ?? series.push(batch.series[at]!) - 1;
    places.set(at, place);
    return place;
  });
  return {
    ...batch,
    firstSeq: batch.firstSeq + from,
    series,
    seriesIndex,
    timeUs: batch.timeUs.slice(from, to),
    value: batch.value.slice(from, to),
    quality: batch.quality.slice(from, to),
    completeThroughUs: 0,
    dropped: [],
  };
}
