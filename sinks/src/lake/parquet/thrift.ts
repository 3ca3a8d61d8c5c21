/** Thrift's compact protocol, as far as Parquet's headers and footer need it. */
import { Bytes } from './bytes.ts';

/** A struct: fields by their number, ascending; what is undefined is left out. */
export type Struct = ReadonlyMap<number, Value | undefined>;
export type Value =
  | { readonly i32: number }
  | { readonly i64: number }
  | { readonly bool: boolean }
  | { readonly binary: Uint8Array | string }
  | { readonly struct: Struct }
  | { readonly list: readonly Value[] };

export const i32 = (value: number): Value => ({ i32: value });
export const i64 = (value: number): Value => ({ i64: value });
export const binary = (value: Uint8Array | string): Value => ({ binary: value });
export const list = (values: readonly Value[]): Value => ({ list: values });
export const struct = (fields: Readonly<Record<number, Value | undefined>>): Value => ({
  struct: new Map(Object.entries(fields).map(([id, value]) => [Number(id), value])),
});

export function encodeThrift(value: Value): Buffer {
  const to = new Bytes();
  write(to, value);
  return to.view();
}

function typeOf(value: Value): number {
  if ('bool' in value) return value.bool ? 1 : 2;
  if ('i32' in value) return 5;
  if ('i64' in value) return 6;
  if ('binary' in value) return 8;
  return 'list' in value ? 9 : 12;
}

function write(to: Bytes, value: Value): void {
  if ('i32' in value) to.zigzag(value.i32);
  else if ('i64' in value) to.zigzag(value.i64);
  else if ('binary' in value) {
    const bytes = typeof value.binary === 'string' ? Buffer.from(value.binary) : value.binary;
    to.varint(bytes.length);
    to.append(bytes);
  } else if ('list' in value) {
    const [first] = value.list;
    const type = first === undefined ? 12 : typeOf(first);
    if (value.list.length < 15) to.byte((value.list.length << 4) | type);
    else {
      to.byte(0xf0 | type);
      to.varint(value.list.length);
    }
    for (const one of value.list) write(to, one);
  } else if ('struct' in value) {
    let before = 0;
    for (const [id, field] of value.struct) {
      if (field === undefined) continue;
      // All ids of Parquet are less than 16 apart. A boolean is its type alone.
      to.byte(((id - before) << 4) | typeOf(field));
      write(to, field);
      before = id;
    }
    to.byte(0);
  }
}
