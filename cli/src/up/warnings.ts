import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** Follows the services' log files and gives their warnings and errors, so that nobody has to open a log to learn of them. */
export class Warnings {
  /** Bytes read of each file. */
  readonly #read = new Map<string, number>();

  /** From here on; what stands there already belongs to an earlier run. */
  follow(path: string): void {
    this.#read.set(path, statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }

  /** Sentences new since the last call: `bridge: Kafka: …`. At most 64 KiB a file and call are looked at. */
  take(): string[] {
    return [...this.#read.keys()].flatMap(path =>
      this.#newLines(path).flatMap(line => sentenceOf(basename(path, '.log'), line)),
    );
  }

  #newLines(path: string): string[] {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    // A log that was begun anew is shorter than what was read of its predecessor.
    const read = this.#read.get(path) ?? 0;
    const from = size < read ? 0 : read;
    if (size <= from) {
      this.#read.set(path, size);
      return [];
    }
    const buffer = Buffer.alloc(Math.min(size - from, 65_536));
    const file = openSync(path, 'r');
    try {
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
    } finally {
      closeSync(file);
    }
    const text = buffer.toString('utf8');
    const end = text.lastIndexOf('\n') + 1;
    this.#read.set(path, size - Buffer.byteLength(text.slice(end)));
    return text.slice(0, end).split('\n');
  }
}

function sentenceOf(name: string, line: string): string[] {
  if (!line.startsWith('{')) return [];
  try {
    const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
    return level === 'warn' || level === 'error' || level === 'fatal' ? [`${name}: ${msg}`] : [];
  } catch {
    return []; // half a line, or another program's
  }
}
