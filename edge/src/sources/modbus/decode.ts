/** What the registers of an answer say: words in either order to a number, and never a number that is not there. */

export const registerTypes = [
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'bool',
] as const;
export type RegisterType = (typeof registerTypes)[number];

export interface Encoding {
  readonly type: RegisterType;
  readonly wordOrder: 'big' | 'little';
  readonly byteOrder: 'big' | 'little';
  /** Of the register, for bool; absent: any bit set is true. */
  readonly bit?: number | undefined;
}

/** Registers of 16 bits, or coils, that a value takes. */
export function wordsOf(type: RegisterType): 1 | 2 | 4 {
  if (type.endsWith('64')) return 4;
  return type.endsWith('32') ? 2 : 1;
}

/**
 * The raw value at the start of `bytes`, as they came over the wire, or a sentence that says why it is none.
 * A 64-bit number beyond 2^53 is refused: it would be rounded, and a counter that is rounded stands still.
 */
export function decodeRaw(bytes: Buffer, { type, wordOrder, byteOrder, bit }: Encoding): number | string {
  const ordered = inOrder(bytes.subarray(0, 2 * wordsOf(type)), wordOrder, byteOrder);
  switch (type) {
    case 'int16':
      return ordered.readInt16BE();
    case 'uint16':
      return ordered.readUInt16BE();
    case 'int32':
      return ordered.readInt32BE();
    case 'uint32':
      return ordered.readUInt32BE();
    case 'int64':
      return exact(ordered.readBigInt64BE());
    case 'uint64':
      return exact(ordered.readBigUInt64BE());
    case 'float32':
      return finite(ordered.readFloatBE());
    case 'float64':
      return finite(ordered.readDoubleBE());
    case 'bool': {
      const word = ordered.readUInt16BE();
      return bit === undefined ? Number(word !== 0) : (word >> bit) & 1;
    }
  }
}

/** raw · scale + offset. A scale of 0.1 divides by 10, so that 3 becomes 0.3 and not 0.30000000000000004. */
export function scaled(raw: number, { scale, offset }: { scale: number; offset: number }): number {
  const divisor = 1 / scale;
  return (Number.isInteger(divisor) ? raw / divisor : raw * scale) + offset;
}

/** A copy with the highest byte first. */
function inOrder(bytes: Buffer, wordOrder: 'big' | 'little', byteOrder: 'big' | 'little'): Buffer {
  const ordered = Buffer.from(bytes);
  // Little words of little bytes are all bytes backwards: reversed, and each word's bytes swapped back where they were big.
  if (wordOrder === 'little') ordered.reverse();
  return wordOrder === byteOrder ? ordered : ordered.swap16();
}

function exact(raw: bigint): number | string {
  const value = Number(raw);
  return Number.isSafeInteger(value) ? value : `${raw} is beyond 2^53 and would be rounded`;
}

function finite(raw: number): number | string {
  return Number.isFinite(raw) ? raw : `${raw} is no number`;
}
