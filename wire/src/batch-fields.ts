/**
 * The fields of a `ReadingBatch` as they stand in its bytes, read in one pass. What is not a column or a number is given
 * by its place: limits come before memory, and who has seen the same bytes before need not decode them.
 */
import { Reader } from './protobuf.ts';
import { RejectedError } from './rejected.ts';

export interface Place {
  readonly start: number;
  readonly end: number;
}

/** Unchecked but for sizes and counts. */
export interface BatchFields {
  gateway: string;
  boot: number;
  firstSeq: number;
  readonly series: Place[];
  /** Where the first of them begins with its tag. */
  seriesFrom: number;
  readonly seriesIndex: number[];
  /** The first absolute, then differences. */
  readonly timeUs: number[];
  readonly value: number[];
  readonly quality: number[];
  clock: number;
  completeThroughUs: number;
  readonly dropped: Place[];
  site: string;
}

export interface FieldLimit {
  readonly name: string;
  /** How many times it may stand there. */
  readonly times: number;
  /** Of one. */
  readonly bytes: number;
}

type FieldReader = InstanceType<typeof Reader>;

const lengthDelimited = 2;

/**
 * @param limits of the length-delimited fields, by number.
 * @throws {RejectedError} naming the field where it stops to be a `ReadingBatch`.
 */
export function readFields(bytes: Uint8Array, limits: Readonly<Record<number, FieldLimit>>): BatchFields {
  const fields: BatchFields = {
    gateway: '',
    boot: 0,
    firstSeq: 0,
    series: [],
    seriesFrom: 0,
    seriesIndex: [],
    timeUs: [],
    value: [],
    quality: [],
    clock: 0,
    completeThroughUs: 0,
    dropped: [],
    site: '',
  };
  const times = new Uint32Array(16);
  const reader = Reader.create(bytes);
  let name = 'payload';
  try {
    while (reader.pos < reader.len) {
      const from = reader.pos;
      const tag = reader.uint32();
      const number = tag >>> 3;
      const wireType = tag & 7;
      const limit = limits[number];
      name = limit?.name ?? 'payload';
      if (limit !== undefined) {
        if (++times[number]! > limit.times) throw new RejectedError(name, `stands more than ${limit.times} times`);
        if (wireType === lengthDelimited) {
          const at = reader.pos;
          const length = reader.uint32();
          if (length > limit.bytes) throw new RejectedError(name, `${length} bytes, at most ${limit.bytes} are taken`);
          reader.pos = at;
        }
      }
      if (number === 4 && fields.series.length === 0) fields.seriesFrom = from;
      if (!readField(reader, number, wireType, fields)) reader.skipType(wireType);
    }
    return fields;
  } catch (error) {
    if (error instanceof RejectedError) throw error;
    throw new RejectedError(
      name,
      `not a protobuf ReadingBatch (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

/** @returns false for a field that is unknown, or of another type: both are left out, as protobuf has it. */
function readField(reader: FieldReader, number: number, wireType: number, fields: BatchFields): boolean {
  switch (wireType) {
    case lengthDelimited:
      return readDelimited(reader, number, fields);
    case 0:
      return readVarint(reader, number, fields);
    case 1:
      if (number === 2) fields.boot = reader.fixed64() as unknown as number;
      else if (number === 7) fields.value.push(reader.double());
      else return false;
      return true;
    default:
      return false;
  }
}

function readDelimited(reader: FieldReader, number: number, fields: BatchFields): boolean {
  switch (number) {
    case 1:
      fields.gateway = reader.stringVerify();
      return true;
    case 4:
      fields.series.push(readPlace(reader));
      return true;
    case 5:
      reader.uint32s(fields.seriesIndex);
      return true;
    case 6:
      reader.sint64s(fields.timeUs);
      return true;
    case 7:
      reader.doubles(fields.value);
      return true;
    case 8:
      reader.uint32s(fields.quality);
      return true;
    case 11:
      fields.dropped.push(readPlace(reader));
      return true;
    case 12:
      fields.site = reader.stringVerify();
      return true;
    default:
      return false;
  }
}

/** Columns may also come unpacked, a number each. */
function readVarint(reader: FieldReader, number: number, fields: BatchFields): boolean {
  switch (number) {
    case 3:
      fields.firstSeq = reader.uint64() as unknown as number;
      return true;
    case 5:
      fields.seriesIndex.push(reader.uint32());
      return true;
    case 6:
      fields.timeUs.push(reader.sint64() as unknown as number);
      return true;
    case 8:
      fields.quality.push(reader.uint32());
      return true;
    case 9:
      fields.clock = reader.int32();
      return true;
    case 10:
      fields.completeThroughUs = reader.int64() as unknown as number;
      return true;
    default:
      return false;
  }
}

function readPlace(reader: FieldReader): Place {
  const length = reader.uint32();
  const start = reader.pos;
  reader.skip(length);
  return { start, end: start + length };
}
