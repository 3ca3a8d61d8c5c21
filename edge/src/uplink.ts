/** Sends the outbox to the broker: live first, the backlog paced, a bounded window in flight, everything unacknowledged again after a cut. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime/log.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { type GatewayId, mqttTopic } from '@millrace/wire/names.ts';
import { encodeStatus, GatewayState, type GatewayStatus } from '@millrace/wire/status.ts';
import { type Connection, type ConnectionOptions, connect } from './connection.ts';
import type { Outbox } from './outbox/outbox.ts';
import type { SealedBatch } from './outbox/seal.ts';
import { Pacer } from './pacer.ts';

export interface UplinkOptions {
  readonly gateway: GatewayId;
  readonly mqtt: {
    readonly url: string;
    readonly username?: string | undefined;
    readonly password?: string | undefined;
    readonly keepaliveSeconds: number;
    /** Batches in flight. */
    readonly inFlight: number;
  };
  /** Asked at each connection. */
  readonly tls?: () => NonNullable<ConnectionOptions['tls']>;
  /** What comes on the commands topic. */
  readonly onCommand?: (payload: Uint8Array) => void;
  readonly statusIntervalMs: number;
  readonly outbox: Outbox;
  /** The gateway as it is now; `state` is the uplink's. */
  readonly status: () => Omit<GatewayStatus, 'state'>;
  readonly log: Logger;
  readonly onAcknowledged?: (readings: number) => void;
  /** Pauses between attempts to connect. */
  readonly minPauseMs?: number;
  readonly maxPauseMs?: number;
  /** Stopping: the outbox is sent for at most this long. */
  readonly drainMs?: number;
}

/** Stopping: the broker has this long for the last status and for closing. */
const farewellMs = 1000;
const maxReplies = 100;
/** Of the window, the part that the backlog leaves to live batches. */
const liveShare = 1 / 4;

/**
 * States: **connecting** → **online** (birth published, batches flow) → **lost** (a pause, growing with each failure) →
 * **connecting** …; disposed: **draining** when online, otherwise at once → **stopped**.
 */
export class Uplink implements AsyncDisposable {
  readonly #options: UplinkOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #online: Connection | undefined;
  /** Of this connection: batches without PUBACK, and those of them that are backlog. */
  #inFlight = 0;
  #backlogInFlight = 0;
  #pacer = new Pacer(1);
  #statusInFlight = false;
  #isAcknowledging = false;
  #onIdle: (() => void) | undefined;
  /** Replies without PUBACK, oldest first: sent again on the next connection, and gone with the process. */
  readonly #replies = new Set<Uint8Array>();

  constructor(options: UplinkOptions) {
    this.#options = options;
    options.outbox.onChange(() => this.#pump());
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#online !== undefined;
  }

  /** Sends an encoded `CommandReply`, now or once there is a connection. */
  reply(bytes: Uint8Array): void {
    this.#replies.add(bytes);
    if (this.#replies.size > maxReplies) this.#replies.delete(this.#replies.values().next().value!);
    if (this.#online !== undefined) this.#publishReply(this.#online, bytes);
  }

  /** Sends what the outbox holds while the broker answers, says OFFLINE, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    const connection = this.#online;
    if (connection !== undefined) {
      const { drainMs = 5000, outbox, log } = this.#options;
      await Promise.race([this.#idle(), connection.closed, wait(drainMs, undefined, { ref: false })]);
      this.#stopping.abort();
      if (outbox.level.readings > 0)
        log.info({ readings: outbox.level.readings }, 'what is left in the outbox is sent after the next start');
      const said = new Promise<void>(resolve => this.#publishStatus(connection, GatewayState.OFFLINE, resolve));
      await Promise.race([said, connection.closed, wait(farewellMs, undefined, { ref: false })]);
      connection.end();
      await Promise.race([connection.closed, wait(farewellMs, undefined, { ref: false })]);
      connection.destroy();
    }
    this.#stopping.abort();
    this.#options.outbox.onChange(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log, mqtt, minPauseMs = 100, maxPauseMs = 5000 } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    let said: string | undefined;
    for (;;) {
      this.#isAcknowledging = false;
      const connection = this.#connect();
      const abort = (): void => (this.#online === undefined ? connection.destroy() : undefined);
      signal.addEventListener('abort', abort, { once: true });
      void connection.opened.then(() => {
        if (failures > 0) log.info({ failures }, `connected to ${mqtt.url} again`);
        else log.info(`connected to ${mqtt.url}`);
        this.#goOnline(connection);
      });
      const reason = await connection.closed;
      // A broker that accepts and closes again before it has acknowledged anything is not one that works: pauses go on growing.
      if (this.#isAcknowledging) failures = 0;
      signal.removeEventListener('abort', abort);
      const wasOnline = this.#online !== undefined;
      this.#online = undefined;
      this.#options.outbox.closeLanes();
      if (signal.aborted) return;
      if (wasOnline) log.warn(`lost ${mqtt.url}: ${reason}; readings stay in the outbox, connecting until it works`);
      else if (reason !== said) log.warn(`cannot connect to ${mqtt.url}: ${reason}; trying until it works`);
      said = wasOnline ? undefined : reason;
      await wait(backoffMs(failures, minPauseMs, maxPauseMs), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      failures += 1;
    }
  }

  #connect(): Connection {
    const { gateway, mqtt } = this.#options;
    return connect({
      ...mqtt,
      clientId: gateway,
      username: mqtt.username ?? gateway,
      password: mqtt.password,
      tls: this.#options.tls?.(),
      will: { topic: mqttTopic(gateway, 'status'), payload: this.#statusAs(GatewayState.OFFLINE) },
    });
  }

  #goOnline(connection: Connection): void {
    this.#online = connection;
    this.#inFlight = 0;
    this.#backlogInFlight = 0;
    const { inFlight } = this.#options.mqtt;
    this.#pacer = new Pacer(Math.max(1, inFlight - Math.ceil(inFlight * liveShare)));
    this.#options.outbox.openLanes();
    this.#statusInFlight = false;
    this.#publishStatus(connection, GatewayState.ONLINE);
    this.#listen(connection);
    for (const reply of this.#replies) this.#publishReply(connection, reply);
    const pulse = setInterval(() => {
      if (!this.#statusInFlight) this.#publishStatus(connection, GatewayState.ONLINE);
    }, this.#options.statusIntervalMs);
    void connection.closed.then(() => clearInterval(pulse));
    this.#pump();
  }

  #listen(connection: Connection): void {
    const { gateway, onCommand, log } = this.#options;
    if (onCommand === undefined) return;
    connection.subscribe(mqttTopic(gateway, 'commands'), onCommand, granted => {
      if (!granted && this.#online === connection)
        log.warn('the broker refuses the subscription to commands: none will come');
    });
  }

  #publishReply(connection: Connection, bytes: Uint8Array): void {
    const topic = mqttTopic(this.#options.gateway, 'replies');
    connection.publish(topic, bytes, { retain: false }, () => this.#replies.delete(bytes));
  }

  /** Publishes until the window is full or there is nothing that may go. */
  #pump(): void {
    const connection = this.#online;
    if (connection === undefined || this.#stopping.signal.aborted) return;
    const { lanes } = this.#options.outbox;
    const { inFlight } = this.#options.mqtt;
    while (this.#inFlight < inFlight) {
      const batch = lanes.next(this.#backlogInFlight < this.#pacer.window);
      if (batch === undefined) break;
      this.#publish(connection, batch, lanes.isLive(batch));
    }
    lanes.wait(inFlight - this.#inFlight);
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  #publish(connection: Connection, batch: SealedBatch, isLive: boolean): void {
    const { gateway, outbox, onAcknowledged } = this.#options;
    const publishedMs = performance.now();
    this.#inFlight += 1;
    if (!isLive) this.#backlogInFlight += 1;
    connection.publish(mqttTopic(gateway, 'readings'), batch.bytes, { retain: false }, () => {
      if (this.#online === connection) {
        this.#inFlight -= 1;
        this.#isAcknowledging = true;
        if (!isLive) this.#backlogInFlight -= 1;
        this.#pacer.onAcknowledged(performance.now() - publishedMs);
      }
      onAcknowledged?.(batch.lastSeq - batch.firstSeq + 1);
      outbox.acknowledge(batch); // Tells its listener, which pumps.
    });
  }

  /** Resolves when everything in the outbox is acknowledged. */
  #idle(): Promise<void> {
    return new Promise(resolve => {
      this.#onIdle = resolve;
      this.#pump();
    });
  }

  #publishStatus(connection: Connection, state: GatewayStatus['state'], onPuback?: () => void): void {
    const topic = mqttTopic(this.#options.gateway, 'status');
    this.#statusInFlight = true;
    connection.publish(topic, this.#statusAs(state), { retain: true }, () => {
      this.#statusInFlight = false;
      if (this.#online === connection) this.#isAcknowledging = true;
      onPuback?.();
    });
  }

  #statusAs(state: GatewayStatus['state']): Uint8Array {
    return encodeStatus({ ...this.#options.status(), state });
  }
}
