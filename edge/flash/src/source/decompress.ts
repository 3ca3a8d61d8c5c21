/** An image file as the bytes of the card: plain, gzip, Zstandard or xz, told by its first bytes. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import xz from 'xz-decompress';

export type Format = 'img' | 'gz' | 'zst' | 'xz';

const magic: readonly (readonly [Format, string])[] = [
  ['gz', '1f8b'],
  ['zst', '28b52ffd'],
  ['xz', 'fd377a585a00'],
];
/** What a technician may hold in hand, and this cannot read. */
const others: readonly (readonly [string, string])[] = [
  ['a zip archive', '504b0304'],
  ['bzip2', '425a68'],
  ['7-Zip', '377abcaf271c'],
];

export async function formatOf(file: string): Promise<Format> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0);
  const start = buffer.toString('hex', 0, bytesRead);
  const other = others.find(([, bytes]) => start.startsWith(bytes));
  if (other)
    throw new RejectedError(file, `is ${other[0]}: unpack it first; .img, .img.gz, .img.xz and .img.zst are read`);
  return magic.find(([, bytes]) => start.startsWith(bytes))?.[0] ?? 'img';
}

/**
 * The image in pieces of any size.
 * @param onRaw meets each piece of the file as it is read.
 * @throws {RejectedError} when the file is damaged or cut short.
 */
export async function* decompressed(
  file: string,
  format: Format,
  onRaw: (piece: Buffer) => void,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const options = { highWaterMark: 1024 * 1024, ...(signal ? { signal } : {}) };
  const raw = createReadStream(file, options).on('data', piece => onRaw(piece as Buffer));
  try {
    if (format === 'img') yield* raw as AsyncIterable<Buffer>;
    else if (format === 'xz')
      yield* new xz.XzReadableStream(
        Readable.toWeb(raw) as ReadableStream<Uint8Array>,
      ) as unknown as AsyncIterable<Uint8Array>;
    else {
      const unpack =
        format === 'gz' ? createGunzip({ chunkSize: 1024 * 1024 }) : createZstdDecompress({ chunkSize: 1024 * 1024 });
      // Its failure is met below, by who reads.
      pipeline(raw, unpack).catch(() => {});
      yield* unpack as AsyncIterable<Buffer>;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new RejectedError(file, `is damaged or cut short (${messageOf(error)}): fetch it again`);
  } finally {
    raw.destroy();
  }
}

/** Cuts a stream into pieces of exactly `size`, the last one shorter, each in memory of its own. */
export async function* inChunks(pieces: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let chunk = Buffer.alloc(size);
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const count = Math.min(size - filled, piece.length - at);
      chunk.set(piece.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < size) continue;
      yield chunk;
      chunk = Buffer.alloc(size);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
