/**
 * Sparkplug B payloads (Sparkplug 3.0.0 § 6.4, protobuf): the fields that readings need, read by protobufjs's reader.
 * The published package for it, sparkplug-payload 1.0.3, brings protobufjs 6.
 */
import { RejectedError } from '@millrace/runtime/errors.ts';
import protobuf, { Reader } from '@millrace/wire/protobuf.ts';

export interface Metric {
  readonly name?: string;
  readonly alias?: number;
  /** ms since the Unix epoch. */
  readonly timestamp?: number;
  readonly datatype?: number;
  readonly isNull?: boolean;
  /** 32-bit integers unsigned and 64-bit ones signed: the datatype gives the sign, and a DATA metric need not carry it. */
  readonly value?: number | boolean | string;
  readonly properties: ReadonlyMap<string, number | string>;
}

export interface Payload {
  readonly timestamp?: number;
  readonly seq?: number;
  readonly metrics: readonly Metric[];
}

type Fields = { -readonly [K in keyof Metric]?: Metric[K] };

/** @throws {RejectedError} */
export function decodePayload(bytes: Uint8Array): Payload {
  try {
    const reader = Reader.create(bytes);
    const payload: { timestamp?: number; seq?: number; metrics: Metric[] } = { metrics: [] };
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag >>> 3 === 1) payload.timestamp = Number(reader.uint64());
      else if (tag >>> 3 === 2) payload.metrics.push(metric(reader, reader.uint32()));
      else if (tag >>> 3 === 3) payload.seq = Number(reader.uint64());
      else reader.skipType(tag & 7);
    }
    return payload;
  } catch (error) {
    throw new RejectedError(
      'payload',
      `is no Sparkplug B payload (${error instanceof Error ? error.message : 'broken'})`,
    );
  }
}

function metric(reader: protobuf.Reader, length: number): Metric {
  const end = reader.pos + length;
  const one: Fields & { properties: ReadonlyMap<string, number | string> } = { properties: new Map() };
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    if (field === 1) one.name = reader.string();
    else if (field === 2) one.alias = Number(reader.uint64());
    else if (field === 3) one.timestamp = Number(reader.uint64());
    else if (field === 4) one.datatype = reader.uint32();
    else if (field === 7) one.isNull = reader.bool();
    else if (field === 9) one.properties = propertySet(reader, reader.uint32());
    else if (field >= 10 && field <= 15) one.value = scalar(reader, field - 10);
    else reader.skipType(tag & 7);
  }
  return one;
}

/** The value oneof's fields stand in the same order in metrics and properties. */
function scalar(reader: protobuf.Reader, kind: number): number | boolean | string {
  if (kind === 0) return reader.uint32();
  // Signed: as an unsigned double, −1 and 2^64 would be one number.
  if (kind === 1) return Number(reader.int64());
  if (kind === 2) return reader.float();
  if (kind === 3) return reader.double();
  return kind === 4 ? reader.bool() : reader.string();
}

function propertySet(reader: protobuf.Reader, length: number): Map<string, number | string> {
  const end = reader.pos + length;
  const keys: string[] = [];
  const values: (number | string | undefined)[] = [];
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) keys.push(reader.string());
    else if (tag >>> 3 === 2) values.push(propertyValue(reader, reader.uint32()));
    else reader.skipType(tag & 7);
  }
  return new Map(keys.flatMap((key, i) => (values[i] === undefined ? [] : [[key, values[i]]])));
}

function propertyValue(reader: protobuf.Reader, length: number): number | string | undefined {
  const end = reader.pos + length;
  let value: number | string | undefined;
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    if (field < 3 || field > 8) reader.skipType(tag & 7);
    else {
      const found = scalar(reader, field - 3);
      value = typeof found === 'boolean' ? Number(found) : found;
    }
  }
  return value;
}

const bitsOf: Readonly<Record<number, number>> = { 1: 8, 2: 16, 3: 32 };

/** The number that a value of this datatype stands for; undefined for texts, times, datasets and templates. */
export function numberOfMetric(value: Metric['value'], datatype: number): number | undefined {
  if (typeof value === 'boolean') return datatype === 11 ? Number(value) : undefined;
  if (typeof value !== 'number' || datatype < 1 || datatype > 10) return undefined;
  const bits = bitsOf[datatype];
  // Negative numbers are two's complement of the datatype's width, or of the field's (§ 6.4.16).
  if (bits !== undefined && value >= 2 ** 31) return value - 2 ** 32;
  if (bits !== undefined && value >= 2 ** (bits - 1) && value < 2 ** bits) return value - 2 ** bits;
  return datatype === 8 && value < 0 ? value + 2 ** 64 : value;
}

/** The command that asks an edge node for its births again (§ 6.4.20, «Node Control/Rebirth»). */
export function rebirthCommand(nowMs: number): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(8).uint64(nowMs);
  writer.uint32(18).fork();
  writer
    .uint32(10)
    .string('Node Control/Rebirth')
    .uint32(24)
    .uint64(nowMs)
    .uint32(32)
    .uint32(11)
    .uint32(112)
    .bool(true);
  return writer.ldelim().finish();
}
