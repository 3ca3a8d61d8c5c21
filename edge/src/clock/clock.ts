/** The gateway's clock: what sources date their readings by, and what batches say of it. */
import type { Logger } from '@millrace/runtime/log.ts';
import { Clock, type ClockState } from '@millrace/wire/batch.ts';
import type { SystemClock } from './system.ts';

/** Ties provisional times to the monotonic clock of one start of the operating system. */
export interface Timeline {
  readonly bootId: string;
  /** Wall clock minus monotonic clock that provisional times are counted with, µs. */
  readonly aheadUs: number;
}

export interface GatewayClockOptions {
  readonly system: SystemClock;
  readonly log: Logger;
  /** Times of polling; shorter in tests. */
  readonly pollMs?: number;
}

/** A wall clock that moves by more against the monotonic one was set, not slewed: adjtime(3) moves 500 µs a second. */
const stepUs = 500_000;
const keepProvisionalUs = 600_000_000;
/** Asking costs a process each time: rarely, where it has been in vain. */
const trustedPollFactor = 30;
/** Where nobody can tell whether the clock is right, it is not right before this: a machine without a battery starts in the past. */
const earliestPlausibleUs = Date.UTC(2026, 0, 1) * 1000;

/**
 * States: **UNSYNCED** (not synchronised since this start of the operating system: times are provisional) → **SYNCED** (the
 * wall clock) ⇄ **CORRECTED** (the wall clock was set by somebody, and is not known to be right: times go on from the last
 * synchronisation by the monotonic clock, whichever way the wall clock jumped).
 */
export class GatewayClock implements Disposable {
  readonly #system: SystemClock;
  readonly #log: Logger;
  readonly #pollMs: number;
  #state: ClockState = Clock.UNSYNCED;
  /** Wall minus monotonic that times are counted with, µs. */
  #aheadUs: number;
  /** What was given out before the first synchronisation, and by how much it was off; kept while somebody may still hold such a time. */
  #provisional: { readonly endUs: number; readonly shiftUs: number; readonly untilUs: number } | undefined;
  /** Nobody here can tell whether the clock is right: it is taken as it is, steps included. */
  #isTrusted = false;
  #timer: NodeJS.Timeout | undefined;
  #onSynced: () => void = () => {};

  private constructor({ system, log, pollMs = 2000 }: GatewayClockOptions) {
    this.#system = system;
    this.#log = log;
    this.#pollMs = pollMs;
    this.#aheadUs = this.#wallAheadUs;
  }

  /** Asks the system once, and goes on asking until it is disposed. */
  static async open(options: GatewayClockOptions): Promise<GatewayClock> {
    const clock = new GatewayClock(options);
    await clock.#ask();
    if (clock.#state === Clock.UNSYNCED)
      options.log.warn('the clock is not synchronised: readings are kept on disk, and are dated and sent once it is');
    clock.#poll();
    return clock;
  }

  get state(): ClockState {
    this.#look();
    return this.#state;
  }

  /** µs since the Unix epoch; provisional in UNSYNCED. Goes on evenly whatever is done to the wall clock. */
  nowUs(): number {
    this.#look();
    return this.#system.monotonicUs() + this.#aheadUs;
  }

  /** Wall clock minus this clock, ms: how wrong the wall clock is, as far as known. */
  get offsetMs(): number {
    return Math.round((this.#wallAheadUs - this.#aheadUs) / 1000);
  }

  /** What a time that `nowUs` gives now counts by. */
  get timeline(): Timeline {
    return { bootId: this.#system.bootId, aheadUs: this.#aheadUs };
  }

  /** What has to be added to a provisional time of that timeline, µs; undefined: it cannot be known. Whole. */
  correctionUs({ bootId, aheadUs }: Timeline): number | undefined {
    return this.state === Clock.UNSYNCED || bootId !== this.#system.bootId ? undefined : this.#aheadUs - aheadUs;
  }

  /**
   * A time that `nowUs` gave, as it is known now: a source may have asked before the synchronisation and emit after it. µs.
   * Where the clock was ahead, one that is held back for longer than it was off cannot be told, and is off by less than that delay.
   */
  amended(timeUs: number): number {
    const provisional = this.#provisional;
    if (provisional === undefined) return timeUs;
    const nowUs = this.nowUs();
    if (nowUs > provisional.untilUs) this.#provisional = undefined;
    const { endUs, shiftUs } = provisional;
    return timeUs <= endUs && (shiftUs > 0 || timeUs > nowUs) ? timeUs + shiftUs : timeUs;
  }

  /** Whether such a correction may still come to be known. */
  mayDate({ bootId }: Timeline): boolean {
    return bootId === this.#system.bootId;
  }

  /** Called at the first synchronisation; there is one listener. */
  onSynced(listener: () => void): void {
    this.#onSynced = listener;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get #wallAheadUs(): number {
    return this.#system.wallUs() - this.#system.monotonicUs();
  }

  /** Follows the wall clock while it is slewed, and leaves it when it is set. */
  #look(): void {
    if (this.#state === Clock.UNSYNCED) return;
    const aheadUs = this.#wallAheadUs;
    const isStepped = Math.abs(aheadUs - this.#aheadUs) > stepUs;
    if (isStepped && this.#state === Clock.SYNCED && !this.#isTrusted) {
      this.#state = Clock.CORRECTED;
      this.#log.warn(
        { stepMs: Math.round((aheadUs - this.#aheadUs) / 1000) },
        'the wall clock was set: readings are dated by the monotonic clock until it is synchronised again',
      );
    }
    if (isStepped && !this.#isTrusted) return;
    if (this.#state === Clock.CORRECTED) this.#log.info('the wall clock is where it should be again');
    this.#state = Clock.SYNCED;
    this.#aheadUs = aheadUs;
  }

  async #ask(): Promise<void> {
    this.#look();
    if (this.#state === Clock.SYNCED && !this.#isTrusted) return;
    const answer = await this.#system.synchronised(this.#state === Clock.CORRECTED);
    if (this.#state === Clock.SYNCED && this.#isTrusted) {
      // It could not be told before, and can now: from here on a step is noticed.
      if (answer !== undefined) this.#isTrusted = false;
      return;
    }
    const isTrusted = answer === undefined && this.#system.wallUs() >= earliestPlausibleUs;
    if (answer !== true && !isTrusted) return;
    const wasUnsynced = this.#state === Clock.UNSYNCED;
    this.#isTrusted = isTrusted;
    const endUs = this.#system.monotonicUs() + this.#aheadUs;
    const aheadUs = this.#wallAheadUs;
    const shiftUs = aheadUs - this.#aheadUs;
    if (wasUnsynced) this.#provisional = { endUs, shiftUs, untilUs: endUs + shiftUs + keepProvisionalUs };
    const movedMs = Math.round(shiftUs / 1000);
    this.#aheadUs = aheadUs;
    this.#state = Clock.SYNCED;
    this.#log.info(
      { movedMs },
      isTrusted
        ? 'nothing here tells whether the clock is synchronised: it is taken as right'
        : 'the clock is synchronised',
    );
    if (wasUnsynced) this.#onSynced();
  }

  #poll(): void {
    this.#timer = setTimeout(
      () => {
        void this.#ask().finally(() => {
          if (this.#timer !== undefined) this.#poll();
        });
      },
      this.#pollMs * (this.#isTrusted ? trustedPollFactor : 1),
    );
    this.#timer.unref();
  }
}
