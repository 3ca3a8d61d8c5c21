import { healthSchema, host, port, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';

/** Section `dashboard`. The page and its API are read-only and without accounts, hence on loopback unless told otherwise. */
export const dashboardSchema = z.strictObject({
  host: host.default('127.0.0.1'),
  port: port.default(8080),
  /** How often the database is asked for newest values, however many people look. */
  refreshMs: whole(250, 60_000).default(2_000),
  /** A series or gateway without a word for longer is not listed. */
  lookbackHours: whole(1, 24 * 31).default(48),
  /** More series than this are not listed; the page says so. */
  maxSeries: whole(1, 50_000).default(5_000),
  /** A query that runs longer is cancelled. */
  queryTimeoutMs: whole(100, 60_000).default(5_000),
  /** Queries at the same time; further ones wait in a short line. */
  maxQueries: whole(1, 64).default(4),
  /** Open live connections; further ones get 503. */
  maxViewers: whole(1, 10_000).default(200),
  health: healthSchema(9105),
});
