/** What becomes of the lines a program writes: readings, or a sensor's trouble. */
import { messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { Reading } from '../../reading.ts';
import { ownForm } from '../http/own-form.ts';
import type { RunContext } from '../source.ts';
import type { Line } from './lines.ts';

export interface Taken {
  readonly readings: readonly Reading[];
  /** Lines of which something could not be taken. */
  readonly garbage: number;
}

/** The sensor's name in a line that cannot be read as a whole. */
const named = /"sensor"\s*:\s*"([^"\\\p{Cc}]{1,255})"/u;

/** @param unnamed who is blamed for a line that names no sensor. */
export function take(
  lines: Iterable<Line>,
  nowUs: number,
  { unnamed, trouble }: { unnamed: string; trouble: RunContext['trouble'] },
): Taken {
  const readings: Reading[] = [];
  let garbage = 0;
  for (const { text, isCut } of lines) {
    if (text.trim() === '') continue;
    const blame = (why: string, blamed: readonly string[]): void => {
      garbage += 1;
      for (const sensor of blamed.length > 0 ? blamed : [named.exec(text)?.[1] ?? unnamed])
        trouble(sensor, 'garbage', why);
    };
    if (isCut) {
      blame(`a line is longer than maxLineBytes (${Buffer.byteLength(text)}); it is skipped`, []);
      continue;
    }
    // What the decoder puts in place of bytes that are no UTF-8: they could be in a name.
    if (text.includes('\uFFFD')) {
      blame('a line is no UTF-8', []);
      continue;
    }
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (error) {
      blame(`a line is no JSON (${messageOf(error)})`, []);
      continue;
    }
    const own = ownForm(document, nowUs);
    // One by one: an array of ten thousand as arguments would be a deep stack.
    for (const reading of own.readings) readings.push(reading);
    const [fault] = own.faults;
    if (fault !== undefined) blame(`${fault.element}: ${fault.message}`, own.blamed);
  }
  return { readings, garbage };
}

const maxLogged = 10;
const logWindowMs = 10_000;

/** Standard error as log lines: at most ten in ten seconds, and how many more there were. */
export class ErrorLog {
  readonly #log: Logger;
  #windowFromMs = Number.NEGATIVE_INFINITY;
  #logged = 0;
  #leftOut = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  say({ text, isCut }: Line, nowMs: number): void {
    const line = text.trim();
    if (line === '') return;
    if (nowMs - this.#windowFromMs >= logWindowMs) {
      this.flush();
      this.#windowFromMs = nowMs;
      this.#logged = 0;
    }
    this.#logged += 1;
    if (this.#logged <= maxLogged) this.#log.info(`stderr: ${line}${isCut ? '…' : ''}`);
    else this.#leftOut += 1;
  }

  flush(): void {
    if (this.#leftOut > 0) this.#log.info({ lines: this.#leftOut }, 'stderr: more lines, left out of the log');
    this.#leftOut = 0;
  }
}
