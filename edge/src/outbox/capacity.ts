/** How much the outbox may take, and what is still written when the disk takes nothing. */
import type { Level } from './inventory.ts';
import { giveUpReserve, Space } from './space.ts';
import { openStore, SqliteCode, type Store, sqliteCode } from './store.ts';

export interface CapacityOptions {
  readonly path: string;
  readonly maxBytes: number;
  readonly minFreeBytes: number;
}

/** Batches forgotten on a full disk in one transaction: few enough for the reserve. */
const maxForgotten = 100;
/** Rows and pages take about a fifth more than the sealed bytes. */
const usableShare = 0.8;

export class Capacity {
  readonly #store: Store;
  readonly #space: Space;
  readonly #maxBytes: number;

  constructor(store: Store, { path, maxBytes, minFreeBytes }: CapacityOptions) {
    this.#store = store;
    this.#space = new Space(path, minFreeBytes);
    this.#maxBytes = maxBytes;
  }

  /** Bytes beyond what may be held, if so many more were; `forgottenBytes`: those that go in the same transaction. */
  excessOf(bytes: number, level: Level, forgottenBytes: number): number {
    const { tight } = this.#space; // Looked at in any case: that makes the reserve.
    if (level.batches === 0) return 0;
    const held = level.bytes + bytes;
    if (!tight) return held - this.#maxBytes;
    const inFile = level.bytes + forgottenBytes + Math.floor(this.#store.reusableBytes() * usableShare);
    return held - Math.min(this.#maxBytes, inFile);
  }

  /** For messages: `full (900 of 1000 bytes)`. */
  fullAt(level: Level): string {
    return `full (${level.bytes} of ${this.#maxBytes} bytes${this.#space.tight ? ', and the disk is nearly full' : ''})`;
  }

  /** Says, on disk, that these batches are about to be published. */
  publish(ids: readonly number[]): void {
    this.#withReserve(() => this.#store.publish(ids));
  }

  /** What was sent makes room inside the file, however full the disk is. @returns the ids that were forgotten. */
  forgetOnFullDisk(ids: readonly number[]): readonly number[] {
    const some = ids.slice(0, maxForgotten);
    if (some.length === 0) return [];
    try {
      this.#withReserve(() => this.#store.forget(some));
      return some;
    } catch (error) {
      if (isDiskError(error)) return [];
      throw error;
    }
  }

  /** On a full disk once more, with the reserve given up. */
  #withReserve(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (sqliteCode(error) !== SqliteCode.FULL || !this.#space.giveUpReserve()) throw error;
      write();
    }
  }
}

/** Waiting may mend it. */
export function isDiskError(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SqliteCode.FULL || code === SqliteCode.IOERR;
}

/** Opening writes a little too: what a crash left in the WAL. @throws {ConfigError} as `openStore`. */
export function openStoreWithReserve(path: string): Store {
  try {
    return openStore(path);
  } catch (error) {
    if (sqliteCode(error) !== SqliteCode.FULL || !giveUpReserve(path)) throw error;
    return openStore(path);
  }
}
