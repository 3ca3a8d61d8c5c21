/** Files that hold secrets: never readable by others, and never half-written. */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A folder that only its owner may enter, whatever the umask was. @param isOurs else one that was there keeps its mode. */
export function makePrivateFolder(folder: string, isOurs = true): void {
  const created = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (isOurs || created !== undefined) chmodSync(folder, 0o700);
}

/** Replaces the file whole, and has it on the disk before it returns. */
export function writeAtomically(file: string, content: string | Uint8Array, mode: 0o600 | 0o644): void {
  const folder = dirname(file);
  const temporary = join(folder, `.${basename(file)}.${process.pid}`);
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', 0o600); // narrow from its first moment; widened below where it may be
  try {
    fchmodSync(fd, mode);
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, file);
  syncFolder(folder);
}

/** A new or renamed file survives a power cut only once its folder's entry is on the disk. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
