import { randomUUID } from 'node:crypto';
import { FencedError, InvariantError, messageOf, RejectedError, TransientError } from '../errors.ts';
import type { KafkaOptions } from './client.ts';
import { Outage } from './outage.ts';
import { recordBytes } from './record-batch.ts';
import { RefusedRecords, type SessionTiming, type Standing, TransactionSession } from './transaction-session.ts';
import type { GroupPosition, GroupStanding, OutgoingRecord, Transactions } from './types.ts';
import { backoff, pauseFor, within } from './waiting.ts';

export interface TransactionsOptions {
  /** One an input partition, the same for all its owners. */
  readonly transactionalId: string;
  /** How long `fence` may try, milliseconds. Default 60,000. */
  readonly deadlineMs?: number;
  /** How long Kafka may take to answer a request before the connection counts as dead. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** After this long Kafka aborts a transaction that its owner neither commits nor aborts. Default 15,000. */
  readonly transactionTimeoutMs?: number;
  /** Of one batch of records, before compression. Default 900 KiB, below Kafka's `message.max.bytes`. */
  readonly maxPartBytes?: number;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

type Group = Omit<GroupPosition, 'next'>;

/**
 * {@link Transactions} over kafkajs.
 *
 * new → fenced (`fence`) → committing → fenced; committing → in doubt → committing (a new session has found the group
 * where it was) | fenced (… or where this commit moved it) | lost (… or elsewhere: FencedError); lost → fenced (`fence`);
 * any → closed.
 *
 * In doubt, a new session fences the old one, which ends its transaction one way or the other, and the group's offset
 * says which: beside it stands the id of the commit that put it there. So a zombie may fence the owner by looking, but
 * never commit: the owner's commits have left ids that the zombie does not know.
 */
export class KafkaTransactions implements Transactions {
  readonly #kafka: KafkaOptions;
  readonly #transactionalId: string;
  readonly #deadlineMs: number;
  readonly #maxPartBytes: number;
  readonly #timing: SessionTiming;
  readonly #outage: Outage;
  readonly #closed = new AbortController();
  /** Asked about at once by the next session. */
  readonly #topics = new Set<string>();
  #session: TransactionSession | undefined;
  /** Where the group must be found for what is computed here to stand. Undefined: `fence` first. */
  #base: Standing | undefined;
  /** Id of the last commit of this object of which all is certain. */
  #lastId: string | undefined;
  #busy = false;

  /** Does no I/O. */
  constructor(kafka: KafkaOptions, options: TransactionsOptions) {
    this.#kafka = kafka;
    this.#transactionalId = options.transactionalId;
    this.#deadlineMs = options.deadlineMs ?? 60_000;
    this.#maxPartBytes = options.maxPartBytes ?? 900 * 1024;
    this.#timing = {
      requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
      transactionTimeoutMs: options.transactionTimeoutMs ?? 15_000,
    };
    this.#outage = new Outage(`transactions ${options.transactionalId}`, kafka.log ?? (() => {}));
  }

  get healthy(): boolean {
    return !this.#outage.failing;
  }

  fence(group: Group, signal?: AbortSignal): Promise<GroupStanding> {
    return this.#alone(signal, stop => this.#fence(group, stop));
  }

  async #fence(group: Group, stop: AbortSignal): Promise<GroupStanding> {
    this.#abandon();
    this.#base = undefined;
    const end = performance.now() + this.#deadlineMs;
    for (const delay of backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS)) {
      stop.throwIfAborted();
      try {
        const standing = await this.#reopen(group, end - performance.now(), stop);
        this.#base = standing;
        if (standing.metadata !== this.#lastId) this.#lastId = undefined;
        this.#outage.recovered();
        return { next: standing.next, ours: this.#lastId !== undefined };
      } catch (error) {
        this.#failed(error, stop);
        if (performance.now() + delay >= end) {
          const reason = `${this.#transactionalId} could not be fenced within ${this.#deadlineMs} ms`;
          throw new TransientError(`${reason}: ${messageOf(error)}`, { cause: error });
        }
      }
      await pauseFor(delay, stop);
    }
    throw new InvariantError('delays never end');
  }

  commit(records: readonly OutgoingRecord[], group: GroupPosition, signal?: AbortSignal): Promise<void> {
    return this.#alone(signal, stop => this.#commit(records, group, stop));
  }

  async #commit(records: readonly OutgoingRecord[], group: GroupPosition, stop: AbortSignal): Promise<void> {
    const base = this.#base;
    if (!base) throw new InvariantError('fence comes before the first commit, and after one that ended in doubt');
    for (const { topic } of records) this.#topics.add(topic);
    const id = randomUUID();
    // Until all is certain nothing is: whoever leaves this with an error but those below must fence.
    const lastId = this.#lastId;
    this.#base = undefined;
    this.#lastId = undefined;
    const done = () => {
      this.#base = { next: group.next, metadata: id };
      this.#lastId = id;
      this.#outage.recovered();
    };
    for (const delay of backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS)) {
      stop.throwIfAborted();
      try {
        if (!this.#session) {
          const standing = await this.#reopen(group, this.#timing.transactionTimeoutMs, stop);
          if (standing.metadata === id) return done();
          if (!isSame(standing, base)) {
            const { groupId, topic, partition } = group;
            throw new FencedError(`another owner has moved ${groupId} in ${topic}/${partition} to ${standing.next}`);
          }
        }
        await this.#transact(records, group, id, stop);
        return done();
      } catch (error) {
        if (error instanceof FencedError) {
          this.#abandon();
          this.#lastId = lastId;
          throw error;
        }
        if (error instanceof RejectedError) {
          this.#base = base;
          this.#lastId = lastId;
          throw error;
        }
        this.#failed(error, stop);
      }
      await pauseFor(delay, stop);
    }
  }

  /** Ends whatever a session before has left open, and tells what has become of it. */
  async #reopen(group: Group, deadlineMs: number, stop: AbortSignal): Promise<Standing> {
    this.#topics.add(group.topic);
    const session = new TransactionSession(this.#kafka, this.#transactionalId, this.#outage, this.#timing);
    this.#session = session;
    const opened = session.open(this.#topics).then(() => session.standing(group));
    return this.#patience(opened, Math.min(deadlineMs, this.#timing.transactionTimeoutMs), stop);
  }

  /** One transaction that Kafka takes; what is too large for it in one batch goes in several. */
  async #transact(records: readonly OutgoingRecord[], group: GroupPosition, id: string, stop: AbortSignal) {
    const session = this.#session;
    if (!session) throw new InvariantError('no session');
    for (let maxPartBytes = this.#maxPartBytes; ; maxPartBytes >>= 3) {
      try {
        const transaction = session.commit(records, group, id, maxPartBytes);
        await this.#patience(transaction, this.#timing.transactionTimeoutMs, stop);
        return;
      } catch (error) {
        if (!(error instanceof RefusedRecords)) throw error;
        const { topic, partition, records: refused } = error.part;
        const [record] = refused;
        if (!record || refused.length > 1) continue;
        const what = `the record of ${recordBytes(record)} bytes with the key ${JSON.stringify(record.key)} for ${topic}/${partition}`;
        throw new RejectedError('record', `Kafka refuses ${what}: ${messageOf(error)}`);
      }
    }
  }

  /** The watchdog: kafkajs may wait for ever on a connection that is gone. */
  async #patience<T>(work: Promise<T>, deadlineMs: number, stop: AbortSignal): Promise<T> {
    const stopped = Promise.withResolvers<never>();
    const onStop = () => stopped.reject(stop.reason);
    stop.addEventListener('abort', onStop, { once: true });
    try {
      return await Promise.race([within(work, Math.max(1, deadlineMs), 'Kafka'), stopped.promise]);
    } finally {
      stop.removeEventListener('abort', onStop);
    }
  }

  /** The session's connections end before anything else begins: nothing more of it can be sent. */
  #failed(error: unknown, stop: AbortSignal): void {
    this.#abandon();
    stop.throwIfAborted();
    this.#outage.failed(messageOf(error));
  }

  #abandon(): void {
    this.#session?.abandon();
    this.#session = undefined;
  }

  async #alone<T>(signal: AbortSignal | undefined, call: (stop: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#busy) throw new InvariantError(`${this.#transactionalId}: one call at a time`);
    this.#busy = true;
    // Not AbortSignal.any: 50 µs a call, and the memory of each stays with a signal that lives long.
    const stop = new AbortController();
    const sources = signal ? [signal, this.#closed.signal] : [this.#closed.signal];
    const onAbort = () => stop.abort(sources.find(({ aborted }) => aborted)?.reason);
    if (sources.some(({ aborted }) => aborted)) onAbort();
    for (const source of sources) source.addEventListener('abort', onAbort, { once: true });
    try {
      return await call(stop.signal);
    } finally {
      this.#busy = false;
      for (const source of sources) source.removeEventListener('abort', onAbort);
    }
  }

  /** A commit under way rejects, and its outcome is unknown. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new TransientError(`the transactions ${this.#transactionalId} are closed`));
    this.#abandon();
  }
}

function isSame(one: Standing, other: Standing): boolean {
  return one.next === other.next && one.metadata === other.metadata;
}
