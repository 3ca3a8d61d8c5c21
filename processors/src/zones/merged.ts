/** A zone with the parts of all partitions: what is known of its windows, and what its sources are still to send. */
import type { ZonePart, ZoneStatsRow } from '@millrace/wire/zones.ts';
import { Sketch } from '../sketch.ts';
import { LiveWindow, LiveZone } from './lifecycle.ts';
import { expectedForUs } from './members.ts';
import { ZoneSum } from './sum.ts';

/** How long a window waits to become final for a source that last sent something for a window this much earlier. */
const awaitedForUs = 3_600_000_000;

/** What a source said of its sensors with some window. */
export type SensorsKnown = Pick<ZonePart, 'startUs' | 'sensorsExpected' | 'expected'>;

export interface Source {
  /** Windows that start before it: what it has not sent it will hardly send. */
  finalThroughUs: number;
  /** Windows that start before it change no more there. */
  settledThroughUs: number;
  /** Of its newest part that is forgotten. */
  base: SensorsKnown | undefined;
}

export class MergedWindow extends LiveWindow {
  /** By source; the newest revision of each. */
  readonly parts = new Map<number, ZonePart>();
  /** Sources whose part is not in the state yet. */
  readonly touchedParts = new Set<number>();
}

export class MergedZone extends LiveZone<MergedWindow> {
  readonly sources = new Map<number, Source>();

  sourceOf(number: number): Source {
    let source = this.sources.get(number);
    if (source === undefined) {
      source = { finalThroughUs: 0, settledThroughUs: 0, base: undefined };
      this.sources.set(number, source);
    }
    return source;
  }

  /** @returns what the source last said of its sensors, as of a window: with it, or with the last one before. */
  known(number: number, startUs: number): SensorsKnown | undefined {
    let known = this.sources.get(number)?.base;
    for (const window of this.windows.values()) {
      const part = window.startUs <= startUs ? window.parts.get(number) : undefined;
      if (part !== undefined && (known === undefined || part.startUs > known.startUs)) known = part;
    }
    return known;
  }

  /** @returns whether all sources that have sensors in the zone say that they have sent what they have for a window. */
  closed({ startUs, parts }: MergedWindow): boolean {
    for (const [number, { finalThroughUs, settledThroughUs }] of this.sources) {
      if (settledThroughUs > startUs) continue;
      const part = parts.get(number);
      const known = part ?? this.known(number, startUs);
      if (known === undefined || known.sensorsExpected === 0 || startUs - known.startUs > awaitedForUs) continue;
      if (part === undefined ? finalThroughUs <= startUs : !part.final) return false;
    }
    return true;
  }

  /** @returns whether no source that was there within a day changes a window, or one before it, any more. */
  settled({ startUs }: MergedWindow): boolean {
    for (const [number, { settledThroughUs }] of this.sources) {
      if (settledThroughUs > startUs) continue;
      const known = this.known(number, startUs);
      if (known !== undefined && startUs - known.startUs <= expectedForUs) return false;
    }
    return true;
  }

  /** @returns undefined when the window has no readings. */
  row(window: MergedWindow): Omit<ZoneStatsRow, 'revision' | 'final'> | undefined {
    const { startUs, parts } = window;
    const sum = new ZoneSum();
    let sensorsExpected = 0;
    let expected = 0;
    for (const number of this.sources.keys()) {
      const part = parts.get(number);
      if (part !== undefined)
        sum.add({ ...part, sketch: part.sketch.length === 0 ? undefined : Sketch.decode(part.sketch) });
      const known = part ?? this.known(number, startUs);
      if (known === undefined || known.sensorsExpected === 0 || startUs - known.startUs > expectedForUs) continue;
      sensorsExpected += known.sensorsExpected;
      // As in a part: unknown of some is unknown of all.
      expected += known.expected || Number.NaN;
    }
    if (sum.count === 0) return undefined;
    const { sensors, count, mean, meanOfMeans, min, max } = sum;
    return {
      startUs,
      sensors,
      sensorsExpected,
      count,
      expected: Number.isNaN(expected) ? 0 : expected,
      mean,
      meanOfMeans,
      min,
      max,
      p50: sum.quantile(0.5),
      p95: sum.quantile(0.95),
      p99: sum.quantile(0.99),
    };
  }

  /** Later windows count on what a source said with an earlier one, until they hear from it themselves. */
  *relyingOn(number: number, startUs: number): Generator<MergedWindow> {
    for (const window of this.windows.values()) if (window.startUs > startUs && !window.parts.has(number)) yield window;
  }

  /** Before a window goes: what its sources said of their sensors stays. */
  keepKnown({ parts }: MergedWindow): void {
    for (const [number, { startUs, sensorsExpected, expected }] of parts)
      this.sourceOf(number).base = { startUs, sensorsExpected, expected };
  }

  /** Sources that nothing depends on any more. */
  forgetSources(): void {
    for (const [number, { base }] of this.sources) {
      if (base !== undefined && this.forgottenUs - base.startUs <= expectedForUs) continue;
      if (![...this.windows.values()].some(({ parts }) => parts.has(number))) this.sources.delete(number);
    }
  }
}
