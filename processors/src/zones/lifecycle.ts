/**
 * The life of a zone's windows, the same for one partition's part and for the whole: open → final → forgotten. What is
 * published has a rising revision; what may still change is kept, in the state too.
 */
import { type ZoneMetric, zoneKey } from '@millrace/wire/zones.ts';
import type { FlushClock } from '../task.ts';

export class LiveWindow {
  readonly startUs: number;
  /** Of what was last published; 0: nothing yet. */
  revision = 0;
  final = false;
  /** `nowUs` of the first flush after it began; undefined before. */
  openedUs: number | undefined;
  /** `nowUs` when its entry was last written. */
  keptUs: number | undefined;
  /** Differs from what was last published; after a restart that is not known. */
  dirty = true;
  /** Its entry in the state is not what it was. */
  touched = true;
  /** When it was last published, by the monotonic clock. */
  sentMs = Number.NEGATIVE_INFINITY;

  constructor(startUs: number) {
    this.startUs = startUs;
  }
}

export interface LifeTimes {
  /** Size of the windows, µs. */
  readonly windowUs: number;
  /** Shortest time between two results of a window; the final one comes at once. */
  readonly earlyIntervalMs: number;
  /** How long after its end, or its beginning here if that is later, a window waits to be closed. */
  readonly maxHoldUs: number;
  /** How long a window that nobody changes waits for those that might. */
  readonly waitUs: number;
}

/** How a kind of zone does what all of them do. */
export interface LifeSteps<W extends LiveWindow> {
  /** @returns whether all have sent what they have for the window, by their word. */
  closed(window: W): boolean;
  /** @returns whether nobody can add to the window, or to one before it, any more. */
  settled(window: W): boolean;
  publish(window: W): void;
  /** Its entry is to be written. */
  keep(window: W): void;
  /** Its entries are to be deleted. @param cut while somebody might have added to it. */
  forget(window: W, cut: boolean): void;
}

export class LiveZone<W extends LiveWindow> {
  readonly of: ZoneMetric;
  readonly key: string;
  readonly windows = new Map<number, W>();
  /** Windows that start before it are forgotten. */
  forgottenUs = 0;
  /** `nowUs` when its own entry was last written. */
  keptUs: number | undefined;
  touched = true;
  /** Windows that start before it are given up for want of room. */
  cutUs = 0;
  /** When to look at it next: at once, or when one of the clocks has come this far. */
  due = true;
  #dueUs = Number.POSITIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(of: ZoneMetric) {
    this.of = of;
    this.key = zoneKey(of);
  }

  isDue({ nowUs, monotonicMs }: FlushClock): boolean {
    return this.due || nowUs >= this.#dueUs || monotonicMs >= this.#dueMs;
  }

  /** There is something new to publish of a window. */
  changed(window: W, { earlyIntervalMs }: Pick<LifeTimes, 'earlyIntervalMs'>): void {
    if (window.dirty) return;
    window.dirty = true;
    this.#dueMs = Math.min(this.#dueMs, window.sentMs + earlyIntervalMs);
  }

  /** Takes all windows, oldest first, as far as the time has come. They are forgotten in this order only. */
  advance({ nowUs, monotonicMs }: FlushClock, times: LifeTimes, steps: LifeSteps<W>): void {
    this.due = false;
    this.#dueUs = Number.POSITIVE_INFINITY;
    this.#dueMs = Number.POSITIVE_INFINITY;
    let mayForget = true;
    for (const startUs of [...this.windows.keys()].sort((a, b) => a - b)) {
      const window = this.windows.get(startUs)!;
      window.openedUs ??= nowUs;
      window.keptUs ??= nowUs;
      const heldUntilUs = Math.max(startUs + times.windowUs, window.openedUs) + times.maxHoldUs;
      // Those that nobody knows of yet, after a start or a pause, have as long as one that is known and silent.
      const strangersUs = window.openedUs + times.maxHoldUs;
      const settled = (): boolean => nowUs >= strangersUs && steps.settled(window);
      const over = mayForget && (nowUs >= window.keptUs + times.waitUs || settled());
      const forget = over || (mayForget && startUs < this.cutUs);
      const closes = !window.final && (forget || nowUs >= heldUntilUs || steps.closed(window));
      if (closes || (window.dirty && (forget || monotonicMs >= window.sentMs + times.earlyIntervalMs))) {
        window.final ||= closes;
        window.sentMs = monotonicMs;
        steps.publish(window);
        window.dirty = false;
      }
      if (forget) {
        this.windows.delete(startUs);
        this.forgottenUs = startUs + times.windowUs;
        this.touched = true;
        steps.forget(window, !over);
        continue;
      }
      mayForget = false;
      if (window.touched) {
        window.touched = false;
        window.keptUs = nowUs;
        steps.keep(window);
      }
      this.#dueUs = Math.min(this.#dueUs, window.keptUs + times.waitUs);
      if (!window.final) this.#dueUs = Math.min(this.#dueUs, heldUntilUs);
      if (nowUs < strangersUs) this.#dueUs = Math.min(this.#dueUs, strangersUs);
      if (window.dirty) this.#dueMs = Math.min(this.#dueMs, window.sentMs + times.earlyIntervalMs);
    }
  }

  /** Its own entry is being written. */
  kept({ nowUs }: FlushClock): this {
    this.touched = false;
    this.keptUs = nowUs;
    return this;
  }

  /** @returns whether it has been without windows for so long that it need not remember what it has forgotten. */
  isIdle({ nowUs }: FlushClock, idleUs: number): boolean {
    if (this.windows.size > 0 || this.keptUs === undefined) return false;
    this.#dueUs = Math.min(this.#dueUs, this.keptUs + idleUs);
    return nowUs >= this.keptUs + idleUs;
  }
}

/**
 * Marks the oldest windows to be given up, until the others weigh no more than `limit`: those of the present are what a
 * dashboard shows.
 */
export function cutOldest<W extends LiveWindow>(
  zones: Iterable<LiveZone<W>>,
  weightOf: (window: W) => number,
  limit: number,
): void {
  const all = [...zones].flatMap(zone => [...zone.windows.values()].map(window => ({ zone, window })));
  all.sort((a, b) => b.window.startUs - a.window.startUs);
  let weight = 0;
  for (const { zone, window } of all) {
    weight += weightOf(window);
    if (weight <= limit) continue;
    zone.cutUs = Math.max(zone.cutUs, window.startUs + 1);
    zone.due = true;
  }
}
