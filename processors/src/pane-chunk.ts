/**
 * The panes of up to 64 series of one gateway that begin at one time: what one entry of the state holds.
 *
 * open (columns of numbers, a sketch each) ⇄ packed (the bytes of its state entry, a fifth of the memory). Panes are opened
 * by readings, and packed once they are final; a late reading opens them again.
 */
import { ByteReader, ByteWriter } from './bytes.ts';
import { CounterReadings } from './counter-readings.ts';
import type { Pane } from './pane.ts';
import { chunkSlots, readHead, readPanes, writeHead, writePane } from './pane-codec.ts';
import { Sketch } from './sketch.ts';

/** Columns of an open pane. */
const COUNT = 0;
const MEAN = 1;
const M2 = 2;
const MIN = 3;
const MAX = 4;
const FIRST_US = 5;
const FIRST = 6;
const LAST_US = 7;
const LAST = 8;
const INCREASE = 9;
const CHANGED = 10;
const columns = 11;

interface Open {
  /** A row of `columns` each slot. */
  values: Float64Array;
  readonly sketches: (Sketch | undefined)[];
  /** Of counters, while the pane takes readings. */
  readonly readings: Map<number, CounterReadings>;
}

const writer = new ByteWriter();

export class PaneChunk {
  readonly startUs: number;
  /** When the newest change was: the gateway's flush that will publish it. */
  changed = 0;
  /** Not in the state yet, as it is. */
  dirty = false;
  /** Which slots have a pane, 32 each. */
  #low = 0;
  #high = 0;
  #open: Open | undefined;
  #packed: Uint8Array | undefined;

  constructor(startUs: number) {
    this.startUs = startUs;
  }

  has(slot: number): boolean {
    return ((slot < 32 ? this.#low : this.#high) & (1 << (slot & 31))) !== 0;
  }

  *slots(): Generator<number> {
    for (let slot = 0; slot < chunkSlots; slot++) if (this.has(slot)) yield slot;
  }

  /** Adds a reading; the hot path. Welford, Technometrics 4 (1962), 419–420: stable where the sum of squares is not. */
  add(slot: number, timeUs: number, value: number, changed: number, sketched: boolean, counter: boolean): void {
    const open = this.#opened(slot);
    const { values } = open;
    const at = slot * columns;
    const count = values[at + COUNT]! + 1;
    values[at + COUNT] = count;
    values[at + CHANGED] = changed;
    this.changed = changed;
    this.dirty = true;
    if (count === 1) {
      this.#mark(slot);
      values[at + MEAN] = value;
      values[at + M2] = 0;
      values[at + MIN] = value;
      values[at + MAX] = value;
      values[at + FIRST_US] = timeUs;
      values[at + FIRST] = value;
      values[at + LAST_US] = timeUs;
      values[at + LAST] = value;
      values[at + INCREASE] = Number.NaN;
      if (counter) open.readings.set(slot, new CounterReadings());
      if (sketched) open.sketches[slot] = new Sketch();
    } else {
      const delta = value - values[at + MEAN]!;
      const mean = values[at + MEAN]! + delta / count;
      values[at + MEAN] = mean;
      values[at + M2]! += delta * (value - mean);
      if (value < values[at + MIN]!) values[at + MIN] = value;
      if (value > values[at + MAX]!) values[at + MAX] = value;
      if (timeUs < values[at + FIRST_US]!) {
        values[at + FIRST_US] = timeUs;
        values[at + FIRST] = value;
      }
      if (timeUs >= values[at + LAST_US]!) {
        values[at + LAST_US] = timeUs;
        values[at + LAST] = value;
      }
    }
    // One that was begun before quantiles were asked for has none, and is none of all its readings.
    open.sketches[slot]?.add(value);
    if (counter) {
      const readings = open.readings.get(slot);
      if (readings !== undefined) values[at + INCREASE] = readings.add(timeUs, value);
    }
  }

  /** Puts a pane that is composed already. */
  put(slot: number, pane: Pane, changed: number): void {
    const open = this.#opened(slot);
    this.#mark(slot);
    const { count, mean, m2, min, max, firstUs, first, lastUs, last, increase, sketch } = pane;
    open.values.set([count, mean, m2, min, max, firstUs, first, lastUs, last, increase, changed], slot * columns);
    open.sketches[slot] = sketch;
    this.changed = Math.max(this.changed, changed);
    this.dirty = true;
  }

  /** @returns its pane, to be read only; undefined when there is none. */
  pane(slot: number): Pane | undefined {
    return this.has(slot) ? this.panes(one => one === slot)[slot] : undefined;
  }

  /** The panes by slot, to be read only; those that are not wanted may be left out. */
  panes(wanted: (slot: number) => boolean): (Pane | undefined)[] {
    const panes: (Pane | undefined)[] = [];
    if (this.#open === undefined) {
      readPanes(this.#packed!, this.startUs, (slot, pane) => {
        panes[slot] = pane;
      });
      return panes;
    }
    const { values, sketches } = this.#open;
    for (let slot = 0; slot * columns < values.length; slot++) {
      if (values[slot * columns] !== 0 && wanted(slot))
        panes[slot] = paneAt(values, slot, this.startUs, sketches[slot]);
    }
    return panes;
  }

  /** Slots whose pane changed after that flush. */
  changedSince(flush: number): Set<number> {
    const slots = new Set<number>();
    if (this.changed <= flush) return slots;
    const values = this.#unpacked().values;
    for (let slot = 0; slot * columns < values.length; slot++)
      if (values[slot * columns] !== 0 && values[slot * columns + CHANGED]! > flush) slots.add(slot);
    return slots;
  }

  /** @returns its state entry. */
  encode(): Uint8Array {
    if (this.#open === undefined) return this.#packed!;
    const { values, sketches, readings } = this.#open;
    const to = writer.reset();
    writeHead(to, { low: this.#low, high: this.#high, changed: this.changed });
    for (const slot of this.slots()) {
      const pane = paneAt(values, slot, this.startUs, sketches[slot]);
      writePane(to, pane, this.changed - values[slot * columns + CHANGED]!, readings.get(slot));
    }
    return to.done();
  }

  pack(): void {
    if (this.#open === undefined) return;
    this.#packed = this.encode();
    this.#open = undefined;
  }

  /** @param bytes of `encode`; they are read when they are needed. @throws {InvariantError} then, or now. */
  static restore(bytes: Uint8Array, startUs: number): PaneChunk {
    const chunk = new PaneChunk(startUs);
    const { low, high, changed } = readHead(new ByteReader(bytes));
    chunk.#low = low;
    chunk.#high = high;
    chunk.changed = changed;
    chunk.#packed = bytes;
    return chunk;
  }

  #mark(slot: number): void {
    if (slot < 32) this.#low |= 1 << slot;
    else this.#high |= 1 << (slot & 31);
  }

  #opened(slot: number): Open {
    const open = this.#open ?? this.#unpacked();
    if ((slot + 1) * columns > open.values.length) {
      // By half as much again: many gateways have few series.
      const slots = Math.min(chunkSlots, Math.max(slot + 1, Math.ceil((open.values.length / columns) * 1.5)));
      const larger = new Float64Array(slots * columns);
      larger.set(open.values);
      open.values = larger;
    }
    return open;
  }

  #unpacked(): Open {
    if (this.#open !== undefined) return this.#open;
    const open: Open = { values: new Float64Array(0), sketches: [], readings: new Map() };
    this.#open = open;
    if (this.#packed === undefined) return open;
    readPanes(this.#packed, this.startUs, (slot, pane, changed, readings) => {
      const { count, mean, m2, min, max, firstUs, first, lastUs, last, increase, sketch } = pane;
      const row = [count, mean, m2, min, max, firstUs, first, lastUs, last, increase, changed];
      this.#opened(slot).values.set(row, slot * columns);
      open.sketches[slot] = sketch;
      if (readings !== undefined) open.readings.set(slot, readings);
    });
    this.#packed = undefined;
    return open;
  }
}

function paneAt(values: Float64Array, slot: number, startUs: number, sketch: Sketch | undefined): Pane {
  const at = slot * columns;
  return {
    startUs,
    count: values[at + COUNT]!,
    mean: values[at + MEAN]!,
    m2: values[at + M2]!,
    min: values[at + MIN]!,
    max: values[at + MAX]!,
    firstUs: values[at + FIRST_US]!,
    first: values[at + FIRST]!,
    lastUs: values[at + LAST_US]!,
    last: values[at + LAST]!,
    increase: values[at + INCREASE]!,
    sketch,
  };
}
