/** The source, looked at whole before any target is opened: who made it, that it is whole, how large it becomes. */
import { createHash, createPublicKey, timingSafeEqual, verify as verifySignature } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ConfigError, messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import type { Readable } from '../overlay.ts';
import { decompressed, type Format, formatOf, inChunks } from './decompress.ts';
import { bootPartition, headBytes, type Partition, partitionsOf } from './partitions.ts';

export const chunkBytes = 4 * 1024 * 1024;
export const defaultMaxBytes = 32 * 1024 ** 3;
/** Ed25519 signs a message whole, so it must fit into memory. */
const maxSignedBytes = 2 ** 31 - 1;

export interface SourceOptions {
  /** Hex; else that of `FILE.sha256` when it is there. */
  readonly sha256?: string | undefined;
  /** PEM file of the public key that must have signed `FILE.sig`. */
  readonly signedBy?: string | undefined;
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface VerifiedSource extends Disposable {
  readonly file: string;
  readonly format: Format;
  /** Of the file, and of the image within. */
  readonly sha256: string;
  readonly imageSha256: string;
  readonly sizeBytes: number;
  /** By what the file is known to be the right one; empty: nothing was there to compare with. */
  readonly provenBy: readonly ('checksum' | 'signature')[];
  readonly boot: Partition;
  /** The image's beginning through the end of the boot partition. */
  readonly start: Readable;
  /** Reads and unpacks the file again. @throws {RejectedError} at the end when it is not what was verified. */
  chunks(signal?: AbortSignal): AsyncGenerator<Buffer>;
}

export async function verifySource(file: string, options: SourceOptions = {}): Promise<VerifiedSource> {
  const { size } = statOf(file);
  const expected = expectedSha256(file, options.sha256);
  if (options.signedBy !== undefined) checkSignature(file, size, options.signedBy);
  const format = await formatOf(file);
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const start = new StartOfImage();
  try {
    const [fileHash, imageHash] = [createHash('sha256'), createHash('sha256')];
    let [rawBytes, sizeBytes] = [0, 0];
    const onRaw = (piece: Buffer): void => {
      fileHash.update(piece);
      rawBytes += piece.length;
      options.onProgress?.(rawBytes, size);
    };
    let boot: Partition | undefined;
    for await (const chunk of inChunks(
      limited(decompressed(file, format, onRaw, options.signal), maxBytes, file),
      chunkBytes,
    )) {
      imageHash.update(chunk);
      // The table before the rest: a file that is no image is told at once, and only what is customised is kept.
      boot ??= bootPartition(partitionsOf(chunk.subarray(0, headBytes), Number.MAX_SAFE_INTEGER));
      if (sizeBytes < boot.offset + boot.length) start.keep(chunk, sizeBytes);
      sizeBytes += chunk.length;
    }
    if (boot === undefined) throw new RejectedError(file, 'is empty');
    partitionsOf(start.head(), sizeBytes);
    if (sizeBytes % 512 !== 0) throw new RejectedError(file, `is cut short: ${sizeBytes} bytes are no whole sectors`);
    const sha256 = fileHash.digest('hex');
    if (expected !== undefined && !timingSafeEqual(Buffer.from(sha256), Buffer.from(expected.value)))
      throw new RejectedError(
        file,
        `is not what it should be: its SHA-256 is ${sha256}, by ${expected.from} it must be ${expected.value}; fetch it again`,
      );
    const imageSha256 = imageHash.digest('hex');
    return {
      file,
      format,
      sha256,
      imageSha256,
      sizeBytes,
      boot,
      start,
      provenBy: [
        ...(expected === undefined ? [] : (['checksum'] as const)),
        ...(options.signedBy === undefined ? [] : (['signature'] as const)),
      ],
      async *chunks(signal) {
        const hash = createHash('sha256');
        for await (const chunk of inChunks(
          limited(
            decompressed(file, format, () => {}, signal),
            sizeBytes,
            file,
          ),
          chunkBytes,
        )) {
          hash.update(chunk);
          yield chunk;
        }
        if (hash.digest('hex') !== imageSha256) throw new RejectedError(file, 'changed while it was read');
      },
      [Symbol.dispose]: () => start[Symbol.dispose](),
    };
  } catch (error) {
    start[Symbol.dispose]();
    throw error;
  }
}

function statOf(file: string) {
  try {
    const stat = statSync(file);
    if (stat.isFile()) return stat;
  } catch (error) {
    throw ConfigError.of('image', `cannot be read (${messageOf(error)})`, file);
  }
  throw ConfigError.of('image', 'is not a file', file);
}

function expectedSha256(file: string, given: string | undefined): { value: string; from: string } | undefined {
  const beside = `${file}.sha256`;
  if (given === undefined && !existsSync(beside)) return undefined;
  const from = given === undefined ? basename(beside) : '--sha256';
  // As sha256sum writes it: the sum, then the file's name.
  const value = (given ?? readFileSync(beside, 'utf8').slice(0, 4096)).trim().split(/\s/)[0]!.toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(value)) throw ConfigError.of(from, 'holds no SHA-256 (64 hexadecimal digits)', file);
  return { value, from };
}

function checkSignature(file: string, size: number, signedBy: string): void {
  const signatureFile = `${file}.sig`;
  let key, signature;
  try {
    key = createPublicKey(readFileSync(signedBy));
    signature = readFileSync(signatureFile);
  } catch (error) {
    throw ConfigError.of('--signed-by', `the signature cannot be checked (${messageOf(error)})`, signatureFile);
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw ConfigError.of('--signed-by', 'must be an Ed25519 public key', signedBy);
  if (size > maxSignedBytes)
    throw ConfigError.of('--signed-by', 'files of 2 GiB or more cannot be checked: compress', file);
  if (!verifySignature(null, readFileSync(file), key, signature))
    throw new RejectedError(file, `was not signed by ${signedBy}: do not use it`);
}

/** The limit holds while unpacking: a bomb ends there, not when the disk is full. */
async function* limited(pieces: AsyncIterable<Uint8Array>, maxBytes: number, file: string): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > maxBytes)
      throw new RejectedError(file, `becomes more than ${maxBytes} bytes when unpacked (--max-size)`);
    yield piece;
  }
}

const hole = Buffer.alloc(65_536);

/** Kept in a sparse file that has no name any more, so that it ends with the process. */
class StartOfImage implements Readable, Disposable {
  readonly #fd: number;
  #open = true;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-flash-'));
    this.#fd = openSync(join(folder, 'start'), 'wx+', 0o600);
    rmSync(folder, { recursive: true });
  }

  keep(chunk: Buffer, offset: number): void {
    for (let at = 0; at < chunk.length; at += hole.length) {
      const part = chunk.subarray(at, at + hole.length);
      if (!part.equals(hole)) writeSync(this.#fd, part, 0, part.length, offset + at);
    }
  }

  head(): Buffer {
    const head = Buffer.alloc(headBytes);
    this.readInto(head, 0);
    return head;
  }

  readInto(buffer: Uint8Array, offset: number): void {
    buffer.fill(0);
    for (let at = 0; at < buffer.length; ) {
      const count = readSync(this.#fd, buffer, at, buffer.length - at, offset + at);
      if (count === 0) return;
      at += count;
    }
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }
}
