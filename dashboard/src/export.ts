/** `/api/export`: rows of any number as a file, streamed, so that neither side holds them. */
import { Readable } from 'node:stream';
import { messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Database } from './database.ts';
import { type Column, encoders } from './export-formats.ts';
import { RequestError, sendAnswer } from './http.ts';
import { type ExportQuery, exportQuery, iso, type Span, spanOf } from './parameters.ts';

export interface ExportLimits {
  readonly maxExports: number;
  readonly exportTimeoutMs: number;
  readonly maxExportRows: number;
}

const defaultSpanMs = 86_400_000;
/** Rows fetched, encoded and sent at a time. */
const pieceRows = 10_000;

const names: readonly Column[] = ['site', 'zone', 'gateway', 'sensor', 'metric', 'unit'].map(name => ({
  name,
  type: 'text',
}));
const readingColumns: readonly Column[] = [
  { name: 'ts', type: 'time' },
  ...names,
  { name: 'value', type: 'double' },
  { name: 'quality', type: 'integer' },
  { name: 'clock', type: 'text' },
  { name: 'received', type: 'time' },
  { name: 'boot', type: 'integer' },
  { name: 'seq', type: 'integer' },
];
/** `count` of good readings beside `excluded`: how far the mean can be trusted goes with it. */
const bucketColumns: readonly Column[] = [
  { name: 'ts', type: 'time' },
  ...names,
  { name: 'count', type: 'integer' },
  { name: 'excluded', type: 'integer' },
  ...['mean', 'min', 'max', 'last'].map(name => ({ name, type: 'double' }) as const),
];

export function addExport(server: FastifyInstance, database: Database, limits: ExportLimits, log: Logger): void {
  let running = 0;
  const schema = {
    summary: 'Readings or buckets as CSV, NDJSON or Parquet',
    tags: ['data'],
    querystring: exportQuery,
    produces: ['text/csv', 'application/x-ndjson', 'application/vnd.apache.parquet'],
  };
  server.get('/api/export', { schema }, async (request: FastifyRequest, reply) => {
    const query = request.query as ExportQuery;
    const span = spanOf(query, defaultSpanMs);
    if (running >= limits.maxExports) {
      reply.header('retry-after', '10');
      return sendAnswer(reply, 503, { error: 'Other exports are running; try again when one has ended.' });
    }
    const rows = await countOf(database, query, span);
    if (rows > limits.maxExportRows)
      throw new RequestError(
        400,
        `This is about ${rows} rows, and at most ${limits.maxExportRows} go into one file; take a shorter span or a coarser resolution.`,
      );
    const { type, encode } = encoders[query.format];
    const columns = query.resolution === 'raw' ? readingColumns : bucketColumns;
    const { sql, values } = rowsOf(query, span);
    const pieces = database.stream<Record<string, unknown>>(sql, values, {
      rows: pieceRows,
      timeoutMs: limits.exportTimeoutMs,
    });
    reply.type(type).header('content-disposition', `attachment; filename="${fileName(query, span)}"`);
    running++;
    const body = Readable.from(encode(columns, pieces), { objectMode: false });
    // A file that breaks off must not look whole: the connection is cut, and the log says why.
    body.once('error', error => log.warn(`an export broke off: ${messageOf(error)}`));
    body.once('close', () => running--);
    return reply.send(body);
  });
}

const scopeColumns = ['site', 'zone', 'gateway', 'sensor', 'metric'] as const;

function whereOf(query: ExportQuery, { from, to }: Span): { where: string; values: (string | number)[] } {
  const values: (string | number)[] = [iso(from), iso(to)];
  const where = scopeColumns.flatMap(column => {
    const value = query[column];
    if (value === undefined) return [];
    values.push(value);
    return [`AND ${column} = $${values.length}`];
  });
  return { where: `ts >= $1 AND ts < $2 ${where.join(' ')}`, values };
}

function rowsOf(query: ExportQuery, span: Span): { sql: string; values: (string | number)[] } {
  const { where, values } = whereOf(query, span);
  const ts = 'cast(ts AS LONG) AS ts'; // In µs, which a timestamp of the connection has not.
  const series = 'site, zone, gateway, sensor, metric, unit';
  const sql =
    query.resolution === 'raw'
      ? `SELECT ${ts}, ${series}, value, quality, clock, cast(received AS LONG) AS received, boot, seq FROM readings WHERE ${where} ORDER BY ts`
      : `SELECT ${ts}, ${series}, count, excluded, sum / count AS mean, min, max, last FROM readings_${query.resolution} WHERE ${where} ORDER BY ts`;
  return { sql, values };
}

/** Of raw rows counted by the hour, which is near enough for a limit. */
async function countOf(database: Database, query: ExportQuery, span: Span): Promise<number> {
  const { where, values } = whereOf(query, span);
  const [row] = await database.query<{ rows: number | null }>(
    query.resolution === 'raw'
      ? `SELECT sum(count) + sum(excluded) AS rows FROM readings_1h WHERE ${where}`
      : `SELECT count() AS rows FROM readings_${query.resolution} WHERE ${where}`,
    values,
  );
  return row?.rows ?? 0;
}

function fileName({ format, resolution, ...query }: ExportQuery, { from, to }: Span): string {
  const scope = scopeColumns.flatMap(column => query[column] ?? []).join('_') || 'all';
  const time = (ms: number): string => iso(ms).slice(0, 16).replaceAll(/[-:]/g, '');
  return `${scope.replaceAll(/[^\w.-]/g, '-').slice(0, 100)}_${resolution}_${time(from)}_${time(to)}.${format}`;
}
