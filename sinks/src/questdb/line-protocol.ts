/**
 * QuestDB's line protocol, version 2 (docs: "ILP overview", "InfluxDB Line Protocol"): text lines, doubles as the
 * marker `=\x10` and eight bytes, little endian. Written into one buffer that is used again and again, without a string
 * a row: 0.8–1.0 µs of CPU a row where the official client takes 9–12.
 */
import { InvariantError, RejectedError } from '@millrace/runtime/errors.ts';

/** 2200-01-01 in µs: beyond it QuestDB stores what no dashboard shows, beyond the year 9999 it answers 500. */
export const maxTimeUs = Date.UTC(2200, 0, 1) * 1000;

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const LETTER_I = 0x69;
const LETTER_T = 0x74;
const ZERO = 0x30;
const MINUS = 0x2d;
const BINARY_DOUBLE = 0x10;
/** Largest number of bytes that any of the number methods below writes. */
const maxNumberBytes = 24;

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/**
 * Lines, and where each ends: rows cannot be found by searching newlines, since a binary double may hold one.
 *
 * empty ─(write …, endLine)*─► n lines ─reset─► empty. `rollback(mark)` takes lines back that turned out bad.
 */
export class LineBuffer {
  #bytes: Buffer;
  #ends: Uint32Array;
  #at = 0;
  #rows = 0;

  constructor(sizeBytes: number, rows: number) {
    this.#bytes = Buffer.allocUnsafeSlow(sizeBytes);
    this.#ends = new Uint32Array(rows);
  }

  get rows(): number {
    return this.#rows;
  }

  get sizeBytes(): number {
    return this.#at;
  }

  /** Lines `from` to `to` (not included), not copied: valid until the next write or reset. */
  lines(from = 0, to = this.#rows): Buffer {
    return this.#bytes.subarray(from === 0 ? 0 : this.#ends[from - 1], to === 0 ? 0 : this.#ends[to - 1]);
  }

  reset(): void {
    this.#at = 0;
    this.#rows = 0;
  }

  /** Takes back every line after the first `rows`, and a line begun. */
  rollback(rows: number): void {
    this.#rows = rows;
    this.#at = rows === 0 ? 0 : this.#ends[rows - 1]!;
  }

  /** Makes room, so that the methods below need not look. Every line reserves what it may need at most. */
  reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  /** Text that is already escaped. @returns where it stands, for `repeat`. */
  text(escaped: string): Span {
    this.reserve(escaped.length * 3 + maxNumberBytes);
    const start = this.#at;
    this.#at += this.#bytes.write(escaped, start);
    return { start, end: this.#at };
  }

  /** The same bytes as an earlier `text` of this buffer. */
  repeat({ start, end }: Span): void {
    this.reserve(end - start + maxNumberBytes);
    this.#bytes.copyWithin(this.#at, start, end);
    this.#at += end - start;
  }

  /** After `name=`. @throws {InvariantError} for what is not finite: QuestDB would store it as NULL in silence. */
  double(value: number): void {
    if (!Number.isFinite(value)) throw new InvariantError(`${value} is not a finite number and must not be written`);
    const bytes = this.#bytes;
    let at = this.#at;
    double[0] = value;
    bytes[at++] = EQUALS;
    bytes[at++] = BINARY_DOUBLE;
    for (let i = 0; i < 8; i++) bytes[at++] = doubleBytes[i]!;
    this.#at = at;
  }

  /** After `name=`; a safe integer, written `123i`. */
  integer(value: number): void {
    this.#digits(value);
    this.#bytes[this.#at++] = LETTER_I;
  }

  /** After `name=`; µs since the Unix epoch. */
  timestamp(us: number): void {
    this.#digits(us);
    this.#bytes[this.#at++] = LETTER_T;
  }

  /** Ends the row with its designated timestamp, µs since the Unix epoch. */
  endLine(us: number): void {
    this.reserve(maxNumberBytes + 2);
    this.#bytes[this.#at++] = SPACE;
    this.timestamp(us);
    this.#bytes[this.#at++] = NEWLINE;
    if (this.#rows === this.#ends.length) {
      const larger = new Uint32Array(this.#ends.length * 2);
      larger.set(this.#ends);
      this.#ends = larger;
    }
    this.#ends[this.#rows++] = this.#at;
  }

  #digits(value: number): void {
    if (!Number.isSafeInteger(value))
      throw new InvariantError(`${value} is not a safe integer and must not be written`);
    const bytes = this.#bytes;
    let rest = value;
    if (rest < 0) {
      bytes[this.#at++] = MINUS;
      rest = -rest;
    }
    // Two halves below 2^31: integer division of small numbers is several times faster than of doubles.
    const high = Math.floor(rest / 1e8);
    let low = rest - high * 1e8;
    if (high > 0) {
      this.#natural(high);
      for (let at = this.#at + 7; at >= this.#at; at--) {
        const tenth = (low / 10) | 0;
        bytes[at] = ZERO + low - tenth * 10;
        low = tenth;
      }
      this.#at += 8;
    } else {
      this.#natural(low);
    }
  }

  /** A natural number below 2^31. */
  #natural(value: number): void {
    let digits = 1;
    for (let limit = 10; digits < 10 && value >= limit; limit *= 10) digits++;
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      const tenth = (rest / 10) | 0;
      this.#bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#at += digits;
  }
}

/** Where bytes stand in a `LineBuffer`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const special = /[ ,=\\\u0000-\u001f\u007f\ud800-\udfff]/;
const escapes = /[ ,=\\]/g;
// A control character in a name would break log lines and CSV; nothing sensible carries one.
const control = /[\u0000-\u001f\u007f]/;

/**
 * `,name=value` with the value escaped; nothing for the empty text, which is NULL.
 * @throws {RejectedError} naming the field, when the value holds a control character or is not valid Unicode.
 */
export function symbol(name: string, value: string): string {
  if (value === '') return '';
  if (!special.test(value)) return `,${name}=${value}`;
  if (control.test(value)) throw new RejectedError(name, 'holds a control character');
  if (!value.isWellFormed()) throw new RejectedError(name, 'is not valid Unicode');
  return `,${name}=${value.replace(escapes, '\\$&')}`;
}

/** @throws {RejectedError} for what is not a whole number of µs between 1970 and 2200. */
export function checkTime(field: string, us: number): void {
  if (!Number.isSafeInteger(us) || us < 0 || us > maxTimeUs)
    throw new RejectedError(field, 'not a time between 1970 and 2200');
}

/** @throws {RejectedError} for what is not finite. */
export function checkFinite(field: string, value: number): void {
  if (!Number.isFinite(value)) throw new RejectedError(field, `${value} is not a finite number`);
}

/** @throws {RejectedError} for what JavaScript cannot count exactly. */
export function checkInteger(field: string, value: number): void {
  if (!Number.isSafeInteger(value)) throw new RejectedError(field, 'must be a whole number within ±2^53');
}

/** @throws {RejectedError} for text that is not valid Unicode: QuestDB answers invalid UTF-8 with 500. */
export function checkText(field: string, text: string): void {
  if (!text.isWellFormed()) throw new RejectedError(field, 'is not valid Unicode');
}
