/**
 * A sealed batch as it lies in the file: compressed, since every batch carries its dictionary of series again. What is
 * published are the sealed bytes, so the form in the file is nobody else's business.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { maxBatchBytes } from '@millrace/wire/batch.ts';

/** A few readings gain nothing. */
const smallestBytes = 200;
/** RFC 8878 § 3.1.1; a batch begins with its gateway's field, 0x0a, so the two cannot be taken for each other. */
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

export function pack(sealed: Uint8Array): Uint8Array {
  if (sealed.length < smallestBytes) return sealed;
  const packed = zstdCompressSync(sealed);
  return packed.length < sealed.length ? packed : sealed;
}

/** Throws when the bytes are damaged. */
export function unpack(stored: Uint8Array): Uint8Array {
  const isPacked = zstdMagic.equals(stored.subarray(0, zstdMagic.length));
  return isPacked ? zstdDecompressSync(stored, { maxOutputLength: 2 * maxBatchBytes }) : stored;
}
