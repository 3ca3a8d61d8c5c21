import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';

/** Below this a server would stop in the middle of a write rather than at the start: 512 MiB. */
const FLOOR_BYTES = 512 * 1024 * 1024;

/**
 * Makes the directory and checks that its disk has room.
 * @param key The configuration key that moves the directory elsewhere.
 * @throws {ConfigError} when it cannot be written or its disk is (nearly) full.
 */
export function prepareDirectory(path: string, key: string, floorBytes = FLOOR_BYTES): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw isDiskFull(error)
      ? diskFull(path, key)
      : ConfigError.of(key, `${path} cannot be written: ${messageOf(error)}; choose another directory`);
  }
  const { bavail, bsize } = statfsSync(path);
  const freeBytes = bavail * bsize;
  if (freeBytes < floorBytes) throw diskFull(path, key, freeBytes, floorBytes);
}

/** The sentence for a full disk, found before the start or in a child's log. */
export function diskFull(path: string, key: string, freeBytes?: number, floorBytes = FLOOR_BYTES): ConfigError {
  const mib = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`;
  const state =
    freeBytes === undefined ? 'is full' : `has ${mib(freeBytes)} free, and at least ${mib(floorBytes)} are needed`;
  return ConfigError.of(key, `the disk of ${path} ${state}; free some space there, or set ${key} to a larger disk`);
}

export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Whether a log or a program's output says that the disk is full. */
export function saysDiskFull(text: string): boolean {
  return /No space left on device|Disk quota exceeded|ENOSPC|errno=28\b/i.test(text);
}
