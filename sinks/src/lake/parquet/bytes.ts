/** Bytes that grow as they are written. */
export class Bytes {
  #buffer: Buffer;
  length = 0;

  constructor(capacity = 1024) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Valid until the next write. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  byte(value: number): void {
    this.#ensure(1);
    this.#buffer[this.length++] = value;
  }

  append(bytes: Uint8Array): void {
    this.#ensure(bytes.length);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  uint32(value: number): void {
    this.#ensure(4);
    this.length = this.#buffer.writeUInt32LE(value, this.length);
  }

  double(value: number): void {
    this.#ensure(8);
    this.length = this.#buffer.writeDoubleLE(value, this.length);
  }

  /** From 0 to 2^53, as a signed 64-bit integer. */
  int64(value: number): void {
    this.uint32(value % 4_294_967_296);
    this.uint32(Math.floor(value / 4_294_967_296));
  }

  /** ULEB128 of a whole number from 0 to 2^53, or an even one up to 2^54. */
  varint(value: number): void {
    this.#ensure(10);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.length++] = rest;
  }

  /** From −2^52 to 2^53. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /**
   * The lowest `width` bits of each value, least significant first, as Parquet packs them. A last byte is filled with 0.
   * @param count a multiple of 8, or the last values of a run.
   */
  packed(values: ArrayLike<number>, from: number, count: number, width: number): void {
    this.#ensure(((count * width) >>> 3) + 8);
    const buffer = this.#buffer;
    let at = this.length;
    let pending = 0;
    let bits = 0;
    for (let i = from; i < from + count; i++) {
      let rest = values[i]!;
      // At most 24 at a time: with the 7 that wait they stay below 32.
      for (let left = width; left > 0; left -= 24) {
        const part = Math.min(left, 24);
        const low = width <= 24 ? rest : rest % 16_777_216;
        pending |= low << bits;
        bits += part;
        while (bits >= 8) {
          buffer[at++] = pending & 255;
          pending >>>= 8;
          bits -= 8;
        }
        if (left > 24) rest = Math.floor(rest / 16_777_216);
      }
    }
    if (bits > 0) buffer[at++] = pending & 255;
    this.length = at;
  }

  #ensure(more: number): void {
    if (this.length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + more));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}
