/**
 * Names in the lake. Folders as Hive, Spark and DuckDB read them; files named by what is in them, so that the same work
 * done twice gives the same name, and a listing alone tells which files stand in for others.
 */

/** Under the root: what readers glob, and beside it what is ours alone. */
export const readingsFolder = 'readings';
const logFolder = '_millrace';

/** Where a value is missing, or cannot be a name. Spark and DuckDB read it as NULL. */
const hiveNull = '__HIVE_DEFAULT_PARTITION__';
/** A file name has at most 255 bytes on nearly all systems. */
const maxSegmentBytes = 200;

/**
 * The folder of a day (`2026-11-28`; undefined: none) and a zone (empty: none), without the root.
 *
 * ASCII beyond letters, digits, `.`, `-`, `_` and blank is written as %XX. The rest stays as it is: Spark takes each %XX
 * for a character and not for a byte of UTF-8. A zone that is too long has no folder of its own; its name is in the file.
 */
export function folderOf(date: string | undefined, zone: string): string {
  const encoded = zone.replace(/[^A-Za-z0-9 ._\-\u0080-\u{10ffff}]/gu, c => `%${hex(c)}`);
  const segment = encoded === '' || Buffer.byteLength(encoded) > maxSegmentBytes ? hiveNull : encoded;
  return `${readingsFolder}/date=${date ?? hiveNull}/zone=${segment}`;
}

const hex = (c: string): string => c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');

/** What a data file holds: the rows of one folder in a range of one Kafka partition, cut by our plans `plans[0]` to `plans[1]`. */
export interface FileName {
  readonly folder: string;
  /** Topic and partition: `millrace.readings.v1-3`. */
  readonly source: string;
  readonly offsets: readonly [first: bigint, last: bigint];
  /** The two are one and the same, unless it is a file that compaction made. */
  readonly plans: readonly [first: number, last: number];
  readonly rows: number;
}

export function fileName({ folder, source, offsets, plans: [first, last], rows }: FileName): string {
  const plans = first === last ? `${first}` : `${first}_${last}`;
  return `${folder}/${source}-${offsets[0]}-${offsets[1]}-p${plans}-n${rows}.parquet`;
}

const filePattern = /^(.+)\/([^/]+-\d+)-(\d+)-(\d+)-p(\d+)(?:_(\d+))?-n(\d+)\.parquet$/;

/** Undefined for a name that is none of ours. */
export function parseFileName(name: string): FileName | undefined {
  const [, folder, source, from, to, first, last, rows] = filePattern.exec(name) ?? [];
  if (folder === undefined || source === undefined || from === undefined || to === undefined) return undefined;
  return {
    folder,
    source,
    offsets: [BigInt(from), BigInt(to)],
    plans: [Number(first), Number(last ?? first)],
    rows: Number(rows),
  };
}

/**
 * Of the files of one folder and one source, those whose rows are in another one as well: its plans are wider and hold
 * theirs. So it is for the moment in which compaction replaces files, and after a crash in that moment.
 */
export function superseded(files: readonly FileName[]): readonly FileName[] {
  const holds = (a: FileName, b: FileName): boolean =>
    a.plans[0] <= b.plans[0] && a.plans[1] >= b.plans[1] && a.plans[1] - a.plans[0] > b.plans[1] - b.plans[0];
  return files.filter(file => files.some(other => holds(other, file)));
}

export const logOf = (source: string): string => `${logFolder}/${source}`;
export const planName = (source: string, number: number): string =>
  `${logOf(source)}/${String(number).padStart(10, '0')}.json.zst`;

export function planNumber(name: string): number | undefined {
  const digits = /\/(\d{10})\.json\.zst$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
