/** Rows as bytes: CSV (RFC 4180), NDJSON, Parquet. Times are UTC, to the microsecond. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';

export interface Column {
  readonly name: string;
  /** `time`: Unix µs. */
  readonly type: 'time' | 'text' | 'double' | 'integer';
}

type Row = Readonly<Record<string, unknown>>;
type Pieces = AsyncIterable<readonly Row[]>;

export interface Encoder {
  readonly type: string;
  readonly encode: (columns: readonly Column[], pieces: Pieces) => AsyncGenerator<Uint8Array>;
}

const utf8 = new TextEncoder();

export const encoders: Readonly<Record<'csv' | 'ndjson' | 'parquet', Encoder>> = {
  csv: { type: 'text/csv; charset=utf-8', encode: csv },
  ndjson: { type: 'application/x-ndjson', encode: ndjson },
  parquet: { type: 'application/vnd.apache.parquet', encode: parquet },
};

async function* csv(columns: readonly Column[], pieces: Pieces): AsyncGenerator<Uint8Array> {
  yield utf8.encode(`${columns.map(({ name }) => name).join(',')}\r\n`);
  for await (const rows of pieces) {
    const lines = rows.map(row => columns.map(column => field(textOf(column, row[column.name]))).join(','));
    yield utf8.encode(`${lines.join('\r\n')}\r\n`);
  }
}

/** A spreadsheet takes text that begins like a formula for one: an apostrophe before it keeps it text (OWASP, CSV injection). */
function field(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

async function* ndjson(columns: readonly Column[], pieces: Pieces): AsyncGenerator<Uint8Array> {
  for await (const rows of pieces) {
    const lines = rows.map(row =>
      JSON.stringify(Object.fromEntries(columns.map(column => [column.name, jsonOf(column, row[column.name])]))),
    );
    yield utf8.encode(`${lines.join('\n')}\n`);
  }
}

/** ISO 8601 with microseconds, which `Date` has not. */
function timeOf(value: unknown): string {
  const us = value as number;
  const ms = Math.floor(us / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1000).padStart(3, '0')}Z`;
}

function textOf({ type }: Column, value: unknown): string {
  if (value === null || value === undefined) return '';
  return type === 'time' ? timeOf(value) : String(value as string | number);
}

function jsonOf({ type }: Column, value: unknown): unknown {
  return type === 'time' && value !== null && value !== undefined ? timeOf(value) : (value ?? null);
}

/** Rows a group: what a reader can skip, and what is held here. */
const groupRows = 50_000;

async function* parquet(columns: readonly Column[], pieces: Pieces): AsyncGenerator<Uint8Array> {
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    writer,
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.map(column => ({
        name: column.name,
        repetition_type: 'OPTIONAL' as const,
        ...parquetTypes[column.type],
      })),
    ],
  });
  let waiting: Row[] = [];
  const writeGroup = async (): Promise<void> => {
    await file.write({
      columnData: columns.map(column => ({
        name: column.name,
        data: waiting.map(row => parquetValue(column, row[column.name])),
      })),
      rowGroupSize: waiting.length,
    });
    waiting = [];
  };
  for await (const rows of pieces) {
    waiting.push(...rows);
    if (waiting.length < groupRows) continue;
    await writeGroup();
    yield taken(writer);
  }
  if (waiting.length > 0) await writeGroup();
  await file.finish();
  yield taken(writer);
}

/** What the file has grown by; its writer goes on counting from where it was. */
function taken(writer: ByteWriter): Uint8Array {
  const bytes = writer.getBytes().slice();
  writer.index = 0;
  return bytes;
}

const parquetTypes = {
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  double: { type: 'DOUBLE' },
  integer: { type: 'INT64' },
} as const;

function parquetValue({ type }: Column, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  return type === 'time' || type === 'integer' ? BigInt(value as number) : value;
}
