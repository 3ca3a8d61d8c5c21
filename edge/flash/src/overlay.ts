/** An image with sectors changed: the source is never copied, each card differs from it by a few sectors. */

export const sectorBytes = 512;

export interface Readable {
  /** Fills the buffer from the offset on; zeros beyond the end. */
  readInto(buffer: Uint8Array, offset: number): void;
}

export class Overlay implements Readable {
  readonly #base: Readable;
  readonly #sectors = new Map<number, Uint8Array>();

  constructor(base: Readable) {
    this.#base = base;
  }

  get changedBytes(): number {
    return this.#sectors.size * sectorBytes;
  }

  readInto(buffer: Uint8Array, offset: number): void {
    this.#base.readInto(buffer, offset);
    this.#patch(buffer, offset);
  }

  /** Whole sectors. */
  write(bytes: Uint8Array, offset: number): void {
    for (let at = 0; at < bytes.length; at += sectorBytes)
      this.#sectors.set((offset + at) / sectorBytes, bytes.slice(at, at + sectorBytes));
  }

  /** The chunk of the source as it stands on this card: the chunk itself where nothing differs, else a copy. */
  applied(chunk: Buffer, offset: number): Buffer {
    const below = this.#base instanceof Overlay ? this.#base.applied(chunk, offset) : chunk;
    if (!this.#touches(chunk.length, offset)) return below;
    const copy = below === chunk ? Buffer.from(chunk) : below;
    this.#patch(copy, offset);
    return copy;
  }

  #touches(length: number, offset: number): boolean {
    for (let sector = offset / sectorBytes; sector < (offset + length) / sectorBytes; sector++)
      if (this.#sectors.has(sector)) return true;
    return false;
  }

  #patch(buffer: Uint8Array, offset: number): void {
    for (let at = 0; at < buffer.length; at += sectorBytes) {
      const sector = this.#sectors.get((offset + at) / sectorBytes);
      if (sector !== undefined) buffer.set(sector.subarray(0, buffer.length - at), at);
    }
  }
}
