/** All panes of one gateway, by level and time. */
import { InvariantError } from '@millrace/runtime/errors.ts';
import { emptyPane, mergePane, type Pane } from './pane.ts';
import { PaneChunk } from './pane-chunk.ts';
import { chunkSlots } from './pane-codec.ts';
import type { SeriesEntry, SeriesTable } from './series-table.ts';
import { alignDown, type PaneLevel, type WindowSpec } from './windows.ts';

/** The panes of all series that begin at one time. */
export interface Block {
  readonly startUs: number;
  readonly endUs: number;
  /** By the series' slots. */
  readonly chunks: (PaneChunk | undefined)[];
  /** As {@link PaneChunk.changed}, of the newest. */
  changed: number;
  /** When the bridge took the newest batch with a reading for it, as far as that is known. */
  heardUs: number;
  /** Its panes have been final. */
  final: boolean;
}

/** Panes of all gateways of a task. */
export interface PaneBudget {
  panes: number;
}

/** Where an entry of the state is: `step/start/chunk`, in seconds. */
export const paneKey = (stepUs: number, startUs: number, chunk: number): string =>
  `${stepUs / 1e6}/${startUs / 1e6}/${chunk}`;

export class PaneTable {
  readonly #levels: readonly PaneLevel[];
  readonly #series: SeriesTable;
  readonly #budget: PaneBudget;
  /** By start, of each level. */
  readonly #blocks: Map<number, Block>[];
  /** Panes of the next level that end at or before it have been folded from those of this one. */
  #foldedUs = 0;
  readonly #removed = new Set<string>();
  /** The one that was read or written last: nearly always the next reading is in it too. */
  #recent: Block | undefined;
  panes = 0;

  constructor(levels: readonly PaneLevel[], series: SeriesTable, budget: PaneBudget) {
    this.#levels = levels;
    this.#series = series;
    this.#budget = budget;
    this.#blocks = levels.map(() => new Map<number, Block>());
  }

  /** Those that take readings. */
  base(): Iterable<Block> {
    return this.#blocks[0]!.values();
  }

  *all(): Generator<Block> {
    for (const blocks of this.#blocks) yield* blocks.values();
  }

  /** @returns the block of the first level that the time lies in, if it is there. */
  blockOf(timeUs: number): Block | undefined {
    const recent = this.#recent;
    if (recent !== undefined && timeUs >= recent.startUs && timeUs < recent.endUs) return recent;
    const found = this.#blocks[0]!.get(alignDown(timeUs, this.#levels[0]!.stepUs));
    if (found !== undefined) this.#recent = found;
    return found;
  }

  /** End of the pane that the time lies in. */
  endOf(timeUs: number): number {
    const { stepUs } = this.#levels[0]!;
    return alignDown(timeUs, stepUs) + stepUs;
  }

  /** A new pane for the series. @returns its block, which may be new. */
  open(timeUs: number, entry: SeriesEntry): Block {
    return this.#open(0, alignDown(timeUs, this.#levels[0]!.stepUs), entry);
  }

  isBase(stepUs: number): boolean {
    return this.#levels[0]!.stepUs === stepUs;
  }

  /** Puts a pane of the first level that is composed already. */
  put(entry: SeriesEntry, pane: Pane): void {
    this.#open(0, pane.startUs, entry).chunks[entry.slot >>> 6]!.put(entry.slot & 63, pane, 0);
  }

  /** The pane of the first level, or undefined. */
  pane(startUs: number, slot: number): Pane | undefined {
    return this.#blocks[0]!.get(startUs)?.chunks[slot >>> 6]?.pane(slot & 63);
  }

  /**
   * The panes of a window, of one chunk of series. They are merged by levels whether folded already or not, so that the
   * result is the same to the last bit.
   * @returns by slot in the chunk, to be read only.
   */
  window({ sizeUs, stepUs }: WindowSpec, startUs: number, chunk: number, wanted: (slot: number) => boolean) {
    const level = this.#levels.findIndex(one => one.stepUs === stepUs);
    return this.#merged(level, startUs, sizeUs, chunk, wanted);
  }

  /** Brings panes that take no more readings together to those of the next level. */
  fold(forgottenUs: number, changed: number): void {
    for (let level = 1; level < this.#levels.length; level++) {
      const { stepUs } = this.#levels[level]!;
      const due = new Set<number>();
      for (const { startUs } of this.#blocks[level - 1]!.values()) {
        const endUs = alignDown(startUs, stepUs) + stepUs;
        if (endUs > this.#foldedUs && endUs <= forgottenUs) due.add(endUs - stepUs);
      }
      for (const startUs of due) {
        for (let chunk = 0; chunk < this.#series.chunks; chunk++) {
          this.#merged(level - 1, startUs, stepUs, chunk, () => true).forEach((pane, slot) => {
            if (pane === undefined) return;
            const entry = this.#series.at(chunk * chunkSlots + slot)!;
            this.#open(level, startUs, entry).chunks[chunk]!.put(slot, pane, changed);
          });
        }
        this.#blocks[level]!.get(startUs)!.final = true;
      }
    }
    this.#foldedUs = forgottenUs;
  }

  /** Drops what no window needs any more that may still change. @param dropping called before, with each pane of the first level. */
  drop(forgottenUs: number, dropping: (entry: SeriesEntry, startUs: number) => void): void {
    for (const [level, { stepUs, retainUs }] of this.#levels.entries()) {
      const next = this.#levels[level + 1];
      for (const block of this.#blocks[level]!.values()) {
        if (block.startUs + Math.max(stepUs, retainUs) > forgottenUs) continue;
        if (next === undefined || alignDown(block.startUs, next.stepUs) + next.stepUs <= this.#foldedUs)
          this.#drop(level, block, dropping);
      }
    }
  }

  dropAll(dropping: (entry: SeriesEntry, startUs: number) => void): void {
    for (const level of this.#levels.keys())
      for (const block of this.#blocks[level]!.values()) this.#drop(level, block, dropping);
  }

  /** Entries of the state that changed since the last call, by {@link paneKey}; those of final panes are packed. */
  *changes(): Generator<[key: string, entry: Uint8Array | null]> {
    for (const [level, { stepUs }] of this.#levels.entries()) {
      for (const block of this.#blocks[level]!.values()) {
        for (const [i, chunk] of block.chunks.entries()) {
          if (chunk === undefined) continue;
          if (block.final) chunk.pack();
          if (!chunk.dirty) continue;
          chunk.dirty = false;
          const key = paneKey(stepUs, block.startUs, i);
          this.#removed.delete(key);
          yield [key, chunk.encode()];
        }
      }
    }
    for (const key of this.#removed) yield [key, null];
    this.#removed.clear();
  }

  /** @returns false when windows of today are not composed of such panes. */
  restore(stepUs: number, startUs: number, number: number, entry: Uint8Array): boolean {
    const level = this.#levels.findIndex(one => one.stepUs === stepUs);
    if (level < 0) return false;
    const block = this.#blockAt(level, startUs);
    const chunk = PaneChunk.restore(entry, startUs);
    block.chunks[number] = chunk;
    block.changed = Math.max(block.changed, chunk.changed);
    for (const slot of chunk.slots()) this.#count(this.#series.at(number * chunkSlots + slot), 1);
    return true;
  }

  /**
   * After the last `restore`.
   * @param finalUs panes that end at or before it have been final. @param forgottenUs as it was at the last `fold`.
   * @returns up to where panes of a larger size stand for those that would take readings.
   */
  restored(finalUs: number, forgottenUs: number): number {
    this.#foldedUs = forgottenUs;
    for (const block of this.all()) block.final = block.endUs <= finalUs;
    let foldedUs = 0;
    for (const blocks of this.#blocks.slice(1))
      for (const { endUs } of blocks.values()) foldedUs = Math.max(foldedUs, endUs);
    return foldedUs;
  }

  /** To leave an entry of the state that is not ours any more. */
  remove(key: string): void {
    this.#removed.add(key);
  }

  #merged(
    level: number,
    startUs: number,
    sizeUs: number,
    chunk: number,
    wanted: (slot: number) => boolean,
  ): (Pane | undefined)[] {
    const { stepUs } = this.#levels[level]!;
    if (sizeUs === stepUs) return this.#composed(level, startUs, chunk, wanted);
    const merged: (Pane | undefined)[] = [];
    for (let at = startUs; at < startUs + sizeUs; at += stepUs) {
      this.#composed(level, at, chunk, wanted).forEach((pane, slot) => {
        if (pane !== undefined && wanted(slot)) mergePane((merged[slot] ??= emptyPane(pane.startUs)), pane);
      });
    }
    return merged;
  }

  /** A pane of the level, folded or not yet. */
  #composed(level: number, startUs: number, chunk: number, wanted: (slot: number) => boolean): (Pane | undefined)[] {
    const block = this.#blocks[level]!.get(startUs);
    if (block !== undefined) return block.chunks[chunk]?.panes(wanted) ?? [];
    return level === 0 ? [] : this.#merged(level - 1, startUs, this.#levels[level]!.stepUs, chunk, wanted);
  }

  #open(level: number, startUs: number, entry: SeriesEntry): Block {
    const block = this.#blockAt(level, startUs);
    const number = entry.slot >>> 6;
    // No holes: an array with some is slower.
    while (block.chunks.length <= number) block.chunks.push(undefined);
    block.chunks[number] ??= new PaneChunk(startUs);
    this.#count(entry, 1);
    return block;
  }

  #blockAt(level: number, startUs: number): Block {
    let block = this.#blocks[level]!.get(startUs);
    if (block === undefined) {
      block = {
        startUs,
        endUs: startUs + this.#levels[level]!.stepUs,
        chunks: [],
        changed: 0,
        heardUs: 0,
        final: false,
      };
      this.#blocks[level]!.set(startUs, block);
    }
    return block;
  }

  #drop(level: number, block: Block, dropping: (entry: SeriesEntry, startUs: number) => void): void {
    for (const [number, chunk] of block.chunks.entries()) {
      if (chunk === undefined) continue;
      for (const slot of chunk.slots()) {
        const entry = this.#series.at(number * chunkSlots + slot)!;
        if (level === 0) dropping(entry, block.startUs);
        this.#count(entry, -1);
      }
      this.#removed.add(paneKey(this.#levels[level]!.stepUs, block.startUs, number));
    }
    this.#blocks[level]!.delete(block.startUs);
    if (this.#recent === block) this.#recent = undefined;
  }

  #count(entry: SeriesEntry | undefined, panes: 1 | -1): void {
    if (entry === undefined) throw new InvariantError('the state holds panes of a series that it does not hold');
    entry.panes += panes;
    this.panes += panes;
    this.#budget.panes += panes;
  }
}
