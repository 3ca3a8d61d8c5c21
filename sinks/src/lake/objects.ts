/** Where the lake is kept. A name is a path with slashes under the root; whoever reads sees a whole object or none. */
import { ConfigError } from '@millrace/runtime/errors.ts';

/** Every method throws a TransientError where trying again may help, also when the outcome is not known. */
export interface ObjectStore {
  /** For messages; without secrets. */
  readonly shown: string;
  /**
   * Stores it unless the name is taken: of two that try, one succeeds. Once resolved it outlives a loss of power.
   * @returns false when the name is taken; then nothing has changed.
   */
  create(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Undefined when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Names in the folder and below it; what was there before the call and is not removed meanwhile is in the answer. */
  list(folder: string): Promise<readonly string[]>;
  /** Those that are not there are fine. */
  remove(names: readonly string[]): Promise<void>;
  /** Removes what processes left half made that are long gone. Absent: there is no such thing. */
  tidy?(nowMs: number): Promise<void>;
}

/**
 * All that keeps readings from being stored twice stands on `create`, and a store that does not know the condition may
 * just leave it out.
 * @throws {ConfigError} @throws {TransientError}
 */
export async function checkStore(store: ObjectStore, key: string, token: string): Promise<void> {
  const name = `_millrace/probe-${token}`;
  try {
    const first = await store.create(name, Buffer.from('1'));
    const second = await store.create(name, Buffer.from('2'));
    if (first && second)
      throw ConfigError.of(
        key,
        `${store.shown} overwrites what it was told not to: it must know conditional writes (If-None-Match), as S3, MinIO and most others do`,
      );
  } finally {
    await store.remove([name]);
  }
}
