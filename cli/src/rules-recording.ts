/** Recorded readings for `millrace rules test`: from an edge configuration, CSV or lines of JSON, as the processors would get them. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { edgeSchema } from '@millrace/edge/config.ts';
import { type ReplayConfig, replaySchema } from '@millrace/edge/sources/replay/config.ts';
import { checkColumns, csvRecords, headerOf, readPlaces, rows } from '@millrace/edge/sources/replay/rows.ts';
import { type ParseTime, timeParser } from '@millrace/edge/sources/replay/time.ts';
import { loadConfig, pathResolver } from '@millrace/runtime/config.ts';
import { isTree } from '@millrace/runtime/config-keys.ts';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { UsageError } from './command.ts';
import { Recorder, type Recording, type RecordingOptions } from './rules-recorder.ts';

/**
 * Throws a sentence when the data cannot be read at all, `ConfigError` for the mistakes of an edge configuration; rows that
 * cannot be read are left out, and said.
 */
export async function readRecording(file: string, options: RecordingOptions): Promise<Recording> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile())
    throw new Error(`--replay ${file}: ${found === undefined ? 'there is no such file' : 'is no file'}`);
  const into = new Recorder(file);
  if (/\.ya?ml$/i.test(file)) return await fromEdge(file, into);
  if (/\.(ndjson|jsonl)$/i.test(file)) {
    await fromLines(file, options, into);
    return into.recording(1, options.timeZone);
  }
  const columns = await headerOf(file, '--replay').catch((error: unknown): never => {
    throw error instanceof ConfigError ? new Error(error.mistakes[0]!.message) : error;
  });
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
      `${file} has no columns sensor and value, so each is a sensor (${listOf(columns)}): say what they measure with --metric and --unit`,
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
    into.note(`${of.row === undefined ? '' : `row ${of.row}: `}${fault.replace(/^row left out: /, '')}`);
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
  throw new UsageError(`--time-column ${column}: the columns are ${listOf(columns)}`);
}

const listOf = (columns: readonly string[]): string =>
  columns.length > 6 ? `${columns.slice(0, 6).join(', ')}, …` : columns.join(', ');

const timeFormatOf = ({ timeFormat, timeZone }: RecordingOptions): ReplayConfig['timeFormat'] =>
  timeFormat ?? (timeZone === undefined ? 'offset' : 'local');

const timeReader = (options: RecordingOptions): ParseTime =>
  timeParser({ timeFormat: timeFormatOf(options), timeZone: options.timeZone });
