/** Several files of readings as one: what compaction writes. */
import { setImmediate as breathe } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import { InvariantError } from '@millrace/runtime/errors.ts';
import { type DecodedArray, parquetMetadata, parquetRead } from 'hyparquet';
import { type Column, encodeParquet, type Values } from './parquet/file.ts';
import { columns } from './parquet/readings.ts';

/** Those with a value of their own in nearly every row; of the others a file holds few. */
const numbered: ReadonlySet<string> = new Set(['ts', 'value', 'seq']);

export interface Merged {
  readonly bytes: Buffer;
  readonly rows: number;
}

/**
 * The rows of the files, in their order, each reading once: those that were sent again and not recognised leave here.
 * Columns that a file does not have yet are null.
 * @returns undefined when a file has columns that this release does not know: they would be lost.
 */
export async function mergeReadings(files: readonly Uint8Array[]): Promise<Merged | undefined> {
  const seen = new Map<string, Set<number>>();
  const builders = columns.map(column => (numbered.has(column.name) ? new Numbers() : new Places(column)));
  let rows = 0;
  for (const bytes of files) {
    const read = await readColumns(bytes);
    if ([...read.keys()].some(name => columns.every(column => column.name !== name))) return undefined;
    const keep = freshRows(read, seen);
    for (const [i, { name }] of columns.entries()) {
      await breathe();
      builders[i]!.add(read.get(name), keep);
    }
    rows += keep.length;
  }
  const bytes = await encodeParquet(
    columns,
    rows,
    builders.map(builder => builder.values(rows)),
  );
  return { bytes, rows };
}

async function readColumns(bytes: Uint8Array): Promise<Map<string, DecodedArray>> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const metadata = parquetMetadata(file);
  const parts = new Map<string, DecodedArray[]>(
    metadata.schema.slice(1).map(({ name }): [string, DecodedArray[]] => [name, []]),
  );
  await parquetRead({
    file,
    metadata,
    compressors: { ZSTD: input => zstdDecompressSync(input) },
    // As they stand in the file: a Date has no microseconds.
    parsers: { timestampFromMicroseconds: us => us },
    onChunk: ({ columnName, columnData }) => parts.get(columnName)!.push(columnData),
  });
  return new Map(Array.from(parts, ([name, arrays]) => [name, arrays.length === 1 ? arrays[0]! : joined(arrays)]));
}

const joined = (arrays: readonly DecodedArray[]): DecodedArray =>
  arrays.flatMap(array => Array.from(array as unknown[]));

/** Places of the rows whose reading has not been seen: a zone has some of a gateway's numbers only, so no intervals. */
function freshRows(read: ReadonlyMap<string, DecodedArray>, seen: Map<string, Set<number>>): Uint32Array {
  const [gateway, boot, seq] = ['gateway', 'boot', 'seq'].map(name => read.get(name));
  if (gateway === undefined || boot === undefined || seq === undefined)
    throw new InvariantError('a file of the lake has no gateway, boot and seq');
  const keep = new Uint32Array(gateway.length);
  let count = 0;
  for (let i = 0; i < gateway.length; i++) {
    const key = `${gateway[i]}/${boot[i]}`;
    let numbers = seen.get(key);
    if (numbers === undefined) {
      numbers = new Set();
      seen.set(key, numbers);
    }
    const number = Number(seq[i]);
    if (numbers.has(number)) continue;
    numbers.add(number);
    keep[count++] = i;
  }
  return keep.subarray(0, count);
}

class Numbers {
  readonly #parts: Float64Array[] = [];

  add(column: DecodedArray | undefined, keep: Uint32Array): void {
    if (column === undefined) throw new InvariantError('a file of the lake lacks a column that all have');
    this.#parts.push(Float64Array.from(keep, row => Number(column[row])));
  }

  values(rows: number): Values {
    const numbers = new Float64Array(rows);
    let at = 0;
    for (const part of this.#parts) {
      numbers.set(part, at);
      at += part.length;
    }
    return { numbers };
  }
}

class Places {
  readonly #column: Column;
  readonly #table: (string | number | null)[] = [];
  readonly #placeOf = new Map<unknown, number>();
  readonly #parts: Uint32Array[] = [];

  constructor(column: Column) {
    this.#column = column;
  }

  add(column: DecodedArray | undefined, keep: Uint32Array): void {
    this.#parts.push(Uint32Array.from(keep, row => this.#place(column?.[row] ?? null)));
  }

  values(rows: number): Values {
    const places = new Uint32Array(rows);
    let at = 0;
    for (const part of this.#parts) {
      places.set(part, at);
      at += part.length;
    }
    return { table: this.#table, places };
  }

  #place(value: unknown): number {
    let place = this.#placeOf.get(value);
    if (place === undefined) {
      if (value === null && !this.#column.nullable)
        throw new InvariantError(`${this.#column.name} is null in the lake`);
      place = this.#table.push(typeof value === 'bigint' ? Number(value) : (value as string | number | null)) - 1;
      this.#placeOf.set(value, place);
    }
    return place;
  }
}
