import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Writes until the disk is full. @returns how to make room again. */
export function fillDisk(directory: string): () => void {
  const path = join(directory, 'ballast');
  const file = openSync(path, 'w');
  try {
    for (let size = 1_048_576; size >= 4096; ) {
      try {
        if (writeSync(file, Buffer.alloc(size)) < size) size /= 2;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size /= 2;
      }
    }
  } finally {
    closeSync(file);
  }
  return () => rmSync(path);
}
