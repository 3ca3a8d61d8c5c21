import type { Logger } from '@millrace/runtime/log.ts';

/**
 * Says once that QuestDB does not take rows, and once that it does again, however many requests notice it.
 *
 * well → failing (a warning) → well (how long it took).
 */
export class Outage {
  readonly #log: Logger;
  readonly #onChange: (failing: boolean) => void;
  #since: number | undefined;
  #reason = '';

  constructor(log: Logger, onChange: (failing: boolean) => void) {
    this.#log = log;
    this.#onChange = onChange;
  }

  /** Undefined, or why the last request failed. */
  get reason(): string | undefined {
    return this.#since === undefined ? undefined : this.#reason;
  }

  failed(reason: string): void {
    this.#reason = reason;
    if (this.#since !== undefined) return;
    this.#since = Date.now();
    this.#onChange(true);
    this.#log.warn(`${reason}; rows are kept, and sent again until they are taken`);
  }

  recovered(): void {
    if (this.#since === undefined) return;
    this.#log.info(`QuestDB takes rows again after ${((Date.now() - this.#since) / 1000).toFixed(1)} s`);
    this.#since = undefined;
    this.#onChange(false);
  }
}
