/** Files that nobody but the agent's user may read. */
import { chmodSync, lstatSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';

/** Whole or not at all, and never readable by others, not for a moment. */
export function writePrivate(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  chmodSync(`${file}.new`, 0o600); // The mode above counts only for a new file.
  renameSync(`${file}.new`, file);
}

/** Also what an earlier Node-RED, or someone by hand, has left open. Links are not followed. */
export function makePrivate(folder: string): void {
  chmodSync(folder, 0o700);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name === 'node_modules' || lstatSync(path).isSymbolicLink()) continue;
    if (lstatSync(path).isDirectory()) makePrivate(path);
    else chmodSync(path, 0o600);
  }
}

/** @throws {ConfigError} when it is there and cannot be read. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ConfigError.of('edge.nodeRed', `${file} cannot be read (${messageOf(error)})`);
  }
}
