import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Below this many bytes the way to the thread pool and back costs more than compressing here. */
const SYNC_BELOW_BYTES = 4096;

export async function compressZstd(bytes: Buffer): Promise<Buffer> {
  return bytes.length < SYNC_BELOW_BYTES ? zstdCompressSync(bytes) : compress(bytes);
}

/**
 * Gives kafkajs the zstd codec it names but does not have (KIP-110). kafkajs keeps codecs in one table for the whole
 * process, so this sets it for the whole process, the same each time.
 */
export function registerZstd(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => compressZstd(buffer),
    decompress: async (buffer: Buffer) => decompress(buffer),
  });
}
