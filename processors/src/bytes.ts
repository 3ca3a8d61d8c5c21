/** Compact binary for state entries: whole numbers as LEB128, doubles exact, and short where they are short decimals. */
import { InvariantError } from '@millrace/runtime/errors.ts';

const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { fatal: true });

/** Most readings have at most three decimals: as a whole number of thousandths they take two to four bytes, not eight. */
const decimals = 1000;
const maxThousandths = 2 ** 40;

export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Forgets what was written and keeps the memory. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** Of 0 … 2^53 − 1. */
  whole(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      // Beyond 31 bits the bit operators wrap around.
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = rest > 0x7fffffff ? Math.floor(rest / 0x80) : rest >>> 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Of −2^52 … 2^52, near zero the shorter. */
  signed(value: number): void {
    this.whole(value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A double of which many are short decimals; exact for all. */
  decimal(value: number): void {
    // Zero is added so that −0 is not taken for 0.
    const thousandths = Math.round(value * decimals) + 0;
    if (Math.abs(thousandths) < maxThousandths && Object.is(thousandths / decimals, value)) {
      this.signed(thousandths < 0 ? thousandths : thousandths + 1);
      return;
    }
    this.byte(0);
    this.double(value);
  }

  string(value: string): void {
    const bytes = utf8.encode(value);
    this.whole(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A copy of what was written, of just its size. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** @throws {InvariantError} from every method, at the end of the bytes or at what cannot have been written. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw unreadable('it ends too early');
    return value;
  }

  whole(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw unreadable('a number is too long');
  }

  signed(): number {
    const value = this.whole();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw unreadable('it ends too early');
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  decimal(): number {
    const thousandths = this.signed();
    if (thousandths === 0) return this.double();
    return (thousandths < 0 ? thousandths : thousandths - 1) / decimals;
  }

  string(): string {
    const length = this.whole();
    if (this.#at + length > this.#bytes.length) throw unreadable('it ends too early');
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    try {
      return text.decode(bytes);
    } catch {
      throw unreadable('a text is not UTF-8');
    }
  }
}

const unreadable = (why: string): InvariantError =>
  new InvariantError(`a record of the processors' state is not readable: ${why}`);
