import type { Admin as KafkaJsAdmin } from 'kafkajs';
import { messageOf, TransientError } from '../errors.ts';
import { type Client, type KafkaOptions, openClient } from './client.ts';
import { Outage } from './outage.ts';
import { backoff, pauseFor, within } from './waiting.ts';

/** Root cause of an error of kafkajs: it wraps the broker's answer in layers of its own. */
export function protocolErrorOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type;
  }
  return undefined;
}

const ATTEMPT_MS = 10_000;

/** A kafkajs admin that is opened at the first question and anew after each failure. */
export class AdminClient {
  readonly #options: KafkaOptions;
  readonly #outage: Outage;
  readonly #closed = new AbortController();
  #connection: { readonly client: Client; readonly admin: Promise<KafkaJsAdmin> } | undefined;

  constructor(options: KafkaOptions, what: string) {
    this.#options = options;
    this.#outage = new Outage(what, options.log ?? (() => {}));
  }

  /**
   * Asks until there is an answer or the deadline is over.
   * @param final errors of the protocol that are an answer, and are thrown as they are.
   * @throws {TransientError} at the deadline.
   */
  async ask<T>(
    what: string,
    question: (admin: KafkaJsAdmin) => Promise<T>,
    deadlineMs: number,
    final: readonly string[] = [],
  ): Promise<T> {
    const end = Date.now() + deadlineMs;
    for (const delay of backoff(100, 1000)) {
      if (this.#closed.signal.aborted) throw new TransientError(`${what}: the Kafka client is closed`);
      try {
        const attemptMs = Math.max(1, Math.min(ATTEMPT_MS, end - Date.now()));
        const answer = await within(this.#attempt(question), attemptMs, what);
        this.#outage.recovered();
        return answer;
      } catch (error) {
        const type = protocolErrorOf(error);
        if (type !== undefined && final.includes(type)) throw error;
        if (type === undefined) this.#drop(); // else the broker did answer
        if (Date.now() + delay >= end) {
          const reason =
            error instanceof TransientError && this.#outage.failing ? this.#outage.reason : messageOf(error);
          throw new TransientError(`${what}: ${reason}`, { cause: error });
        }
        await pauseFor(delay, this.#closed.signal);
      }
    }
    throw new TransientError(what); // the generator of delays never ends
  }

  async #attempt<T>(question: (admin: KafkaJsAdmin) => Promise<T>): Promise<T> {
    this.#connection ??= this.#connect();
    return question(await this.#connection.admin);
  }

  #connect(): { client: Client; admin: Promise<KafkaJsAdmin> } {
    const client = openClient(this.#options, this.#outage, {
      requestTimeoutMs: ATTEMPT_MS,
      retry: { retries: 1, initialRetryTime: 50 },
    });
    const admin = client.kafka.admin();
    return { client, admin: admin.connect().then(() => admin) };
  }

  /** Forgets the connection, also one that is still being made: the next question opens a new one. */
  #drop(): void {
    const dropped = this.#connection;
    this.#connection = undefined;
    dropped?.admin.catch(() => {});
    dropped?.client.sockets.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    const connection = this.#connection;
    this.#connection = undefined;
    if (!connection) return;
    const end = connection.admin.then(admin => admin.disconnect());
    await within(end, 2000, 'closing').catch(() => {});
    // A broker that is frozen lets a connection be made and never answers: it would keep the process alive.
    connection.client.sockets.close();
  }
}
