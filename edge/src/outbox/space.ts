/** Room on the outbox's file system: a floor that is left to others, and a reserve for forgetting what was sent on a full disk. */
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Forgetting a hundred batches writes at most as many pages to the WAL: 400 KiB. */
const reserveBytes = 1024 * 1024;

const reserveOf = (path: string): string => `${path}.reserve`;

/** A full disk stays full for those who only want to read: gives back the reserve of the outbox at this path. False: there is none. */
export function giveUpReserve(path: string): boolean {
  if (!existsSync(reserveOf(path))) return false;
  rmSync(reserveOf(path));
  return true;
}

/** States: **wide** ⇄ **tight** (free space below the floor, or no reserve: the file should not grow). */
export class Space {
  readonly #path: string;
  readonly #minFreeBytes: number;

  constructor(path: string, minFreeBytes: number) {
    this.#path = path;
    this.#minFreeBytes = minFreeBytes;
  }

  /** Looks at the disk, and makes the reserve where there is room for one: two system calls, beside an fsync a commit. */
  get tight(): boolean {
    const { bavail, bsize } = statfsSync(dirname(this.#path));
    const freeBytes = bavail * bsize;
    if (freeBytes < this.#minFreeBytes) return true;
    return !(
      existsSync(reserveOf(this.#path)) ||
      (freeBytes >= this.#minFreeBytes + reserveBytes && this.#makeReserve())
    );
  }

  /** True: a little room was made, for a delete and not for readings. */
  giveUpReserve(): boolean {
    return giveUpReserve(this.#path);
  }

  #makeReserve(): boolean {
    try {
      // Written, not only sized: a sparse file holds no blocks.
      const file = openSync(reserveOf(this.#path), 'w', 0o640);
      try {
        writeSync(file, Buffer.alloc(reserveBytes));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      return true;
    } catch {
      // Somebody was faster: there is no reserve, which is a state like another.
      rmSync(reserveOf(this.#path), { force: true });
      return false;
    }
  }
}
