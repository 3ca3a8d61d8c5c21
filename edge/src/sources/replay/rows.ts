/** The recording as a stream of rows with instants and values, one pass from the top. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { parse } from 'csv-parse';
import type { ReplayConfig } from './config.ts';
import { choose, timeParser } from './time.ts';

export interface Row {
  /** Number of the data row, from 1, those without a time or a value included. */
  readonly number: number;
  /** As recorded, ms since the Unix epoch. */
  readonly atMs: number;
  readonly values: readonly { readonly sensor: string; readonly value: number }[];
}

export interface Place {
  readonly lat: number;
  readonly lon: number;
  readonly zone?: string;
}

const csvOptions = { bom: true, columns: true, trim: true, skip_empty_lines: true } as const;

/**
 * Blank cells are gaps. A row without a usable time and a cell that is no number are left out and said, the latter once a
 * column. Rows come in the file's order, and are the same at each pass.
 */
export async function* rows(file: string, config: ReplayConfig, log: Pick<Logger, 'warn'>): AsyncGenerator<Row> {
  const parseTime = timeParser(config);
  const before = new Map<string, number>();
  const told = new Set<string>();
  const records = csvRecords(file, fault => log.warn({ file }, `row left out: ${fault}`));
  const tell = (what: string, number: number, fault: string): void => {
    if (!told.has(what)) log.warn({ file, row: number }, `${what} left out: ${fault}`);
    told.add(what);
  };
  let number = 0;
  for await (const record of records) {
    number += 1;
    const cells = cellsOf(record, config);
    const series = config.layout === 'long' ? (cells[0]?.[0] ?? '') : '';
    let candidates: readonly number[];
    try {
      candidates = parseTime(record[config.timeColumn] ?? '');
    } catch (error) {
      tell('row', number, messageOf(error));
      continue;
    }
    const atMs = choose(candidates, before.get(series));
    if (atMs === undefined) {
      log.warn(
        { file, row: number },
        `row left out: ${record[config.timeColumn]} never was in ${config.timeZone}: the clocks went from before it to after it`,
      );
      continue;
    }
    before.set(series, atMs);
    const values = cells.flatMap(([sensor, text]) => {
      if (text === '') return [];
      const value = Number(text);
      if (Number.isFinite(value)) return [{ sensor, value }];
      tell(`cell of ${sensor}`, number, `${JSON.stringify(text)} is no number`);
      return [];
    });
    yield { number, atMs, values };
  }
}

/** Rows by their header's columns; those that are no CSV are told and left out. */
export function csvRecords(file: string, onSkip: (fault: string) => void): AsyncIterable<Record<string, string>> {
  const parser = createReadStream(file).pipe(parse({ ...csvOptions, skip_records_with_error: true }));
  parser.on('skip', (error: Error) => onSkip(error.message));
  return parser as AsyncIterable<Record<string, string>>;
}

function cellsOf(record: Record<string, string>, { layout, timeColumn, sensorColumn, valueColumn }: ReplayConfig) {
  if (layout === 'long') return [[record[sensorColumn!] ?? '', record[valueColumn!] ?? '']] as const;
  return Object.entries(record).filter(([column]) => column !== timeColumn);
}

/** @throws {ConfigError} when the file cannot be read or lacks a column that the configuration names. */
export async function checkColumns(file: string, config: ReplayConfig, key: string): Promise<void> {
  const columns = await headerOf(file, `${key}.file`);
  for (const name of ['timeColumn', 'sensorColumn', 'valueColumn'] as const) {
    const column = config[name];
    if (column !== undefined && !columns.includes(column))
      throw ConfigError.of(`${key}.${name}`, `${file} has no column ${column}; it has ${columns.join(', ')}`);
  }
}

/** @throws {ConfigError} when the file cannot be read or is empty. */
export async function headerOf(file: string, key: string): Promise<string[]> {
  try {
    await using handle = await open(file);
    for await (const record of handle.createReadStream().pipe(parse({ bom: true, trim: true, to: 1 })))
      return record as string[];
    throw new Error('it is empty');
  } catch (error) {
    throw ConfigError.of(key, `${file} cannot be read as CSV (${messageOf(error)})`);
  }
}

/** Positions by sensor. @throws {ConfigError} */
export async function readPlaces(file: string | undefined, key: string): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  if (file === undefined) return places;
  const [idColumn, ...others] = await headerOf(file, key);
  for (const name of ['lat', 'lon'])
    if (!others.includes(name)) throw ConfigError.of(key, `${file} has no column ${name}`);
  try {
    const records = createReadStream(file).pipe(parse(csvOptions)) as AsyncIterable<Record<string, string>>;
    for await (const record of records) {
      const { lat, lon, zone } = record;
      if (!lat || !lon) continue; // A sensor whose place nobody knows.
      if (!(Math.abs(Number(lat)) <= 90 && Math.abs(Number(lon)) <= 180))
        throw new Error(`${record[idColumn!]} is at ${lat}, ${lon}, which is not on Earth`);
      places.set(record[idColumn!] ?? '', { lat: Number(lat), lon: Number(lon), ...(zone && { zone }) });
    }
  } catch (error) {
    throw ConfigError.of(key, `${file} cannot be read as CSV (${messageOf(error)})`);
  }
  return places;
}
