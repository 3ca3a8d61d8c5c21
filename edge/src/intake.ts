/** What sources hand their readings to: the outbox, or a stage before it. */
import type { Note } from './outbox/declarations.ts';
import type { Reading } from './reading.ts';

export interface Intake {
  /**
   * Resolves once the readings, and the note, are on disk; waits while they cannot be.
   * @throws {TransientError} when the agent stops before; then nothing of it was taken.
   */
  append(source: string, readings: readonly Reading[], note?: Note): Promise<void>;
  /** Where the source stood at its last append that is on disk. */
  cursor(source: string): string | undefined;
  /** The source will give nothing more. */
  finish(source: string): void;
  /** From now on an append is done at once, or rejected. */
  drain(): void;
}
