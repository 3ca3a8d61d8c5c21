/** A file of JSON lines that only grows: each line is on the disk before `append` returns. */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { syncFolder } from './private-files.ts';

/**
 * Every whole line; a last one without its end is what a power cut left, and was never relied on.
 * @throws {ConfigError} naming the line that is not JSON.
 */
export function readJournal(file: string): unknown[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as unknown;
    } catch {
      throw ConfigError.of('journal', 'the line is not JSON: restore the file from a copy', `${file}:${i + 1}`);
    }
  });
}

export function appendToJournal(file: string, entry: object, mode: 0o600 | 0o644): void {
  const isNew = !existsSync(file);
  const fd = openSync(file, 'a+', mode);
  try {
    if (!isNew) {
      const before = readFileSync(file);
      const whole = before.lastIndexOf(0x0a) + 1;
      if (whole < before.length) ftruncateSync(fd, whole);
    }
    // One write: with O_APPEND, lines of two processes never mix.
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    if (writeSync(fd, line) !== line.length) throw new Error(`${file}: the disk is full`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  if (isNew) syncFolder(dirname(file));
}
