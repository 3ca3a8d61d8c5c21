/**
 * Dates readings before they are sealed, since a sealed reading never changes: what is taken before the clock is
 * synchronised is held on disk with provisional times, and goes to the outbox once it is known when it was.
 */
import { InvariantError, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { Intake } from '../intake.ts';
import type { Note } from '../outbox/declarations.ts';
import type { Reading } from '../reading.ts';
import type { GatewayClock } from './clock.ts';
import type { Held, HeldRow } from './held.ts';

export interface DatingOptions {
  readonly clock: GatewayClock;
  readonly outbox: Intake;
  /** Opened when the first reading has to be held, or when a former run left some. */
  readonly openHeld: () => Held;
  readonly isHeldThere: boolean;
  /** Bytes held at most: beyond, the oldest go out as `UNSYNCED`. */
  readonly maxHeldBytes: number;
  readonly log: Logger;
}

/** The outbox's name for what comes from here; no source can have it. */
const heldSource = '@held';
/** Moved at once; one transaction of the outbox. */
const moveReadings = 5000;

/**
 * States: **holding** (the clock is not synchronised, or what was held is not in the outbox yet: readings are held, in their
 * order) → **passing** (readings go to the outbox at once). Once passing, it never holds again in this process.
 */
export class Dating implements Intake, AsyncDisposable {
  /** Rejects when what is held cannot be moved; never resolves. */
  readonly failed: Promise<never>;
  readonly #fail: (error: unknown) => void;
  readonly #options: DatingOptions;
  #held: Held | undefined;
  #isHolding: boolean;
  #moving: Promise<void> | undefined;
  #isDraining = false;

  constructor(options: DatingOptions) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    this.#fail = reject;
    this.#options = options;
    const { clock, isHeldThere } = options;
    this.#isHolding = isHeldThere || clock.state === Clock.UNSYNCED;
    if (isHeldThere) this.#held = options.openHeld();
    clock.onSynced(() => this.#move());
    if (this.#isHolding) this.#move();
  }

  /** Readings that wait for the clock. */
  get heldReadings(): number {
    return this.#held?.level.readings ?? 0;
  }

  cursor(source: string): string | undefined {
    return this.#held?.cursors.get(source) ?? this.#options.outbox.cursor(source);
  }

  finish(source: string): void {
    this.#options.outbox.finish(source);
  }

  drain(): void {
    this.#isDraining = true;
    this.#held?.drain();
    this.#options.outbox.drain();
  }

  append(source: string, readings: readonly Reading[], note: Note = {}): Promise<void> {
    if (this.#isHolding) return this.#hold(source, readings, note);
    const { clock, outbox } = this.#options;
    const isCorrected = clock.state === Clock.CORRECTED;
    const dated = readings.map(reading => {
      if (reading.dated === 'source') return reading;
      const timeUs = clock.amended(reading.timeUs);
      if (!isCorrected && timeUs === reading.timeUs) return reading;
      return { ...reading, timeUs, clock: Clock.CORRECTED };
    });
    const { completeThroughUs } = note;
    const amended =
      completeThroughUs === undefined ? note : { ...note, completeThroughUs: clock.amended(completeThroughUs) };
    return outbox.append(source, dated, amended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drain();
    await this.#moving;
    this.#held?.[Symbol.dispose]();
  }

  /** What its own source has dated does not wait. Nothing is declared complete while something is held. */
  async #hold(source: string, readings: readonly Reading[], { cursor }: Note): Promise<void> {
    const { clock, outbox, maxHeldBytes } = this.#options;
    const provisional = readings.filter(({ dated }) => dated === undefined);
    const own = readings.filter(({ dated }) => dated === 'source');
    const note: Note = cursor === undefined ? {} : { cursor };
    if (own.length > 0) await outbox.append(source, own, provisional.length === 0 ? note : {});
    if (provisional.length === 0) return;
    if (!this.#isHolding) return this.append(source, provisional, note);
    this.#held ??= this.#options.openHeld();
    await this.#held.append(source, provisional, note, clock.timeline);
    if (this.#held.level.bytes > maxHeldBytes) this.#move();
  }

  #move(): void {
    if (this.#isDraining) return;
    this.#moving ??= this.#moveAll().then(
      () => {
        this.#moving = undefined;
        // Synchronised in the very moment in which it gave up waiting for that.
        if (this.#isHolding && this.#options.clock.state !== Clock.UNSYNCED) this.#move();
      },
      (error: unknown) => {
        // The outbox was closed under it: what was not moved is still held.
        if (!(error instanceof TransientError)) this.#fail(error);
      },
    );
  }

  async #moveAll(): Promise<void> {
    const { clock, log } = this.#options;
    let moved = 0;
    while (!this.#isDraining) {
      const held = this.#held;
      if (held !== undefined && !held.isEmpty) {
        const count = await this.#moveSome(held);
        moved += count;
        if (count > 0) continue;
      }
      if (clock.state === Clock.UNSYNCED) break;
      if (held !== undefined && !held.isEmpty) {
        // Appends are on their way to the disk.
        await new Promise(resolve => setTimeout(resolve, 10));
        continue;
      }
      if (held !== undefined && (await this.#moveCursors(held))) continue;
      this.#isHolding = false;
      break;
    }
    if (moved > 0) log.info({ readings: moved }, 'readings held for the clock are in the outbox');
  }

  /** @returns how many readings went to the outbox; 0 when none may yet. */
  async #moveSome(held: Held): Promise<number> {
    const { outbox, log } = this.#options;
    const rows = this.#ready(held);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const readings = rows.flatMap(row => this.#dated(row));
    const undated = readings.filter(({ clock }) => clock === Clock.UNSYNCED).length;
    if (undated > 0)
      log.warn(
        { readings: undated },
        'it cannot be known when these were taken: they are stored, and are in no window',
      );
    // The id is kept in the same transaction as the readings: a crash before `forget` moves them once all the same.
    await outbox.append(heldSource, readings, { cursor: `${held.uuid}:${last.id}` });
    held.forget(last.id);
    return readings.length;
  }

  #ready(held: Held): HeldRow[] {
    const { clock, maxHeldBytes } = this.#options;
    const [uuid, id] = (this.#options.outbox.cursor(heldSource) ?? '').split(':');
    const movedId = uuid === held.uuid ? Number(id) : -1;
    if (movedId >= 0) held.forget(movedId);
    const rows = held.oldest(movedId, moveReadings);
    if (clock.state !== Clock.UNSYNCED || held.level.bytes > maxHeldBytes) return rows;
    const firstDatable = rows.findIndex(({ timeline }) => clock.mayDate(timeline));
    return firstDatable === -1 ? rows : rows.slice(0, firstDatable);
  }

  #dated({ timeline, readings }: HeldRow): Reading[] {
    const shiftUs = this.#options.clock.correctionUs(timeline);
    if (shiftUs === undefined) return readings.map(reading => ({ ...reading, clock: Clock.UNSYNCED }));
    return readings.map(reading => {
      const timeUs = reading.timeUs + shiftUs;
      if (!Number.isSafeInteger(timeUs)) throw new InvariantError(`a correction of ${shiftUs} µs is no whole number`);
      return { ...reading, timeUs, clock: Clock.CORRECTED };
    });
  }

  /** @returns whether there were any. */
  async #moveCursors(held: Held): Promise<boolean> {
    const cursors = [...held.cursors];
    if (cursors.length === 0) return false;
    await Promise.all(cursors.map(([source, cursor]) => this.#options.outbox.append(source, [], { cursor })));
    // An append that came meanwhile has brought another cursor, and is moved before.
    if (held.isEmpty && cursors.every(([source, cursor]) => held.cursors.get(source) === cursor)) held.forgetCursors();
    return true;
  }
}
