import { closeSync, fstatSync, openSync, readSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { diskFull, saysDiskFull } from './disk.ts';

const NEXT_TO_NOTHING_BYTES = 1024 * 1024;

/** The last lines that a start wrote, indented, for an error message. */
export function lastLines(logPath: string, fromByte: number, count = 12): string {
  const lines = readFrom(logPath, fromByte)
    .split('\n')
    .filter(line => line.trim() !== '');
  if (lines.length === 0) return '  (nothing)';
  return lines
    .slice(-count)
    .map(line => `  ${line.slice(0, 300)}`)
    .join('\n');
}

/**
 * The operator's mistake behind an early death, where the log names one that we know. On a full disk the log may be
 * empty, for it stands on the same disk: then its free space tells.
 */
export function causeInLog(logPath: string, fromByte: number): ConfigError | undefined {
  const text = readFrom(logPath, fromByte);
  const { bavail, bsize } = statfsSync(dirname(logPath));
  if (saysDiskFull(text) || bavail * bsize < NEXT_TO_NOTHING_BYTES) return diskFull(logPath, 'MILLRACE_HOME');
  // Kafka: `Socket server failed to bind to 127.0.0.1:9092: Address already in use`; QuestDB: `could not bind socket [… bindTo=127.0.0.1:9000]`.
  const bind = /(?:failed to bind to|could not bind socket)[^\n]*?127\.0\.0\.1:(\d+)/i.exec(text);
  if (bind)
    return ConfigError.of(
      `port ${bind[1]}`,
      'is in use on 127.0.0.1; stop the program that listens there, or choose another port in the section `stack`',
    );
  return undefined;
}

/** At most the last 64 KiB of what was written after the given byte; empty when there is no log. */
function readFrom(path: string, fromByte: number): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(64 * 1024, Math.max(0, size - fromByte)));
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, size - buffer.length));
  } finally {
    closeSync(file);
  }
}
