import { messageOf, RejectedError, TransientError } from '../errors.ts';
import { type BatchLimits, type PendingPart, toPart, WaitingRecords } from './batch.ts';
import type { KafkaOptions } from './client.ts';
import type { Outage } from './outage.ts';
import type { Pending } from './pending.ts';
import { ProducerSession } from './producer-session.ts';
import { backoff, pauseFor, within } from './waiting.ts';

interface LaneOptions extends BatchLimits {
  readonly lingerMs: number;
  readonly deadlineMs: number;
  readonly requestTimeoutMs: number;
  /** 1. Tests raise it to show what it guards against: kafkajs then loses, doubles and reorders acknowledged records. */
  readonly outstandingRequests: number;
}

/** Records under way in one request, or in one partition's part of it. */
interface Shipment {
  readonly parts: readonly PendingPart[];
  /** The session that last sent these parts, unacknowledged: it must get them again, unchanged, and nothing else. */
  session: ProducerSession | undefined;
}

/**
 * The way to Kafka of some partitions: one idempotent kafkajs producer with one request outstanding. While it is, the
 * next batch fills, so batches grow with the load.
 *
 * idle → lingering (first records; or at once after a quiet time) → shipping → shipping (more waits) | idle;
 * any → draining (`drain`) → closed.
 */
export class Lane {
  readonly #kafka: KafkaOptions;
  readonly #options: LaneOptions;
  readonly #outage: Outage;
  readonly #singleBroker: () => boolean;
  readonly #release: (records: readonly Pending[]) => void;
  readonly #waiting = new WaitingRecords();
  readonly #underWay = new Set<readonly PendingPart[]>();
  readonly #draining = new AbortController();
  #session: ProducerSession | undefined;
  #opening: Promise<ProducerSession> | undefined;
  /** The session, or the one being opened. */
  #newest: ProducerSession | undefined;
  #shipping = false;
  #linger: NodeJS.Timeout | undefined;
  #lastRequestAt = Number.NEGATIVE_INFINITY;
  readonly #drained = Promise.withResolvers<void>();
  #failedLast = false;

  /** @param release is told of each record once its memory is free, perhaps twice. */
  constructor(
    kafka: KafkaOptions,
    options: LaneOptions,
    outage: Outage,
    singleBroker: () => boolean,
    release: (records: readonly Pending[]) => void,
  ) {
    this.#kafka = kafka;
    this.#options = options;
    this.#outage = outage;
    this.#singleBroker = singleBroker;
    this.#release = release;
  }

  /** False from the first failed attempt until the next acknowledgement. */
  get healthy(): boolean {
    return !this.#failedLast && !this.#outage.failing;
  }

  add(pending: Pending): void {
    this.#waiting.add(pending);
    this.#schedule();
  }

  /** Rejects what is past its deadline: what waits is forgotten, what is under way stays in its request. */
  expire(now: number): void {
    const late = ({ settled, deadlineAt }: Pending) => !settled && deadlineAt <= now;
    for (const pending of this.#waiting.expire(late)) {
      this.#release([pending]);
      pending.reject(new TransientError(`not sent to Kafka in time: ${this.#outage.reason}`));
    }
    for (const parts of this.#underWay) {
      for (const pending of parts.flatMap(({ records }) => records).filter(late)) {
        this.#failed('no acknowledgement in time');
        pending.reject(new TransientError(`Kafka did not acknowledge in time: ${this.#outage.reason}`));
      }
    }
    if (this.#draining.signal.aborted) this.#stopIfHopeless();
  }

  #stopIfDone(): void {
    if (this.#waiting.count === 0 && this.#underWay.size === 0) this.#drained.resolve();
  }

  /** While closing, nothing is worth waiting for once every record has its answer. */
  #stopIfHopeless(): void {
    if (this.#waiting.count > 0) return;
    for (const parts of this.#underWay) if (stillPending(parts).length > 0) return;
    this.#newest?.abandon();
    this.#drained.resolve();
  }

  /** Paces requests: one a `lingerMs` at most, unless a part is full; after a quiet time at once. */
  #schedule(): void {
    if (this.#underWay.size >= this.#options.outstandingRequests || this.#waiting.count === 0) return;
    const { lingerMs, maxPartBytes, maxPartRecords } = this.#options;
    const full = this.#waiting.sizeBytes >= maxPartBytes || this.#waiting.count >= maxPartRecords;
    const waitMs = full || this.#draining.signal.aborted ? 0 : this.#lastRequestAt + lingerMs - performance.now();
    if (waitMs > 0) {
      this.#linger ??= setTimeout(() => this.#ship(), waitMs);
      return;
    }
    clearTimeout(this.#linger);
    this.#linger = undefined;
    if (this.#shipping) return;
    this.#shipping = true;
    // Not now but after this turn of the event loop: what the caller sends in a loop goes together.
    setImmediate(() => {
      this.#shipping = false;
      this.#ship();
    });
  }

  #ship(): void {
    this.#linger = undefined;
    if (this.#underWay.size >= this.#options.outstandingRequests) return;
    const parts = this.#waiting.take(this.#options);
    if (parts.length === 0) return;
    this.#underWay.add(parts);
    this.#lastRequestAt = performance.now();
    // A request to several brokers is not safe with kafkajs: see ProducerSession.
    const shipments = this.#singleBroker() ? [parts] : parts.map(part => [part]);
    void Promise.all(shipments.map(shipment => this.#deliver({ parts: shipment, session: undefined }))).then(() => {
      this.#underWay.delete(parts);
      for (const { records } of parts) this.#release(records);
      this.#schedule();
      if (this.#draining.signal.aborted) this.#stopIfDone();
    });
    if (this.#options.outstandingRequests > 1) this.#schedule();
  }

  /** Sends until every record is settled. Never throws. */
  async #deliver(shipment: Shipment): Promise<void> {
    const giveUpAt = performance.now() + 2 * this.#options.deadlineMs;
    for (const delay of backoff(50, 1000)) {
      // A new session has no memory of what the old one sent: only what still matters is sent again.
      let parts = shipment.parts;
      if (shipment.session === undefined || shipment.session !== this.#session) parts = stillPending(parts);
      if (parts.length === 0) return;
      let session: ProducerSession;
      try {
        session = await this.#connected();
      } catch (error) {
        this.#failed(messageOf(error));
        if (this.#hopeless(shipment, giveUpAt)) return;
        await this.#pause(delay);
        continue;
      }
      shipment = { parts, session };
      const answer = await this.#attempt(session, parts, giveUpAt);
      if (!('remedy' in answer)) {
        this.#failedLast = false;
        this.#outage.recovered();
        parts.forEach(({ records }, i) => {
          this.#release(records); // first: whoever waits for a record may look at `buffered`
          storeAll(records, answer[i] ?? -1n);
        });
        return;
      }
      if (answer.remedy === 'isolate') return this.#isolate(shipment, answer.reason);
      this.#failed(answer.reason);
      if (answer.remedy === 'new session') this.#replace(session);
      else if (this.#hopeless(shipment, giveUpAt)) {
        this.#replace(session);
        return;
      }
      await this.#pause(delay);
    }
  }

  /** A wait that a drain cuts short once. */
  #pause(ms: number): Promise<void> {
    return pauseFor(ms, this.#draining.signal.aborted ? undefined : this.#draining.signal);
  }

  /** Finds the record that can never be stored by sending in ever smaller pieces, in order; its neighbours go through. */
  async #isolate({ parts, session }: Shipment, reason: string): Promise<void> {
    const [only] = parts;
    if (!only) return;
    if (parts.length > 1) {
      // Unchanged part by part: those the broker has appended are recognised by their sequence numbers.
      for (const part of parts) await this.#deliver({ parts: [part], session });
    } else if (only.records.length > 1) {
      // Nothing of this part was appended, so its pieces may take its sequence numbers.
      const middle = only.records.length >> 1;
      await this.#deliver({ parts: [toPart(only.records.slice(0, middle))], session });
      await this.#deliver({ parts: [toPart(only.records.slice(middle))], session });
    } else {
      const [record] = only.records;
      record?.reject(new RejectedError('record', `Kafka refuses it with its ${record.sizeBytes} bytes: ${reason}`));
    }
  }

  async #attempt(session: ProducerSession, parts: readonly PendingPart[], giveUpAt: number) {
    // The watchdog: kafkajs may wait for ever on a connection that is gone. Ending the session's connections first
    // means that nothing of it can arrive after what its successor sends, but for what the broker has read already;
    // whoever sends a record again must carry an identity for that (guarantee 4).
    const patienceMs = Math.max(1, giveUpAt - performance.now());
    try {
      return await within(session.send(parts), patienceMs, 'Kafka');
    } catch (error) {
      this.#replace(session);
      return { remedy: 'new session', reason: messageOf(error) } as const;
    }
  }

  /** Whether nobody waits for these records any more, long enough or because we close. */
  #hopeless({ parts }: Shipment, giveUpAt: number): boolean {
    const over = this.#draining.signal.aborted || performance.now() >= giveUpAt;
    return over && stillPending(parts).length === 0;
  }

  #failed(reason: string): void {
    this.#failedLast = true;
    this.#outage.failed(reason);
  }

  async #connected(): Promise<ProducerSession> {
    if (this.#session) return this.#session;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<ProducerSession> {
    const session = new ProducerSession(this.#kafka, this.#outage, this.#options.requestTimeoutMs);
    this.#newest = session;
    try {
      await within(session.connect(), 2 * this.#options.requestTimeoutMs, 'connecting to Kafka');
    } catch (error) {
      session.abandon();
      throw error;
    }
    this.#session = session;
    return session;
  }

  #replace(session: ProducerSession): void {
    session.abandon();
    if (this.#session === session) this.#session = undefined;
  }

  /** Sends what waits, each record until its deadline, then disconnects. */
  async drain(): Promise<void> {
    this.#draining.abort();
    this.#schedule();
    this.#stopIfDone();
    await this.#drained.promise;
    clearTimeout(this.#linger);
    await this.#session?.close();
    this.#newest?.abandon();
  }
}

function storeAll(records: readonly Pending[], baseOffset: bigint): void {
  records.forEach((pending, i) => pending.store(baseOffset + BigInt(i)));
}

/** The parts without records that were settled since, and without parts that became empty. */
function stillPending(parts: readonly PendingPart[]): PendingPart[] {
  return parts.flatMap(part => {
    const records = part.records.filter(pending => !pending.settled);
    if (records.length === part.records.length) return [part];
    return records.length > 0 ? [toPart(records)] : [];
  });
}
