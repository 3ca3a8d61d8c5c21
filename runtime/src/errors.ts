/** The four errors that may cross a room's door, named by who can mend them. `RejectedError` is wire's. */
export { RejectedError } from '@millrace/wire/rejected.ts';

export interface ConfigMistake {
  /** Dotted path of the key, `bridge.mqtt.port`. */
  readonly key: string;
  /** What is wrong and what is allowed: `must be a whole number from 0 to 65535, is "18x83"`. */
  readonly message: string;
  /** Where the value stands: `millrace.yaml:12` or the environment variable's name. */
  readonly place?: string | undefined;
}

/** The operator must change something. Carries every mistake found, not the first. Ends the process with code 78 (EX_CONFIG, sysexits.h). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly ConfigMistake[];

  constructor(mistakes: readonly ConfigMistake[]) {
    const lines = mistakes.map(({ key, message, place }) => `  ${key}${place ? ` (${place})` : ''}: ${message}`);
    super(
      `${mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`} in the configuration:\n${lines.join('\n')}`,
    );
    this.mistakes = mistakes;
  }

  static of(key: string, message: string, place?: string): ConfigError {
    return new ConfigError([{ key, message, place }]);
  }
}

/** Try again later, in place, with backoff and a deadline; the work is kept. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
}

/** A transaction was refused because somebody else owns the work now: forget what was computed, and ask who owns it. */
export class FencedError extends TransientError {
  override readonly name: string = 'FencedError';
}

/** Our own bug. The process says what broke and stops; it never goes on with wrong data. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** `Error.message` of anything thrown, for a log line or a sentence to the operator. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
