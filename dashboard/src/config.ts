import { healthSchema, host, port, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { oidcSchema } from './access/oidc.ts';

const file = z.string().min(1, 'must be the path of a file');

const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

/** Who may see and do what. */
const accessSchema = z.strictObject({
  /** Everybody who reaches the address may look. Default: only on loopback, and only while no login is configured. */
  public: z.boolean().optional(),
  /** YAML file of users with their roles and hashed passwords. */
  users: file.optional(),
  oidc: oidcSchema.optional(),
  sessionHours: whole(1, 24 * 30).default(12),
  /** 32 bytes in base64 that encrypt the session cookie. Default: random, so that a restart ends all sessions. */
  sessionKey: z
    .string()
    .refine(text => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64: `openssl rand -base64 32`')
    .optional(),
  /** Requests a minute of one address, and logins tried in it. */
  requestsPerMinute: whole(10, 1_000_000).default(600),
  loginsPerMinute: whole(1, 1_000).default(10),
  /** Reverse proxies whose `X-Forwarded-For` and `-Proto` are believed: addresses or networks. */
  proxies: z.array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()])).default([]),
});
export type AccessConfig = z.output<typeof accessSchema>;

const pageSchema = z.strictObject({
  title: z.string().min(1).max(80).default('Millrace'),
  /** IANA time zone that times are first shown in. Default: the viewer's own. */
  timeZone: z.string().refine(isTimeZone, 'must be an IANA time zone, as Pacific/Auckland').optional(),
  /** GeoJSON file with outlines for the map: districts, coast, streets. */
  outlines: file.optional(),
  /** Whose outlines they are; shown on the map. */
  attribution: z.string().max(200).optional(),
  /** Pages that may show ours in a frame (`https://city.example`). Default: none. */
  embedIn: z.array(z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' })).default([]),
});
export type PageConfig = z.output<typeof pageSchema>;

/** Section `dashboard`. Without a login it is read by whoever reaches it, hence on loopback unless told otherwise. */
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
  /** Exports at the same time; further ones get 503. */
  maxExports: whole(1, 64).default(2),
  /** An export that takes longer is cut off. */
  exportTimeoutMs: whole(1_000, 3_600_000).default(600_000),
  /** Rows of one export; a larger one is refused with the number it has. */
  maxExportRows: whole(1, 1_000_000_000).default(50_000_000),
  access: accessSchema.prefault({}),
  page: pageSchema.prefault({}),
  health: healthSchema(9105),
});
