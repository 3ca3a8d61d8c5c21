/** All posts of the city at one bridge, kept going by one timer. */
import type { Logger } from '@millrace/runtime/log.ts';
import { atScrape, Gauge, type Metrics } from '@millrace/runtime/metrics.ts';
import type { Post } from './city.ts';
import type { SimulateConfig } from './config.ts';
import { Outbox } from './outbox.ts';
import { type City, Uplink } from './uplink.ts';
import type { VirtualClock } from './virtual-clock.ts';

const tickMs = 200;
/** Connections that are being made at one time. */
const maxConnecting = 50;
const drainMs = 8000;
/** Readings of backlog: no limit. Not infinite, which times no time at all is no number. */
const mostPerSecond = 1e9;
/** Batches without PUBACK of one post: in step with the clock, and as fast as the bridge takes them. */
const maxInFlight = { paced: 16, unpaced: 200 };

export interface FleetOptions {
  readonly config: SimulateConfig;
  readonly posts: readonly Post[];
  readonly clock: VirtualClock;
  /** The first readings that are sent; the beginning of a boot. */
  readonly fromMs: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export class Fleet implements AsyncDisposable {
  /** Resolves when the play has come to its end and everything is acknowledged; never in real time. */
  readonly finished: Promise<void>;
  readonly #options: FleetOptions;
  readonly #uplinks: readonly Uplink[];
  readonly #timer: NodeJS.Timeout;
  #onFinished!: () => void;
  /** Readings of backlog that may go at once. */
  #allowance = 0;
  #tickedMs = performance.now();
  #mayConnect = 0;
  #turn = 0;
  #acknowledged = 0;
  #isDown = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { config, posts, clock, fromMs } = options;
    this.finished = new Promise(resolve => (this.#onFinished = resolve));
    const city = this.#city();
    this.#uplinks = posts.map(post => new Uplink(post, new Outbox(config.seed, post, fromMs), city));
    this.#observe();
    this.#timer = setInterval(() => this.#tick(), clock.speed === Number.POSITIVE_INFINITY ? tickMs / 10 : tickMs);
  }

  get online(): number {
    return this.#uplinks.reduce((sum, { isOnline }) => sum + (isOnline ? 1 : 0), 0);
  }

  /** Readings with a PUBACK. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Everybody's last batches get their PUBACK, as far as the time for it reaches, and all say OFFLINE. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const signal = AbortSignal.timeout(drainMs);
    await Promise.all(this.#uplinks.map(uplink => uplink.drain(signal)));
  }

  #tick(): void {
    const { clock } = this.#options;
    const nowMs = performance.now();
    const perSecond = Math.min(mostPerSecond, this.#options.config.backlogPerSecond * clock.speed);
    this.#allowance = Math.min(perSecond, this.#allowance + (perSecond * (nowMs - this.#tickedMs)) / 1000);
    this.#tickedMs = nowMs;
    this.#mayConnect = maxConnecting - this.#uplinks.reduce((sum, { isConnecting }) => sum + (isConnecting ? 1 : 0), 0);
    // Another one first each time: the backlog's pace is shared.
    this.#turn = (this.#turn + 7) % this.#uplinks.length;
    for (let i = 0; i < this.#uplinks.length; i++)
      this.#uplinks[(this.#turn + i) % this.#uplinks.length]!.tick(clock.endMs);
    if (clock.endMs !== undefined && clock.now() >= clock.endMs && this.#uplinks.every(({ isDone }) => isDone))
      this.#onFinished();
  }

  #city(): City {
    const { config, clock, metrics } = this.#options;
    return {
      mqtt: config.mqtt,
      statusIntervalMs: config.statusIntervalMs,
      maxInFlight: clock.speed === Number.POSITIVE_INFINITY ? maxInFlight.unpaced : maxInFlight.paced,
      now: () => clock.now(),
      mayBacklog: () => this.#allowance > 0,
      onSent: (readings, isBacklog) => {
        if (isBacklog) this.#allowance -= readings;
      },
      onTaken: readings => metrics.flow.in.inc(readings),
      onAcknowledged: readings => {
        this.#acknowledged += readings;
        metrics.flow.out.inc(readings);
      },
      onConnection: (change, gateway, reason) => this.#onConnection(change, gateway, reason),
      mayConnect: () => this.#mayConnect-- > 0,
    };
  }

  /** The bridge that goes and comes back is said once, not once for each of a thousand posts. */
  #onConnection(change: Parameters<City['onConnection']>[0], gateway: string, reason: string | undefined): void {
    const { log, config } = this.#options;
    if (change === 'opened' && this.#isDown) {
      this.#isDown = false;
      log.info(`connected to ${config.mqtt.url} again`);
    } else if ((change === 'lost' || change === 'failed') && !this.#isDown && this.online === 0) {
      this.#isDown = true;
      log.warn(`no connection to ${config.mqtt.url}: ${reason}; trying until it works, and nothing is left out`);
    } else log.debug({ gateway, reason }, `connection ${change}`);
  }

  #observe(): void {
    const { registry, flow } = this.#options.metrics;
    atScrape(flow.lag, () => this.#uplinks.reduce((sum, { outbox }) => sum + outbox.waiting, 0));
    const online = new Gauge({
      name: 'millrace_simulate_connected',
      help: 'Simulated gateways that are connected.',
      registers: [registry],
    });
    atScrape(online, () => this.online);
  }
}
