/** Appends that wait for their commit. */
import { TransientError } from '@millrace/runtime/errors.ts';
import type { Reading } from '../reading.ts';
import type { Note } from './declarations.ts';

export interface Append {
  readonly source: string;
  readonly readings: readonly Reading[];
  readonly note: Note;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Readings gathered into one transaction, so that a long queue of appends does not become one huge transaction. */
const maxGroupReadings = 10_000;

export class AppendQueue {
  #appends: Append[] = [];
  #readings = 0;

  /** Of all that wait. */
  get readings(): number {
    return this.#readings;
  }

  push(append: Append): void {
    this.#appends.push(append);
    this.#readings += append.readings.length;
  }

  /** The oldest, as many as fit into one transaction. */
  group(): readonly Append[] {
    let readings = 0;
    const end = this.#appends.findIndex(
      (append, i) => (readings += append.readings.length) > maxGroupReadings && i > 0,
    );
    return end === -1 ? [...this.#appends] : this.#appends.slice(0, end);
  }

  /** The group is on disk. */
  done(group: readonly Append[]): void {
    this.#appends.splice(0, group.length);
    for (const { readings, resolve } of group) {
      this.#readings -= readings.length;
      resolve();
    }
  }

  /** Nothing of what waits was taken. */
  reject(reason: string): void {
    for (const { reject } of this.#appends.splice(0)) reject(new TransientError(reason));
    this.#readings = 0;
  }
}
