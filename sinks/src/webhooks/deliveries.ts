/** Alerts on their way to one endpoint. */
import { backoffMs } from '@millrace/runtime/retry.ts';
import { decodeAlert } from '@millrace/wire/alert.ts';
import { orAborted } from '../abortable.ts';
import type { Store, StoreContext, Taken } from '../sink.ts';
import type { Only } from './config.ts';
import type { Answer, Endpoint } from './endpoint.ts';
import { isWanted } from './filter.ts';
import { type Message, messageOfAlert } from './message.ts';

export interface DeliveryOptions {
  readonly name: string;
  readonly only: Only;
  /** Since Kafka has it, milliseconds. */
  readonly giveUpAfterMs: number;
  /** Shortest wait before an alert is sent again, milliseconds; doubles up to a minute. Default 1000. */
  readonly minRetryMs?: number;
}

/** While the endpoint takes what it gets. */
const maxInFlight = 4;
/** Alerts in memory, and one more a partition: their handlers may pass at once. */
const maxPending = 1000;
const maxPendingBytes = 8 * 1024 * 1024;
/** Alerts between the oldest that is pending and the newest: their positions are remembered, a hundred bytes each. */
const maxSpan = 100_000;
const maxRetryMs = 60_000;
/** An endpoint that has taken nothing for so long gets no first attempt of what is too old already. */
const hopelessAfterMs = 600_000;
/** One failure may be the alert's own; so many in a row are the endpoint's. */
const failuresOfEndpoint = 3;

interface Delivery {
  readonly taken: Taken;
  readonly message: Message;
  /** One rule on one series or gateway: its alerts go in their order, one at a time. */
  readonly key: string;
  /** Of all records that this store has seen, the how manieth. */
  readonly number: number;
  readonly sizeBytes: number;
  tries: number;
  notBeforeMs: number;
}

/**
 * An alert: pending → in flight → taken, or refused and in the rejected topic: settled.
 *               ▲          └─ failed ─ backoff ─┐      └─ too old: in the rejected topic, settled
 *               └───────────────────────────────┘
 * The endpoint: well (several alerts at a time) ─ a failure ─► failing (one at a time, with backoff, another alert each
 * time) ─ any answer that is not a failure ─► well. So an alert that the receiver always fails on holds up only what
 * follows it in its own key, and a receiver that is away is asked now and then.
 */
export class Deliveries implements Store {
  readonly #options: DeliveryOptions;
  readonly #endpoint: Endpoint;
  readonly #context: StoreContext;
  readonly #pending = new Set<Delivery>();
  /** The first of each is sent next. Keys that failed are at the end. */
  readonly #queues = new Map<string, Delivery[]>();
  readonly #sending = new Map<Delivery, Promise<void>>();
  readonly #failure = Promise.withResolvers<never>();
  #onProgress = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #number = 0;
  #sizeBytes = 0;
  #failures = 0;
  #failingSinceMs = 0;
  #notBeforeMs = 0;
  #reason = '';

  constructor(endpoint: Endpoint, options: DeliveryOptions, context: StoreContext) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#context = context;
    this.#failure.promise.catch(() => {}); // Whoever runs the sink listens; nobody may yet.
  }

  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  take(taken: Taken): number {
    this.#number++;
    const { record } = taken;
    // A tombstone ends an alert in the compacted topic, and is no news.
    const alert = record.value === null ? undefined : decodeAlert(record.value);
    if (alert === undefined || !isWanted(this.#options.only, alert)) {
      taken.settled();
      return 0;
    }
    const message = messageOfAlert(alert);
    const key = JSON.stringify([alert.rule, alert.gateway, alert.sensor, alert.metric]);
    const sizeBytes = message.body.length + record.value!.length;
    this.#add({ taken, message, key, number: this.#number, sizeBytes, tries: 0, notBeforeMs: 0 });
    return 1;
  }

  /** In-flight alerts of the last assignment end first: a late one must not come after what follows it. */
  async assigned(): Promise<void> {
    for (const delivery of this.#pending) this.#remove(delivery);
    await Promise.all(this.#sending.values());
  }

  async room(signal: AbortSignal): Promise<void> {
    while (this.#isFull) await orAborted(this.#onProgress.promise, signal);
  }

  /** What waits for another attempt is not waited for: it comes again after the next start. */
  async drained(): Promise<void> {
    while (this.#sending.size > 0 || (this.#failures === 0 && this.#next(Date.now()) !== undefined))
      await this.#onProgress.promise;
    if (this.#pending.size > 0)
      this.#context.log.info(
        { alerts: this.#pending.size },
        `alerts that ${this.#endpoint.shown} has not taken come again after the next start`,
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    for (const delivery of this.#pending) this.#remove(delivery);
    await Promise.all(this.#sending.values());
  }

  get #isFull(): boolean {
    const [oldest] = this.#pending;
    return (
      this.#pending.size >= maxPending ||
      this.#sizeBytes >= maxPendingBytes ||
      (oldest !== undefined && this.#number - oldest.number >= maxSpan)
    );
  }

  #add(delivery: Delivery): void {
    this.#pending.add(delivery);
    this.#sizeBytes += delivery.sizeBytes;
    const queue = this.#queues.get(delivery.key);
    if (queue === undefined) this.#queues.set(delivery.key, [delivery]);
    else queue.push(delivery);
    this.#pump();
  }

  #remove(delivery: Delivery): void {
    if (!this.#pending.delete(delivery)) return;
    this.#sizeBytes -= delivery.sizeBytes;
    const queue = this.#queues.get(delivery.key)!;
    queue.splice(queue.indexOf(delivery), 1);
    if (queue.length === 0) this.#queues.delete(delivery.key);
  }

  /** The first of a key, due and not on its way. */
  #next(nowMs: number): Delivery | undefined {
    for (const [first] of this.#queues.values())
      if (first !== undefined && first.notBeforeMs <= nowMs && !this.#sending.has(first)) return first;
    return undefined;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const nowMs = Date.now();
    const places = this.#failures === 0 ? maxInFlight : 1;
    while (this.#sending.size < places && nowMs >= this.#notBeforeMs) {
      const next = this.#next(nowMs);
      if (next === undefined) break;
      this.#send(next);
    }
    if (this.#sending.size < places && this.#pending.size > this.#sending.size)
      this.#timer = setTimeout(() => this.#pump(), Math.max(10, this.#dueMs() - nowMs));
  }

  #dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const [first] of this.#queues.values())
      if (first !== undefined && !this.#sending.has(first)) dueMs = Math.min(dueMs, first.notBeforeMs);
    // Infinite where all that wait follow one that is on its way: its end asks again.
    return Math.min(Date.now() + maxRetryMs, Math.max(this.#notBeforeMs, dueMs));
  }

  #send(delivery: Delivery): void {
    const sending = this.#attempt(delivery)
      .catch((error: unknown) => {
        // Stopping: not settled, so it comes again.
        if (!this.#context.stop.aborted) this.#failure.reject(error);
      })
      .then(() => {
        this.#sending.delete(delivery);
        if (!this.#context.stop.aborted) this.#pump();
        const { resolve } = this.#onProgress;
        this.#onProgress = Promise.withResolvers<void>();
        resolve();
      });
    this.#sending.set(delivery, sending);
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { metrics, stop } = this.#context;
    metrics.requests.inc();
    const answer = await this.#endpoint.post(delivery.message, stop);
    // Its partition went to another process meanwhile, or came back: there it is sent again, under the same id.
    if (stop.aborted || !this.#pending.has(delivery)) return;
    if (answer.outcome === 'failed') return this.#failed(delivery, answer);
    this.#recovered();
    if (answer.outcome === 'refused') {
      this.#context.log.warn(
        { alert: delivery.message.id },
        `${this.#endpoint.shown} refused an alert: ${answer.reason}`,
      );
      await this.#reject([delivery], answer.reason);
    } else {
      metrics.stored(delivery.taken, 1);
      this.#remove(delivery);
      delivery.taken.settled();
    }
  }

  async #failed(delivery: Delivery, answer: Extract<Answer, { outcome: 'failed' }>): Promise<void> {
    const { metrics, log } = this.#context;
    const { minRetryMs = 1000 } = this.#options;
    const nowMs = Date.now();
    metrics.retries.inc();
    this.#reason = answer.reason;
    if (this.#failures++ === 0) this.#failingSinceMs = nowMs;
    if (this.#failures === failuresOfEndpoint) {
      metrics.paused('unavailable', true);
      log.warn(`${this.#endpoint.shown} ${answer.reason}; alerts are kept, and sent again until they are taken`);
    } else log.debug({ alert: delivery.message.id }, `${this.#endpoint.shown} ${answer.reason}`);
    delivery.notBeforeMs = nowMs + backoffMs(delivery.tries++, minRetryMs, maxRetryMs);
    this.#notBeforeMs =
      nowMs + Math.max(answer.retryAfterMs ?? 0, backoffMs(this.#failures - 1, minRetryMs / 2, maxRetryMs / 2));
    const queue = this.#queues.get(delivery.key)!;
    this.#queues.delete(delivery.key);
    this.#queues.set(delivery.key, queue);
    await this.#giveUpOld(delivery, nowMs);
  }

  #recovered(): void {
    if (this.#failures >= failuresOfEndpoint) {
      this.#context.metrics.paused('unavailable', false);
      const seconds = ((Date.now() - this.#failingSinceMs) / 1000).toFixed(1);
      this.#context.log.info(`${this.#endpoint.shown} takes alerts again after ${seconds} s`);
    }
    this.#failures = 0;
    this.#notBeforeMs = 0;
  }

  /** @param failed has just come back; others that are on their way may yet be taken. */
  async #giveUpOld(failed: Delivery, nowMs: number): Promise<void> {
    const { giveUpAfterMs } = this.#options;
    const hopeless = nowMs - this.#failingSinceMs >= Math.min(giveUpAfterMs, hopelessAfterMs);
    const old = [...this.#pending].filter(
      delivery =>
        nowMs - delivery.taken.record.timestampMs > giveUpAfterMs &&
        (delivery.tries > 0 || hopeless) &&
        (delivery === failed || !this.#sending.has(delivery)),
    );
    if (old.length === 0) return;
    const reason = `not taken within ${giveUpAfterMs / 1000} s; at last it ${this.#reason}`;
    this.#context.log.warn({ alerts: old.length }, `alerts given up: ${this.#endpoint.shown} ${reason}`);
    await this.#reject(old, reason);
  }

  async #reject(deliveries: readonly Delivery[], reason: string): Promise<void> {
    const rejection = { reason: `webhook ${this.#options.name}: ${reason}`, field: 'payload' };
    for (const delivery of deliveries) this.#remove(delivery); // Not to be sent while the rejected topic takes it.
    await Promise.all(
      deliveries.map(async ({ taken }) => {
        await this.#context.reject(taken, rejection);
        taken.settled();
      }),
    );
  }
}
