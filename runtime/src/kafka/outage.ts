type KafkaLogLevel = 'debug' | 'info' | 'warn' | 'error';
/** Where the port writes what an operator may want to read. Never throws. */
export type KafkaLog = (level: KafkaLogLevel, message: string, details?: Readonly<Record<string, unknown>>) => void;

/**
 * Says an outage once, not once an attempt: kafkajs logs each attempt of each connection.
 *
 * well → failing (a warning) → well (an information, with how long it took).
 */
export class Outage {
  readonly #what: string;
  readonly #log: KafkaLog;
  #since: number | undefined;
  #reason = 'no answer yet';

  /** @param what names the part that suffers: `producer`, `consumer sinks-readings`. */
  constructor(what: string, log: KafkaLog) {
    this.#what = what;
    this.#log = log;
  }

  get failing(): boolean {
    return this.#since !== undefined;
  }

  /** Why the last attempt failed, for the message of a `TransientError`. */
  get reason(): string {
    return this.#reason;
  }

  failed(reason: string): void {
    this.#reason = reason;
    if (this.#since !== undefined) return;
    this.#since = Date.now();
    this.#log('warn', `Kafka ${this.#what}: ${reason}; trying again until it answers`);
  }

  recovered(): void {
    if (this.#since === undefined) return;
    const seconds = ((Date.now() - this.#since) / 1000).toFixed(1);
    this.#since = undefined;
    this.#log('info', `Kafka ${this.#what}: works again after ${seconds} s`);
  }
}
