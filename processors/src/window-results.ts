/**
 * Which rows of a gateway's windows are to be published, and when.
 *
 * A window is: open → final (the gateway has closed it, or was waited for long enough) → forgotten. Its rows come
 * - early, while it is open: in the window whose last step a reading falls into, the one that ends first after it. A
 *   hopping window is thus a rolling statistic as of the newest reading, and the others of the same readings appear when
 *   they get there or become final. At most every `earlyIntervalMs`; of windows longer than a minute in proportion less
 *   often (an hour's every minute, where a minute's come each second): they change as much less in that time.
 * - final: once for every series with a reading in it, as soon as it is final;
 * - revised, when late readings change it after that: as often as early ones, and before it is forgotten.
 */
import type { Series } from '@millrace/wire/batch.ts';
import type { StatsRow } from '@millrace/wire/stats.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { deviationOf, type Pane, quantileOf, rateOf } from './pane.ts';
import { chunkSlots } from './pane-codec.ts';
import type { Block, PaneTable } from './pane-table.ts';
import type { SeriesTable } from './series-table.ts';
import { alignDown, alignUp, type WindowSpec } from './windows.ts';

const minuteUs = 60_000_000;

/** The newest results of one window, of all series. */
interface Published {
  /** Rises with each. */
  revision: number;
  /** The flush that they are from: what changed after it is not in them. */
  flush: number;
}

/** A kind of windows, and what is known of them. */
interface Kind {
  readonly spec: WindowSpec;
  readonly intervalMs: number;
  /** By start. */
  readonly published: Map<number, Published>;
  /** Changes before this flush have been published, as far as they are to be. */
  pendingFrom: number;
  /** When results may be published again, by the monotonic clock. */
  nextMs: number;
  /** Added once, so that the gateways do not all publish their hours at the same moment. */
  spreadMs: number;
  /** Windows that start before it lack panes by our own doing, and are never published. */
  sinceUs: number;
}

export interface Progress {
  /** Of the flush that this is. */
  readonly flush: number;
  /** Windows that end at or before it were final, and are now. */
  readonly wereFinalUs: number;
  readonly finalUs: number;
  /** Panes that end at or before it take no more readings. */
  readonly forgottenUs: number;
  readonly nowMs: number;
}

export interface WindowRows {
  readonly window: string;
  readonly rows: StatsRow[];
}

/** Revise: since when the panes changed. */
type Due = 'all' | { readonly blocks: readonly Block[]; readonly sinceFlush: number };

export class WindowResults {
  readonly #kinds: readonly Kind[];
  readonly #panes: PaneTable;
  readonly #series: SeriesTable;
  /** Of panes that end at or before it all is published that ever will be: they were settled in an earlier flush. */
  settledUs = 0;
  /** When results will be due without another reading, by the monotonic clock; at once when it has just been restored. */
  dueMs = Number.NEGATIVE_INFINITY;

  /** @param phase from 0 to 1, another one for each gateway. */
  constructor(
    specs: readonly WindowSpec[],
    earlyIntervalMs: number,
    phase: number,
    panes: PaneTable,
    series: SeriesTable,
  ) {
    this.#panes = panes;
    this.#series = series;
    this.#kinds = specs.map(spec => {
      const intervalMs = earlyIntervalMs * Math.max(1, spec.sizeUs / minuteUs);
      return {
        spec,
        intervalMs,
        published: new Map<number, Published>(),
        pendingFrom: 0,
        nextMs: Number.NEGATIVE_INFINITY,
        spreadMs: intervalMs > earlyIntervalMs ? phase * intervalMs : 0,
        sinceUs: 0,
      };
    });
  }

  /** @returns the rows that are due, the oldest windows first. */
  collect(progress: Progress): WindowRows[] {
    const collected: WindowRows[] = [];
    this.dueMs = Number.POSITIVE_INFINITY;
    for (const kind of this.#kinds) {
      const due = new Map<number, Due>();
      this.#closing(kind, progress, due);
      this.#changed(kind, progress, due);
      const rows: StatsRow[] = [];
      for (const startUs of [...due.keys()].sort((a, b) => a - b))
        this.#publish(kind, startUs, due.get(startUs)!, progress, rows);
      if (rows.length > 0) collected.push({ window: kind.spec.name, rows });
      for (const startUs of kind.published.keys())
        if (startUs + kind.spec.sizeUs <= progress.forgottenUs) kind.published.delete(startUs);
    }
    this.settledUs = progress.forgottenUs;
    return collected;
  }

  /** @returns the end of the window that is the next to become final. */
  nextCloseUs(finalUs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { spec } of this.#kinds)
      for (const block of this.#panes.all()) {
        const { firstUs, lastUs } = endsOf(spec, block, finalUs);
        if (firstUs <= lastUs && firstUs < next) next = firstUs;
      }
    return next;
  }

  write(to: ByteWriter): void {
    to.whole(this.#kinds.length);
    for (const { spec, published, sinceUs } of this.#kinds) {
      to.string(spec.name);
      to.whole(sinceUs);
      to.whole(published.size);
      for (const [startUs, { revision, flush }] of published) {
        to.whole(startUs / spec.stepUs);
        to.whole(revision);
        to.whole(flush);
      }
    }
  }

  /** @param forgottenUs of windows that were not asked for till now, panes from before it may have been dropped. */
  read(from: ByteReader, forgottenUs: number): void {
    for (const kind of this.#kinds) kind.sinceUs = forgottenUs;
    for (let kinds = from.whole(); kinds > 0; kinds--) {
      const name = from.string();
      const sinceUs = from.whole();
      const kind = this.#kinds.find(({ spec }) => spec.name === name);
      if (kind !== undefined) kind.sinceUs = sinceUs;
      for (let windows = from.whole(); windows > 0; windows--) {
        const [step, revision, flush] = [from.whole(), from.whole(), from.whole()];
        kind?.published.set(step * kind.spec.stepUs, { revision, flush });
      }
    }
  }

  /** Panes before it are gone. */
  lose(throughUs: number): void {
    for (const kind of this.#kinds) kind.sinceUs = Math.max(kind.sinceUs, throughUs);
  }

  /** Takes over windows of one kind from an earlier version's state. @param forgottenUs as for `read`. */
  takeOver(name: string, revisions: ReadonlyMap<number, number>, forgottenUs: number): void {
    for (const kind of this.#kinds) {
      if (kind.spec.name !== name) kind.sinceUs = forgottenUs;
      else for (const [startUs, revision] of revisions) kind.published.set(startUs, { revision, flush: 0 });
    }
  }

  #closing({ spec }: Kind, { wereFinalUs, finalUs }: Progress, due: Map<number, Due>): void {
    if (alignDown(wereFinalUs, spec.stepUs) === alignDown(finalUs, spec.stepUs)) return;
    for (const block of this.#panes.all()) {
      const { firstUs, lastUs } = endsOf(spec, block, wereFinalUs);
      for (let endUs = firstUs; endUs <= lastUs && endUs <= finalUs; endUs += spec.stepUs)
        due.set(endUs - spec.sizeUs, 'all');
    }
  }

  #changed(kind: Kind, progress: Progress, due: Map<number, Due>): void {
    const { spec, pendingFrom, published } = kind;
    const { flush, finalUs, forgottenUs, nowMs } = progress;
    const blocks = [...this.#panes.base()].filter(
      ({ changed, endUs }) => changed >= pendingFrom && endUs > this.settledUs,
    );
    if (blocks.length === 0) return;
    if (nowMs < kind.nextMs && !blocks.some(({ endUs }) => endUs <= forgottenUs)) {
      this.dueMs = Math.min(this.dueMs, kind.nextMs);
      return;
    }
    const found = due.size;
    for (const block of blocks) {
      const { firstUs, lastUs } = endsOf(spec, block, Number.NEGATIVE_INFINITY);
      for (let endUs = firstUs; endUs <= lastUs && (endUs <= finalUs || endUs === firstUs); endUs += spec.stepUs) {
        const startUs = endUs - spec.sizeUs;
        const before = due.get(startUs);
        if (before === 'all') continue;
        due.set(startUs, {
          blocks: [...(before?.blocks ?? []), block],
          sinceFlush: published.get(startUs)?.flush ?? 0,
        });
      }
    }
    kind.pendingFrom = flush + 1;
    if (due.size === found) return;
    kind.nextMs = nowMs + kind.intervalMs + kind.spreadMs;
    kind.spreadMs = 0;
  }

  #publish(kind: Kind, startUs: number, due: Due, { flush, finalUs }: Progress, rows: StatsRow[]): void {
    const { spec, published, sinceUs } = kind;
    if (startUs < sinceUs) return;
    const before = rows.length;
    const revision = (published.get(startUs)?.revision ?? 0) + 1;
    for (let chunk = 0; chunk < this.#series.chunks; chunk++) {
      const changed = due === 'all' ? undefined : changedSlots(due.blocks, chunk, due.sinceFlush);
      if (changed?.size === 0) continue;
      this.#panes
        .window(spec, startUs, chunk, slot => changed?.has(slot) ?? true)
        .forEach((pane, slot) => {
          if (pane === undefined || changed?.has(slot) === false) return;
          const { series } = this.#series.at(chunk * chunkSlots + slot)!;
          rows.push(rowOf(series, spec, startUs, pane, revision, startUs + spec.sizeUs <= finalUs));
        });
    }
    if (rows.length > before) published.set(startUs, { revision, flush });
  }
}

/** The ends of the windows that the block is part of, of those that end after `afterUs`. */
function endsOf({ sizeUs, stepUs }: WindowSpec, block: Block, afterUs: number): { firstUs: number; lastUs: number } {
  const firstUs = alignUp(block.endUs, stepUs);
  return {
    firstUs: afterUs < firstUs ? firstUs : alignDown(afterUs, stepUs) + stepUs,
    lastUs: alignDown(block.startUs, stepUs) + sizeUs,
  };
}

function changedSlots(blocks: readonly Block[], chunk: number, sinceFlush: number): Set<number> {
  const slots = new Set<number>();
  for (const block of blocks)
    if (block.changed > sinceFlush)
      for (const slot of block.chunks[chunk]?.changedSince(sinceFlush) ?? []) slots.add(slot);
  return slots;
}

function rowOf(
  series: Series,
  { sizeUs }: WindowSpec,
  startUs: number,
  pane: Pane,
  revision: number,
  final: boolean,
): StatsRow {
  return {
    series,
    startUs,
    count: pane.count,
    expected: series.intervalMs > 0 ? Math.round(sizeUs / 1000 / series.intervalMs) : 0,
    mean: pane.mean,
    min: pane.min,
    max: pane.max,
    stddev: deviationOf(pane),
    p50: quantileOf(pane, 0.5),
    p95: quantileOf(pane, 0.95),
    p99: quantileOf(pane, 0.99),
    rate: rateOf(pane),
    first: pane.first,
    last: pane.last,
    revision,
    final,
  };
}
