/**
 * Writes Parquet files: flat columns, version 1 pages, zstd. Column by column from arrays of numbers and from
 * dictionaries that the caller has anyway, without looking at a single name twice: see `docs/decisions/0021-lake.md`
 * for what that is worth. Format: Apache Parquet 2.11, `parquet.thrift`.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { constants, zstdCompressSync } from 'node:zlib';
import { Bytes } from './bytes.ts';
import { bitWidthOf, maxDeltaSpan, writeDelta, writeHybrid } from './encodings.ts';
import { binary, encodeThrift, i32, i64, list, struct, type Value } from './thrift.ts';

const types = { int32: 1, int64: 2, timestamp: 2, double: 5, text: 6 } as const;
const encodings = { plain: 0, rle: 3, delta: 5, dictionary: 8 } as const;
const zstd = 6;
/** A row group is encoded without a pause, 0.1 s or less; the same size as DuckDB's. */
const groupRows = 122_880;

/** `timestamp`: microseconds since the Unix epoch, UTC. Numbers are whole and from 0 to 2^53, except `double`. */
export interface Column {
  readonly name: string;
  readonly type: keyof typeof types;
  /** Whether a row may have none. */
  readonly nullable: boolean;
}

/** The values of a column: each row's place in a table that may hold more, or the same twice; or numbers, never null. */
export type Values =
  | { readonly table: readonly (string | number | null)[]; readonly places: Uint32Array | Uint8Array }
  | { readonly numbers: Float64Array };

/** The same rows give the same bytes. Lets other work go on between row groups. */
export async function encodeParquet(
  columns: readonly Column[],
  rows: number,
  values: readonly Values[],
): Promise<Buffer> {
  const file = new Bytes(Math.max(4096, rows * 4));
  file.append(Buffer.from('PAR1'));
  const groups: Value[] = [];
  for (let from = 0; from < rows; from += groupRows) {
    if (from > 0) await breathe();
    groups.push(writeGroup(file, columns, values, from, Math.min(rows, from + groupRows)));
  }
  const footer = encodeThrift(
    struct({
      1: i32(2),
      2: list([struct({ 4: binary('reading'), 5: i32(columns.length) }), ...columns.map(schemaElement)]),
      3: i64(rows),
      4: list(groups),
      6: binary('millrace'),
      // TypeDefinedOrder: without it readers ignore the least and greatest values.
      7: list(columns.map(() => struct({ 1: struct({}) }))),
    }),
  );
  file.append(footer);
  file.uint32(footer.length);
  file.append(Buffer.from('PAR1'));
  return file.view();
}

function schemaElement({ name, type, nullable }: Column): Value {
  const logical = {
    text: struct({ 1: struct({}) }),
    timestamp: struct({ 8: struct({ 1: { bool: true }, 2: struct({ 2: struct({}) }) }) }),
  };
  const converted = { text: i32(0), timestamp: i32(10) };
  const annotated = type === 'text' || type === 'timestamp';
  return struct({
    1: i32(types[type]),
    3: i32(nullable ? 1 : 0),
    4: binary(name),
    6: annotated ? converted[type] : undefined,
    10: annotated ? logical[type] : undefined,
  });
}

function writeGroup(
  file: Bytes,
  columns: readonly Column[],
  values: readonly Values[],
  from: number,
  to: number,
): Value {
  const start = file.length;
  let plainBytes = 0;
  const chunks = columns.map((column, i) => {
    const chunk = writeChunk(file, column, values[i]!, from, to);
    plainBytes += chunk.plainBytes;
    return chunk.description;
  });
  return struct({
    1: list(chunks),
    2: i64(plainBytes),
    3: i64(to - from),
    5: i64(start),
    6: i64(file.length - start),
  });
}

interface Chunk {
  /** Data, before it is compressed. */
  readonly page: Bytes;
  readonly encoding: number;
  readonly dictionary?: { readonly page: Bytes; readonly count: number };
  readonly nulls: number;
  readonly least: string | number;
  readonly greatest: string | number;
}

function writeChunk(
  file: Bytes,
  column: Column,
  values: Values,
  from: number,
  to: number,
): { description: Value; plainBytes: number } {
  const chunk = 'table' in values ? fromTable(column, values, from, to) : fromNumbers(column, values.numbers, from, to);
  const { page, encoding, dictionary, nulls } = chunk;
  const start = file.length;
  let plainBytes = 0;
  const write = (kind: number, content: Bytes, header: Readonly<Record<number, Value>>): void => {
    const compressed = zstdCompressSync(content.view(), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    const head = encodeThrift(struct({ 1: i32(kind), 2: i32(content.length), 3: i32(compressed.length), ...header }));
    file.append(head);
    file.append(compressed);
    plainBytes += head.length + content.length;
  };
  if (dictionary !== undefined)
    write(2, dictionary.page, { 7: struct({ 1: i32(dictionary.count), 2: i32(encodings.plain) }) });
  const dataAt = file.length;
  const levels = i32(encodings.rle);
  write(0, page, { 5: struct({ 1: i32(to - from), 2: i32(encoding), 3: levels, 4: levels }) });
  const all = dictionary === undefined ? [encoding, encodings.rle] : [encodings.plain, encodings.rle, encoding];
  const meta = struct({
    1: i32(types[column.type]),
    2: list(all.map(i32)),
    3: list([binary(column.name)]),
    4: i32(zstd),
    5: i64(to - from),
    6: i64(plainBytes),
    7: i64(file.length - start),
    9: i64(dataAt),
    11: dictionary === undefined ? undefined : i64(start),
    12: statistics(column, chunk, nulls === to - from),
  });
  return { description: struct({ 2: i64(start), 3: meta }), plainBytes };
}

function statistics({ type }: Column, { nulls, least, greatest }: Chunk, isEmpty: boolean): Value {
  if (isEmpty) return struct({ 3: i64(nulls) });
  // Of the two zeros, the outer one, since writers disagree on their order.
  const plain = (value: string | number, zero: number): Buffer => {
    const to = new Bytes(16);
    if (typeof value === 'string') to.append(Buffer.from(value));
    else writePlain(to, type, type === 'double' && value === 0 ? zero : value);
    return to.view();
  };
  return struct({ 3: i64(nulls), 5: binary(plain(greatest, 0)), 6: binary(plain(least, -0)) });
}

function writePlain(to: Bytes, type: Column['type'], value: string | number): void {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    to.uint32(bytes.length);
    to.append(bytes);
  } else if (type === 'double') to.double(value);
  else if (type === 'int32') to.uint32(value);
  else to.int64(value);
}

/** Only what these rows use gets into the dictionary, each value once, in order of appearance. */
function fromTable(
  { type, nullable }: Column,
  { table, places }: Extract<Values, { table: unknown }>,
  from: number,
  to: number,
): Chunk {
  const numbers = new Map<string | number, number>();
  const ofPlace = new Int32Array(table.length).fill(-1);
  const dictionary = new Bytes();
  const indices = new Uint32Array(to - from);
  const levels = new Uint8Array(nullable ? to - from : 0);
  let count = 0;
  for (let row = from; row < to; row++) {
    const place = places[row]!;
    let index = ofPlace[place]!;
    if (index === -2) continue;
    if (index === -1) {
      const value = table[place]!;
      if (value === null) {
        ofPlace[place] = -2;
        continue;
      }
      index = numbers.get(value) ?? -1;
      if (index === -1) {
        index = numbers.size;
        numbers.set(value, index);
        writePlain(dictionary, type, value);
      }
      ofPlace[place] = index;
    }
    if (nullable) levels[row - from] = 1;
    indices[count++] = index;
  }
  const page = new Bytes(4096);
  if (nullable) writeLevels(page, levels);
  const width = bitWidthOf(Math.max(0, numbers.size - 1));
  page.byte(width);
  writeHybrid(page, indices, count, width);
  const [first = 0, ...others] = numbers.keys();
  let [least, greatest] = [first, first];
  for (const value of others) {
    if (isBelow(value, least)) least = value;
    if (isBelow(greatest, value)) greatest = value;
  }
  return {
    page,
    encoding: encodings.dictionary,
    dictionary: { page: dictionary, count: numbers.size },
    nulls: to - from - count,
    least,
    greatest,
  };
}

/** Texts by their bytes, as Parquet orders them; UTF-16 has another order. */
function isBelow(a: string | number, b: string | number): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a < b;
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

function fromNumbers({ type, nullable }: Column, numbers: Float64Array, from: number, to: number): Chunk {
  let least = numbers[from]!;
  let greatest = least;
  for (let row = from; row < to; row++) {
    const value = numbers[row]!;
    if (value < least) least = value;
    else if (value > greatest) greatest = value;
  }
  const page = new Bytes((to - from) * 8 + 64);
  if (nullable) writeLevels(page, new Uint8Array(to - from).fill(1));
  const isDelta = type !== 'double' && greatest - least <= maxDeltaSpan;
  if (isDelta) writeDelta(page, numbers, from, to);
  // A double of this machine's order is what the format wants, on every machine that Node runs on but s390x.
  else if (type === 'double')
    page.append(new Uint8Array(numbers.buffer, numbers.byteOffset + from * 8, (to - from) * 8));
  else for (let row = from; row < to; row++) writePlain(page, type, numbers[row]!);
  return { page, encoding: isDelta ? encodings.delta : encodings.plain, nulls: 0, least, greatest };
}

function writeLevels(page: Bytes, levels: Uint8Array): void {
  const encoded = new Bytes();
  writeHybrid(encoded, levels, levels.length, 1);
  page.uint32(encoded.length);
  page.append(encoded.view());
}
