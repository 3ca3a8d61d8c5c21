/**
 * The state entry of a chunk of panes: version, which slots have one, when the newest changed; then each pane, as short as
 * it can be said exactly.
 */
import { InvariantError } from '@millrace/runtime/errors.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';
import { CounterReadings } from './counter-readings.ts';
import type { Pane } from './pane.ts';
import { Sketch } from './sketch.ts';

/** Series in a chunk. A pane may have a sketch and a counter's readings of some 8 KB each: an entry stays below 1 MB. */
export const chunkSlots = 64;
const version = 1;

/** What of a pane follows its first reading. */
const SINGLE = 1;
const SKETCH = 2;
const COUNTER = 4;
const READINGS = 8;

interface Head {
  /** Which slots have a pane, 32 each. */
  readonly low: number;
  readonly high: number;
  readonly changed: number;
}

export function writeHead(to: ByteWriter, { low, high, changed }: Head): void {
  to.byte(version);
  to.whole(low >>> 0);
  to.whole(high >>> 0);
  to.whole(changed);
}

/** @param changedAgo by how many flushes before the chunk's newest change. @param readings of a counter, while there may come more. */
export function writePane(to: ByteWriter, pane: Pane, changedAgo: number, readings: CounterReadings | undefined): void {
  const { startUs, count, firstUs, first, increase, sketch } = pane;
  const single = count === 1;
  const counter = !Number.isNaN(increase);
  to.byte(
    (single ? SINGLE : 0) | (sketch ? SKETCH : 0) | (counter ? COUNTER : 0) | (readings === undefined ? 0 : READINGS),
  );
  to.whole(changedAgo);
  to.whole(firstUs - startUs);
  to.decimal(first);
  if (!single) {
    to.whole(count);
    to.decimal(pane.mean);
    to.decimal(pane.m2);
    to.decimal(pane.min);
    to.decimal(pane.max);
    to.whole(pane.lastUs - firstUs);
    to.decimal(pane.last);
    sketch?.write(to);
  }
  if (counter) to.decimal(increase);
  readings?.write(to, startUs);
}

/** @throws {InvariantError} */
export function readHead(from: ByteReader): Head {
  const written = from.byte();
  if (written !== version)
    throw new InvariantError(
      `the state holds panes of version ${written}, this program reads ${version}: run the version that wrote it`,
    );
  return { low: from.whole() | 0, high: from.whole() | 0, changed: from.whole() };
}

/** @throws {InvariantError} */
export function readPanes(
  bytes: Uint8Array,
  startUs: number,
  take: (slot: number, pane: Pane, changed: number, readings: CounterReadings | undefined) => void,
): void {
  const from = new ByteReader(bytes);
  const { low, high, changed } = readHead(from);
  for (let slot = 0; slot < chunkSlots; slot++) {
    if (((slot < 32 ? low : high) & (1 << (slot & 31))) === 0) continue;
    const bits = from.byte();
    const changedAt = changed - from.whole();
    const firstUs = startUs + from.whole();
    const first = from.decimal();
    const single = (bits & SINGLE) !== 0;
    const pane: Pane = {
      startUs,
      count: single ? 1 : from.whole(),
      mean: single ? first : from.decimal(),
      m2: single ? 0 : from.decimal(),
      min: single ? first : from.decimal(),
      max: single ? first : from.decimal(),
      firstUs,
      first,
      lastUs: firstUs + (single ? 0 : from.whole()),
      last: single ? first : from.decimal(),
      increase: Number.NaN,
      sketch: undefined,
    };
    if ((bits & SKETCH) !== 0) {
      if (single) {
        pane.sketch = new Sketch();
        pane.sketch.add(first);
      } else pane.sketch = Sketch.read(from);
    }
    if ((bits & COUNTER) !== 0) pane.increase = from.decimal();
    take(slot, pane, changedAt, (bits & READINGS) === 0 ? undefined : CounterReadings.read(from, startUs));
  }
  if (!from.ended) throw new InvariantError('panes in the state are followed by something else');
}
