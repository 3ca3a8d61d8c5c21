/**
 * Writes one image to several cards at once. A card goes through
 *
 *     blank ──► body written ──► body read back ──► head ──► first sectors ──► head read back ──► done
 *
 * and is without a partition table until the last but one: killed, pulled or cancelled at any moment before, it does not
 * boot. A card that fails leaves the others going; the slowest sets the pace.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import type { Overlay } from './overlay.ts';
import { headBytes } from './source/partitions.ts';
import { chunkBytes } from './source/verify.ts';
import type { OpenTarget, Reader } from './target/open.ts';

/** Contains the partition table's first sector also on devices with sectors of 4 KiB. */
const firstBytes = 4096;
/** Between two syncs: what the kernel holds back is not progress, and would all have to go at the end. */
const syncEveryBytes = 32 * 1024 * 1024;

export interface Card {
  readonly target: OpenTarget;
  readonly image: Overlay;
}

export interface Progress {
  readonly path: string;
  readonly phase: 'write' | 'read back';
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type Outcome =
  | { readonly ok: true; readonly path: string; readonly sha256: string; readonly readBack: 'direct' | 'cached' }
  | { readonly ok: false; readonly path: string; readonly reason: string; readonly doneBytes: number };

export interface Source {
  readonly sizeBytes: number;
  chunks(signal?: AbortSignal): AsyncIterable<Buffer>;
}

export async function writeCards(
  source: Source,
  cards: readonly Card[],
  options: { readonly onProgress?: (progress: Progress) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly Outcome[]> {
  const { onProgress = () => {}, signal } = options;
  const writers = cards.map(card => new CardWriter(card, source.sizeBytes, onProgress, signal));
  const each = (step: (writer: CardWriter) => Promise<void>): Promise<unknown> =>
    Promise.all(writers.map(writer => writer.attempt(step)));
  await each(writer => writer.blank());
  try {
    let offset = 0;
    for await (const chunk of source.chunks(signal)) {
      const at = offset;
      await each(writer => writer.body(chunk, at));
      offset += chunk.length;
      if (writers.every(({ failed }) => failed)) break;
    }
    if (offset < source.sizeBytes) await each(() => Promise.reject(new RejectedError('image', 'ended early')));
  } catch (error) {
    const cause = signal?.aborted ? new RejectedError('cancelled', 'the card holds no partition table') : error;
    await each(() => Promise.reject(cause instanceof Error ? cause : new Error(messageOf(cause))));
  }
  await each(writer => writer.readBackAndFinish());
  return writers.map(writer => writer.outcome());
}

class CardWriter {
  readonly #target: OpenTarget;
  readonly #image: Overlay;
  readonly #total: number;
  readonly #report: (progress: Progress) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #hash = createHash('sha256');
  /** Of each chunk as written; the first without the head. */
  readonly #digests: string[] = [];
  #head: Buffer = Buffer.alloc(0);
  #done = 0;
  #unsynced = 0;
  #failure: string | undefined;
  #sha256 = '';
  #isDirect = false;

  constructor(
    { target, image }: Card,
    total: number,
    report: (progress: Progress) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#target = target;
    this.#image = image;
    this.#total = total;
    this.#report = report;
    this.#signal = signal;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  async attempt(step: (writer: CardWriter) => Promise<void>): Promise<void> {
    if (this.failed) return;
    try {
      await step(this);
    } catch (error) {
      this.#failure = this.#signal?.aborted
        ? 'cancelled: the card holds no partition table, flash it again'
        : deviceErrors.has((error as NodeJS.ErrnoException).code ?? '')
          ? `the card was taken out or fails, at byte ${this.#done} (${(error as NodeJS.ErrnoException).code})`
          : messageOf(error);
    }
  }

  /** Whatever the card held, it boots no more; a backup GPT at the end would outlive the table at the beginning. */
  async blank(): Promise<void> {
    const { sizeBytes, kind } = this.#target;
    await this.#target.write(Buffer.alloc(Math.min(headBytes, this.#total)), 0);
    const tail = Math.max(headBytes, sizeBytes - headBytes);
    if (kind === 'device' && tail < sizeBytes) await this.#target.write(Buffer.alloc(sizeBytes - tail), tail);
    await this.#target.sync();
  }

  async body(sourceChunk: Buffer, offset: number): Promise<void> {
    this.#signal?.throwIfAborted();
    const chunk = this.#image.applied(sourceChunk, offset);
    this.#hash.update(chunk);
    let body = chunk;
    if (offset === 0) {
      this.#head = Buffer.from(chunk.subarray(0, headBytes));
      body = chunk.subarray(headBytes);
    }
    this.#digests.push(digestOf(body));
    await this.#target.write(body, offset + chunk.length - body.length);
    this.#unsynced += body.length;
    if (this.#unsynced >= syncEveryBytes) {
      await this.#target.sync();
      this.#unsynced = 0;
    }
    this.#progress('write', offset + chunk.length);
  }

  async readBackAndFinish(): Promise<void> {
    await this.#target.sync();
    this.#sha256 = this.#hash.digest('hex');
    await using reader = await this.#target.openForReading();
    this.#isDirect = reader.isDirect;
    for (const [i, digest] of this.#digests.entries()) {
      this.#signal?.throwIfAborted();
      const start = i === 0 ? this.#head.length : i * chunkBytes;
      const end = Math.min((i + 1) * chunkBytes, this.#total);
      if (end > start && digestOf(await reader.read(end - start, start)) !== digest) throw differs(start, end);
      this.#progress('read back', end);
      await setImmediate(); // Hashing several cards would else keep Ctrl-C waiting.
    }
    this.#signal?.throwIfAborted();
    await this.#finish(reader);
  }

  async #finish(reader: Reader): Promise<void> {
    await this.#target.write(this.#head.subarray(firstBytes), firstBytes);
    await this.#target.sync();
    await this.#target.write(this.#head.subarray(0, firstBytes), 0);
    await this.#target.sync();
    if ((await reader.read(this.#head.length, 0)).equals(this.#head)) return;
    await this.#target.write(Buffer.alloc(this.#head.length), 0);
    await this.#target.sync();
    throw differs(0, this.#head.length);
  }

  #progress(phase: Progress['phase'], doneBytes: number): void {
    this.#done = doneBytes;
    this.#report({ path: this.#target.path, phase, doneBytes, totalBytes: this.#total });
  }

  outcome(): Outcome {
    const { path } = this.#target;
    return this.#failure === undefined
      ? { ok: true, path, sha256: this.#sha256, readBack: this.#isDirect ? 'direct' : 'cached' }
      : { ok: false, path, reason: this.#failure, doneBytes: this.#done };
  }
}

const deviceErrors = new Set(['EIO', 'ENXIO', 'ENODEV', 'ENOMEDIUM', 'EREMOTEIO', 'ETIMEDOUT', 'EBADMSG']);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const differs = (start: number, end: number): RejectedError =>
  new RejectedError('read back', `bytes ${start} to ${end} are not what was written: the card is bad, throw it away`);
