/** A target held open: exclusively where it is a device, so that nobody can mount it meanwhile. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import { checkTarget, type Target, type TargetOptions } from './check.ts';
import { blockDevice, deviceNumber, thisSystem } from './system.ts';

export interface OpenTarget extends AsyncDisposable {
  readonly path: string;
  readonly kind: Target['kind'];
  /** Of the device; of a file: the image's. */
  readonly sizeBytes: number;
  readonly card: CardIdentity;
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** All that was written is on the medium. */
  sync(): Promise<void>;
  openForReading(): Promise<Reader>;
}

export interface CardIdentity {
  readonly sizeBytes: number;
  readonly model: string;
  readonly serial: string;
}

export interface Reader extends AsyncDisposable {
  /** False: the file system knows no O_DIRECT, and what is read may come from memory. */
  readonly isDirect: boolean;
  /** Valid until the next read. */
  read(length: number, offset: number): Promise<Buffer>;
}

const { O_RDWR, O_EXCL, O_CREAT, O_RDONLY, O_DIRECT } = constants;
/** @types/node leaves it to the DOM's types, which are not for here. */
declare const WebAssembly: { readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer } };

const sector = 512;
const readBytes = 4 * 1024 * 1024;

/** Looks once more at what `checkTarget` has seen, as a card can be changed between the two. */
export async function openTarget(path: string, imageBytes: number, options: TargetOptions): Promise<OpenTarget> {
  const target = checkTarget(path, { ...options, imageBytes });
  const handle = await openExclusively(target);
  try {
    if (target.kind === 'file') await handle.truncate(imageBytes);
    else {
      const system = options.system ?? thisSystem;
      const now = blockDevice(system, target.device.name);
      if (deviceNumber(`/proc/self/fd/${handle.fd}`) !== now.number || now.sizeBytes !== target.device.sizeBytes)
        throw new RejectedError(path, 'was exchanged just now: start again');
    }
    return new HeldTarget(target, handle, imageBytes);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openExclusively(target: Target): Promise<FileHandle> {
  try {
    if (target.kind === 'device') return await open(target.path, O_RDWR | O_EXCL);
    return await open(target.path, target.exists ? O_RDWR : O_RDWR | O_CREAT | O_EXCL, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      throw new RejectedError(target.path, 'may not be written by this user: use sudo');
    if (code === 'EBUSY') throw new RejectedError(target.path, 'is in use by another program');
    throw new RejectedError(target.path, `cannot be opened (${messageOf(error)})`);
  }
}

class HeldTarget implements OpenTarget {
  readonly path: string;
  readonly kind: Target['kind'];
  readonly sizeBytes: number;
  readonly card: CardIdentity;
  readonly #handle: FileHandle;

  constructor(target: Target, handle: FileHandle, imageBytes: number) {
    this.path = target.path;
    this.kind = target.kind;
    this.#handle = handle;
    const { sizeBytes, model, serial } =
      target.kind === 'device' ? target.device : { sizeBytes: imageBytes, model: 'image file', serial: '' };
    this.sizeBytes = sizeBytes;
    this.card = { sizeBytes, model, serial };
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, offset + at);
      if (bytesWritten === 0)
        throw new RejectedError(this.path, `ends at byte ${offset + at}, before its declared size`);
      at += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  /**
   * Past the page cache by O_DIRECT, which Linux takes only into aligned memory: WebAssembly's is, a Buffer's is not.
   * Through the open descriptor, so that it is this medium and no other which is read.
   */
  async openForReading(): Promise<Reader> {
    const path = `/proc/self/fd/${this.#handle.fd}`;
    const memory = Buffer.from(new WebAssembly.Memory({ initial: readBytes / 65_536 }).buffer);
    let handle: FileHandle;
    let isDirect = true;
    try {
      handle = await open(path, O_RDONLY | O_DIRECT);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      isDirect = false;
      handle = await open(path, O_RDONLY);
    }
    return {
      isDirect,
      read: async (length, offset) => {
        for (let at = 0; at < length; ) {
          const { bytesRead } = await handle.read(memory, at, length - at, offset + at);
          if (bytesRead === 0) throw new RejectedError(this.path, `ends at byte ${offset + at}`);
          at += bytesRead;
          if (at < length && at % sector !== 0)
            throw new RejectedError(this.path, `was read in part at byte ${offset + at}`);
        }
        return memory.subarray(0, length);
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
