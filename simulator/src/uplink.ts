/** One post at the bridge: connected unless its outage says otherwise, live first, everything unacknowledged again after a cut. */
import { backoffMs } from '@millrace/runtime/retry.ts';
import { Clock, encodeBatch } from '@millrace/wire/batch.ts';
import { mqttTopic } from '@millrace/wire/names.ts';
import { maxRanges } from '@millrace/wire/ranges.ts';
import { encodeStatus, GatewayState, type GatewayStatus } from '@millrace/wire/status.ts';
import simulatorPackage from '../package.json' with { type: 'json' };
import { type Post, site } from './city.ts';
import { type Connection, connect } from './connection.ts';
import type { Outbox } from './outbox.ts';
import { isIn, slotMs } from './plan.ts';

/** Of the batches without PUBACK of one post, the part that the backlog leaves to live ones. */
const liveShare = 1 / 4;
/** While a backlog goes out, what is complete is told this often, in the city's time. */
const claimEveryMs = 600_000;
const minPauseMs = 250;
const maxPauseMs = 10_000;
const farewellMs = 1000;
/** As an agent's outbox takes about; for the status. */
const bytesPerReading = 24;

/** What all posts share. */
export interface City {
  readonly mqtt: { readonly url: string; readonly keepaliveSeconds: number };
  readonly statusIntervalMs: number;
  /** Batches without PUBACK of one post. */
  readonly maxInFlight: number;
  /** The city's time. */
  now(): number;
  /** Whether so many readings of backlog may go now: the pace of the whole city. */
  mayBacklog(): boolean;
  onSent(readings: number, isBacklog: boolean): void;
  onTaken(readings: number): void;
  onAcknowledged(readings: number): void;
  /** `outage`: one of the city's own. */
  onConnection(change: 'opened' | 'outage' | 'lost' | 'failed', gateway: string, reason?: string): void;
  /** Few at a time: a bridge that comes back would otherwise meet them all at once. */
  mayConnect(): boolean;
}

/** States: **away** (outage, or a pause after a failure) → **connecting** → **online** → **away** …; `drain` from any. */
export class Uplink {
  readonly post: Post;
  readonly outbox: Outbox;
  readonly #city: City;
  readonly #readingsTopic: string;
  readonly #statusTopic: string;
  /** Within a slot: not all posts of a city send at one instant. */
  readonly #phaseMs: number;
  #connection: Connection | undefined;
  #isOnline = false;
  #isStopping = false;
  #failures = 0;
  #retryAtMs = 0;
  #statusAtMs = 0;
  #claimedMs = 0;
  #claimsInFlight = 0;
  #onIdle: (() => void) | undefined;

  constructor(post: Post, outbox: Outbox, city: City) {
    this.post = post;
    this.outbox = outbox;
    this.#city = city;
    this.#phaseMs = post.key % slotMs;
    this.#readingsTopic = mqttTopic(post.gateway, 'readings');
    this.#statusTopic = mqttTopic(post.gateway, 'status');
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  get isConnecting(): boolean {
    return this.#connection !== undefined && !this.#isOnline;
  }

  /** Everything due is acknowledged, and so is the word that it is complete. */
  get isDone(): boolean {
    return this.outbox.isEmpty && this.#claimsInFlight === 0 && this.#claimedMs === this.outbox.dueMs;
  }

  /** To be called often. @param endMs where the play ends: what is due then goes at once, and no outage holds it. */
  tick(endMs: number | undefined): void {
    if (this.#isStopping) return;
    const nowMs = this.#city.now();
    const isOver = endMs !== undefined && nowMs >= endMs;
    const taken = this.outbox.advance(isOver ? endMs : nowMs - this.#phaseMs);
    if (taken > 0) this.#city.onTaken(taken);
    const isOut = !isOver && this.#isOutage(nowMs);
    if (isOut) this.#connection?.destroy();
    else if (this.#connection === undefined) this.#reconnect();
    if (!this.#isOnline) return;
    if (performance.now() >= this.#statusAtMs) this.#sayStatus(GatewayState.ONLINE);
    this.pump();
  }

  /** Publishes what may go. */
  pump(): void {
    const { outbox } = this;
    const { maxInFlight } = this.#city;
    while (this.#isOnline && !this.#isStopping && outbox.inFlight < maxInFlight) {
      const withBacklog = outbox.inFlight < maxInFlight * (1 - liveShare) && this.#city.mayBacklog();
      const isBacklog = !outbox.hasLive;
      const slot = outbox.take(withBacklog);
      if (slot === undefined) break;
      this.#send(slot, isBacklog);
    }
    this.#claim();
  }

  /** What is in flight gets its PUBACK, then OFFLINE is said; both only as long as the signal lets. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isStopping = true;
    const connection = this.#connection;
    if (connection === undefined) return;
    const closed = new Promise<void>(resolve => (this.#onIdle = resolve));
    signal.addEventListener('abort', () => connection.destroy(), { once: true });
    if (!this.#isOnline) connection.destroy();
    else if (this.outbox.inFlight === 0) this.#sayFarewell();
    await closed;
  }

  #isOutage(nowMs: number): boolean {
    const { boot } = this.outbox.placeOf(Math.floor(nowMs / slotMs));
    return isIn(boot.plan.outage, nowMs);
  }

  #reconnect(): void {
    if (performance.now() < this.#retryAtMs || !this.#city.mayConnect()) return;
    const connection = connect({
      ...this.#city.mqtt,
      gateway: this.post.gateway,
      will: { topic: this.#statusTopic, payload: this.#statusAs(GatewayState.OFFLINE) },
      onOpen: () => {
        this.#isOnline = true;
        this.#failures = 0;
        this.#claimsInFlight = 0;
        this.#city.onConnection('opened', this.post.gateway);
        this.#sayStatus(GatewayState.ONLINE);
        this.pump();
      },
      onClose: reason => this.#onClose(reason),
    });
    this.#connection = connection;
  }

  #onClose(reason: string): void {
    const wasOnline = this.#isOnline;
    this.#connection = undefined;
    this.#isOnline = false;
    this.#claimsInFlight = 0;
    this.#claimedMs = Math.min(this.#claimedMs, this.outbox.completeMs - 1); // The last word may not have arrived.
    this.outbox.disconnected();
    this.#onIdle?.();
    if (this.#isStopping) return;
    const isOutage = this.#isOutage(this.#city.now());
    this.#retryAtMs = performance.now() + backoffMs(isOutage ? 0 : this.#failures++, minPauseMs, maxPauseMs);
    this.#city.onConnection(isOutage ? 'outage' : wasOnline ? 'lost' : 'failed', this.post.gateway, reason);
  }

  #send(slot: number, isBacklog: boolean): void {
    const { boot, slot: place } = this.outbox.placeOf(slot);
    const readings = boot.readings(place);
    const bytes = boot.seal(place);
    if (bytes === undefined) return this.outbox.acknowledge(slot);
    this.#city.onSent(readings, isBacklog);
    const connection = this.#connection!;
    connection.publish(this.#readingsTopic, bytes, false, () => {
      if (connection !== this.#connection) return; // Lost: it is in the backlog again.
      this.outbox.acknowledge(slot);
      this.#city.onAcknowledged(readings);
      if (this.#isStopping && this.outbox.inFlight === 0) this.#sayFarewell();
      else this.pump();
    });
  }

  /** Tells through when everything has been acknowledged, in a batch that holds nothing else. */
  #claim(): void {
    const { outbox } = this;
    const completeMs = outbox.completeMs;
    if (!this.#isOnline || this.#isStopping || completeMs <= this.#claimedMs) return;
    if (outbox.hasBacklog && completeMs - this.#claimedMs < claimEveryMs) return;
    const { boot, slot } = outbox.placeOf(completeMs / slotMs - 1);
    const { clock } = boot.plan;
    if (clock.state === Clock.UNSYNCED && completeMs <= clock.untilMs && !outbox.isEmpty) return;
    this.#claimedMs = completeMs;
    this.#claimsInFlight += 1;
    const bytes = encodeBatch({
      gateway: this.post.gateway,
      site,
      boot: boot.plan.boot,
      firstSeq: boot.firstSeq(slot + 1),
      series: [],
      seriesIndex: [],
      timeUs: [],
      value: [],
      quality: [],
      clock: Clock.SYNCED,
      completeThroughUs: completeMs * 1000,
      dropped: [],
    });
    const connection = this.#connection!;
    connection.publish(this.#readingsTopic, bytes, false, () => {
      if (connection === this.#connection) this.#claimsInFlight -= 1;
    });
  }

  #sayFarewell(): void {
    const connection = this.#connection!;
    this.#sayStatus(GatewayState.OFFLINE, () => connection.end());
    setTimeout(() => connection.destroy(), farewellMs).unref();
  }

  #sayStatus(state: GatewayStatus['state'], onPuback: () => void = () => {}): void {
    this.#statusAtMs = performance.now() + this.#city.statusIntervalMs;
    this.#connection!.publish(this.#statusTopic, this.#statusAs(state), true, onPuback);
  }

  #statusAs(state: GatewayStatus['state']): Uint8Array {
    const { outbox, post } = this;
    const nowMs = this.#city.now();
    const { boot, due } = outbox.newest();
    const { clock } = boot.plan;
    const isEarly = nowMs < clock.untilMs;
    return encodeStatus({
      gateway: post.gateway,
      site,
      state,
      version: simulatorPackage.version,
      boot: boot.plan.boot,
      lastSeq: boot.firstSeq(due) - 1,
      outboxReadings: outbox.waiting,
      outboxBytes: outbox.waiting * bytesPerReading,
      dropped: boot.droppedBefore(due),
      clock: isEarly ? clock.state : Clock.SYNCED,
      clockOffsetMs: isEarly ? clock.offsetMs : 0,
      lat: post.lat,
      lon: post.lon,
      atUs: Math.floor((nowMs + (isEarly ? clock.offsetMs : 0)) * 1000),
      unsent: outbox.unsent().slice(-maxRanges),
      completeThroughUs: outbox.completeMs * 1000,
    });
  }
}
