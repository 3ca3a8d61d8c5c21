/** Recorded readings for `millrace rules test`: from an edge configuration, CSV or lines of JSON, in the order of time. */
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { edgeSchema, pathResolver } from '@millrace/edge/config.ts';
import { type ReplayConfig, replaySchema } from '@millrace/edge/sources/replay/config.ts';
import { checkColumns, csvRecords, headerOf, readPlaces, rows } from '@millrace/edge/sources/replay/rows.ts';
import { choose, type ParseTime, timeParser } from '@millrace/edge/sources/replay/time.ts';
import { loadConfig } from '@millrace/runtime/config.ts';
import { isTree } from '@millrace/runtime/config-keys.ts';
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

/** Columns `seriesIndex`, `timeUs` and `value` have the length of the recording, and are in the order of time. */
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

/** @throws {ConfigError | UsageError} when the data cannot be read at all; rows that cannot are left out, and said. */
export async function readRecording(file: string, options: RecordingOptions): Promise<Recording> {
  const into = new Recorder(file);
  if (/\.ya?ml$/i.test(file)) return await fromEdge(file, into);
  if (/\.(ndjson|jsonl)$/i.test(file)) {
    await fromLines(file, options, into);
    return into.recording(1, options.timeZone);
  }
  const columns = await headerOf(file, '--replay');
  if (columns.includes('sensor') && columns.includes('value')) {
    const timeColumn = timeColumnOf(columns, options);
    const parse = timeReader(options);
    for await (const record of csvRecords(file, fault => into.note(`a row: ${fault}`)))
      into.take(record, record[timeColumn], parse, options);
  } else await fromWide(file, columns, options, into);
  return into.recording(1, options.timeZone);
}

/** The source `replay` of an edge's configuration, with its gateway: what it would send, as it would send it. */
async function fromEdge(file: string, into: Recorder): Promise<Recording> {
  const { edge } = loadConfig({ file, env: {} }, { edge: edgeSchema });
  const sources = edge.sources.filter(source => source.type === 'replay');
  const [source] = sources;
  if (source === undefined || sources.length > 1)
    throw new UsageError(`--replay ${file}: has ${sources.length} sources of type replay; one is needed`);
  const resolvePath = pathResolver({ file, env: {} });
  const { gateway, site, zone } = edge;
  const speed = source.as === 'now' ? source.speed : 1;
  const paths = { file: resolvePath(source.file), sensors: source.sensorsFile && resolvePath(source.sensorsFile) };
  await addRows(paths, source, 'edge.sources', { gateway, site, zone }, into);
  return into.recording(speed, source.timeZone);
}

async function fromWide(file: string, columns: readonly string[], options: RecordingOptions, into: Recorder) {
  const { metric, unit, intervalMs, sensorsFile, timeZone } = options;
  if (metric === undefined)
    throw new UsageError(
      `${file} has a column a sensor (${columns.slice(1, 4).join(', ')}, …): say what they measure with --metric and --unit`,
    );
  const parsed = replaySchema.safeParse({
    type: 'replay',
    file,
    timeColumn: timeColumnOf(columns, options),
    timeFormat: timeFormatOf(options),
    timeZone,
    metric,
    unit: unit ?? '1',
    intervalMs,
  });
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const option = String(path[0]).replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${option} ${message}`);
  }
  await addRows({ file, sensors: sensorsFile }, parsed.data, '--replay', options, into);
}

async function addRows(
  paths: { readonly file: string; readonly sensors: string | undefined },
  config: ReplayConfig,
  key: string,
  { gateway, site, zone }: Pick<RecordingOptions, 'gateway' | 'site' | 'zone'>,
  into: Recorder,
): Promise<void> {
  await checkColumns(paths.file, config, key);
  const places = await readPlaces(paths.sensors, key);
  const { metric, unit } = config;
  const intervalMs = Math.round(config.as === 'now' ? config.intervalMs / config.speed : config.intervalMs);
  const warn = (of: { row?: number }, fault: string): void =>
    into.note(of.row === undefined ? fault : `row ${of.row}: ${fault}`);
  for await (const { atMs, values } of rows(paths.file, config, { warn } as never))
    for (const { sensor, value } of values)
      into.add(
        { gateway, site, sensor, metric, unit, intervalMs, zone: places.get(sensor)?.zone ?? zone },
        Math.round(atMs * 1000),
        value,
      );
}

async function fromLines(file: string, options: RecordingOptions, into: Recorder): Promise<void> {
  const parse = timeReader(options);
  await access(file);
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    const record = objectOf(line);
    if (record === undefined) {
      into.note(`line ${number}: no JSON object`);
      continue;
    }
    into.take(record, record[options.timeColumn ?? ('time' in record ? 'time' : 'ts')], parse, options);
  }
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isTree(value) ? value : undefined;
  } catch {
    return undefined; // Said by whoever asked.
  }
}

function timeColumnOf(columns: readonly string[], { timeColumn }: RecordingOptions): string {
  const column = timeColumn ?? ['time', 'ts'].find(name => columns.includes(name)) ?? columns[0]!;
  if (columns.includes(column)) return column;
  throw new UsageError(`--time-column ${column}: there are ${columns.join(', ')}`);
}

const timeFormatOf = ({ timeFormat, timeZone }: RecordingOptions): ReplayConfig['timeFormat'] =>
  timeFormat ?? (timeZone === undefined ? 'offset' : 'local');

const timeReader = (options: RecordingOptions): ParseTime =>
  timeParser({ timeFormat: timeFormatOf(options), timeZone: options.timeZone });

class Recorder {
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
    const startUs = this.#timeUs[0] ?? 0;
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

  #told(): readonly string[] {
    const notes = [...this.#notes].map(([fault, times]) => (times === 1 ? fault : `${fault} (${times} times)`));
    return notes.length > maxNotes
      ? [...notes.slice(0, maxNotes), `and ${notes.length - maxNotes} other kinds of faults`]
      : notes;
  }
}
