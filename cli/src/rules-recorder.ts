/** Gathers readings into a recording, in the order of time, and what had to be left out. */
import type { ReplayConfig } from '@millrace/edge/sources/replay/config.ts';
import { choose, type ParseTime } from '@millrace/edge/sources/replay/time.ts';
import { messageOf } from '@millrace/runtime/errors.ts';
import type { Series } from '@millrace/wire/batch.ts';
import { type GatewayId, gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { parseUnit } from '@millrace/wire/units.ts';
import { UsageError } from './command.ts';

/** What the command line says of the data; where the data says it too, the data is right. */
export interface RecordingOptions {
  readonly timeColumn?: string | undefined;
  readonly timeFormat?: ReplayConfig['timeFormat'] | undefined;
  readonly timeZone?: string | undefined;
  readonly metric?: string | undefined;
  readonly unit?: string | undefined;
  readonly intervalMs: number;
  readonly sensorsFile?: string | undefined;
  readonly gateway: GatewayId;
  readonly site: string;
  readonly zone: string;
}

export interface RecordedSeries extends Series {
  readonly gateway: GatewayId;
  readonly site: string;
}

/** Never empty. Columns `seriesIndex`, `timeUs` and `value` have the length of the recording, and are in the order of time. */
export interface Recording {
  readonly series: readonly RecordedSeries[];
  readonly seriesIndex: readonly number[];
  /** As the processors would see it, µs since the Unix epoch. */
  readonly timeUs: readonly number[];
  readonly value: readonly number[];
  /** Recorded seconds a second, counted from the first reading: a replay `as: now` is compressed. */
  readonly speed: number;
  /** In which its times are to be shown. */
  readonly timeZone: string;
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** What fits in memory with ease. */
const maxReadings = 5_000_000;
const maxNotes = 20;

export class Recorder {
  readonly #file: string;
  readonly #series = new Map<string, number>();
  readonly #described: RecordedSeries[] = [];
  readonly #newestMs = new Map<string, number>();
  #seriesIndex: number[] = [];
  #timeUs: number[] = [];
  #value: number[] = [];
  #sorted = true;
  readonly #notes = new Map<string, number>();

  constructor(file: string) {
    this.#file = file;
  }

  /** A row that is one reading. */
  take(record: Readonly<Record<string, unknown>>, time: unknown, parse: ParseTime, options: RecordingOptions): void {
    const text = (name: string, otherwise: string): string => {
      const value = record[name];
      return typeof value === 'string' && value !== '' ? value : otherwise;
    };
    if (record['value'] === null || record['value'] === '' || record['value'] === undefined) return; // A gap.
    const gateway = text('gateway', options.gateway);
    const unit = text('unit', options.unit ?? '1');
    const sensor = text('sensor', '');
    const metric = text('metric', options.metric ?? '');
    const value = Number(record['value']);
    const parsed = parseUnit(unit);
    if (!isGatewayId(gateway)) return this.note(`gateway ${JSON.stringify(gateway)} ${gatewayRule}`);
    if (sensor === '' || metric === '') return this.note(`rows without a ${sensor === '' ? 'sensor' : 'metric'}`);
    if (typeof parsed === 'string') return this.note(`unit ${parsed}`);
    if (!Number.isFinite(value)) return this.note(`values that are no numbers (${JSON.stringify(record['value'])})`);
    const key = JSON.stringify([gateway, sensor, metric]);
    let atMs: number | undefined;
    try {
      atMs = choose(
        parse(typeof time === 'number' ? String(time) : typeof time === 'string' ? time : ''),
        this.#newestMs.get(key),
      );
    } catch (error) {
      return this.note(messageOf(error));
    }
    if (atMs === undefined) return this.note(`${String(time)} never was in ${options.timeZone}`);
    this.#newestMs.set(key, atMs);
    const intervalMs = Number(record['interval_ms'] ?? options.intervalMs);
    const described = {
      gateway,
      site: text('site', options.site),
      sensor,
      metric,
      unit,
      intervalMs: Number.isSafeInteger(intervalMs) && intervalMs >= 0 ? intervalMs : 0,
      zone: text('zone', options.zone),
    };
    this.add(described, Math.round(atMs * 1000), value);
  }

  add(series: RecordedSeries, timeUs: number, value: number): void {
    if (timeUs < 0) return this.note('times before 1970');
    if (this.#timeUs.length === maxReadings)
      throw new UsageError(`${this.#file} has more than ${maxReadings} readings: cut it into pieces`);
    const key = JSON.stringify([series.gateway, series.sensor, series.metric]);
    let index = this.#series.get(key);
    if (index === undefined) {
      index = this.#described.push(series) - 1;
      this.#series.set(key, index);
    }
    if (timeUs < (this.#timeUs.at(-1) ?? 0)) this.#sorted = false;
    this.#seriesIndex.push(index);
    this.#timeUs.push(timeUs);
    this.#value.push(value);
  }

  note(fault: string): void {
    this.#notes.set(fault, (this.#notes.get(fault) ?? 0) + 1);
  }

  recording(speed: number, timeZone = 'UTC'): Recording {
    if (!this.#sorted) {
      const order = this.#timeUs.map((_, i) => i).sort((a, b) => this.#timeUs[a]! - this.#timeUs[b]! || a - b);
      const [seriesIndex, timeUs, value] = [this.#seriesIndex, this.#timeUs, this.#value];
      this.#seriesIndex = order.map(i => seriesIndex[i]!);
      this.#timeUs = order.map(i => timeUs[i]!);
      this.#value = order.map(i => value[i]!);
    }
    if (this.#timeUs.length === 0) throw new Error(this.#nothing());
    const startUs = this.#timeUs[0]!;
    return {
      series: this.#described,
      seriesIndex: this.#seriesIndex,
      timeUs: speed === 1 ? this.#timeUs : this.#timeUs.map(us => startUs + Math.round((us - startUs) / speed)),
      value: this.#value,
      speed,
      timeZone,
      notes: this.#told(),
    };
  }

  #nothing(): string {
    const told = this.#told();
    const lines = [
      `--replay ${this.#file} holds no reading that can be used`,
      ...told.map(note => `  left out: ${note}`),
    ];
    if (told.some(note => note.includes('time with offset')))
      lines.push('  for local times say of which zone with --time-zone, for numbers --time-format epoch-s or epoch-ms');
    return lines.join('\n');
  }

  #told(): readonly string[] {
    const notes = [...this.#notes].map(([fault, times]) => (times === 1 ? fault : `${fault} (${times} times)`));
    return notes.length > maxNotes
      ? [...notes.slice(0, maxNotes), `and ${notes.length - maxNotes} other kinds of faults`]
      : notes;
  }
}
