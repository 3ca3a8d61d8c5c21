/** QuestDB over the PostgreSQL wire protocol: bound parameters, time limits, and a plain word on whether it is there. */
import { setInterval } from 'node:timers/promises';
import { InvariantError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { QuestdbConfig } from '@millrace/runtime/schemas.ts';
import pg from 'pg';
import Cursor from 'pg-cursor';
import { Turnstile } from './turnstile.ts';

export type SqlValue = string | number;

export interface Outage {
  /** Unix time, ms. */
  readonly since: number;
  /** For the viewer; the address and the cause stand in the log. */
  readonly message: string;
}

export interface DatabaseLimits {
  readonly queryTimeoutMs: number;
  readonly maxQueries: number;
  /** How often an idle or absent server is asked whether it is there. */
  readonly probeMs?: number;
}

export interface Database extends AsyncDisposable {
  /**
   * Rows of one query; none when its table does not exist yet. Timestamps come as Unix time in ms, LONG as numbers.
   * @throws {TransientError} QuestDB is away, too busy or too slow. @throws {InvariantError} the SQL is wrong.
   */
  query<Row extends object>(sql: string, values: readonly SqlValue[]): Promise<Row[]>;
  /**
   * The rows of a query of any size, `rows` at a time, over a connection of their own; ends the query when its reader stops.
   * @throws {TransientError} as `query`, or `timeoutMs` have passed.
   */
  stream<Row extends object>(
    sql: string,
    values: readonly SqlValue[],
    limits: { readonly rows: number; readonly timeoutMs: number },
  ): AsyncGenerator<Row[], void>;
  /** Undefined while QuestDB answers. */
  readonly outage: Outage | undefined;
}

const connectTimeoutMs = 2_000;
const maxWaitingQueries = 64;

/** PostgreSQL type numbers (pg_type.dat). */
const int8 = 20;
const timestamp = 1114;

/** Asks once whether QuestDB is there, and comes back with or without it: it may appear, go and return at any time. */
export async function openDatabase(config: QuestdbConfig, limits: DatabaseLimits, log: Logger): Promise<Database> {
  const database = new QuestDatabase(config, limits, log);
  await database.probe();
  database.watch(limits.probeMs ?? 1_000);
  return database;
}

/** up ⇄ away: a failed connection or probe leads away, a probe that is answered leads back; queries fail at once while away. */
class QuestDatabase implements Database {
  readonly #config: QuestdbConfig;
  readonly #pool: pg.Pool;
  readonly #turnstile: Turnstile;
  readonly #log: Logger;
  readonly #place: string;
  readonly #limits: DatabaseLimits;
  readonly #closing = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #outage: Outage | undefined;

  constructor(config: QuestdbConfig, limits: DatabaseLimits, log: Logger) {
    this.#log = log;
    this.#limits = limits;
    this.#place = `${config.pgHost}:${config.pgPort}`;
    this.#turnstile = new Turnstile(limits.maxQueries, maxWaitingQueries);
    this.#config = config;
    this.#pool = new pg.Pool({
      ...this.#connection(limits.queryTimeoutMs),
      // One more than the turnstile lets through: the probe never waits behind slow queries.
      max: limits.maxQueries + 1,
      // For a server that hangs: it cannot cancel by itself, so the connection is given up.
      query_timeout: limits.queryTimeoutMs + 1_000,
    });
    // A connection that breaks while nobody uses it; the next probe says what there is to say.
    this.#pool.on('error', error => log.debug({ err: error }, 'idle connection to QuestDB lost'));
  }

  #connection(timeoutMs: number): pg.ClientConfig {
    const { pgHost, pgPort, user, password } = this.#config;
    return {
      host: pgHost,
      port: pgPort,
      user,
      password,
      database: 'qdb',
      application_name: 'millrace-dashboard',
      connectionTimeoutMillis: connectTimeoutMs,
      // QuestDB takes the limit from `options` and not from the start-up parameter `statement_timeout` [ran, 9.3.4].
      options: `-c statement_timeout=${timeoutMs}`,
      types: { getTypeParser: typeParser },
    };
  }

  get outage(): Outage | undefined {
    return this.#outage;
  }

  async query<Row extends object>(sql: string, values: readonly SqlValue[]): Promise<Row[]> {
    if (this.#outage !== undefined) throw new TransientError(this.#outage.message);
    using _pass = await this.#turnstile.enter();
    try {
      const { rows } = await this.#pool.query<Row>(sql, [...values]);
      return rows;
    } catch (error) {
      if (isMissingTable(error)) return [];
      throw this.#meaningOf(error, sql, this.#limits.queryTimeoutMs);
    }
  }

  async *stream<Row extends object>(
    sql: string,
    values: readonly SqlValue[],
    { rows, timeoutMs }: { readonly rows: number; readonly timeoutMs: number },
  ): AsyncGenerator<Row[], void> {
    if (this.#outage !== undefined) throw new TransientError(this.#outage.message);
    const client = new pg.Client(this.#connection(timeoutMs));
    client.on('error', error => this.#log.debug({ err: error }, 'connection of an export lost'));
    try {
      await client.connect();
      const cursor = client.query(new Cursor<Row>(sql, [...values]));
      for (;;) {
        const some = await cursor.read(rows);
        if (some.length > 0) yield some;
        if (some.length < rows) return;
      }
    } catch (error) {
      if (isMissingTable(error)) return;
      throw this.#meaningOf(error, sql, timeoutMs);
    } finally {
      // A connection that is ended cancels what still runs on it.
      await client.end().catch(() => {});
    }
  }

  /** What a failed query means, by who can mend it. */
  #meaningOf(error: unknown, sql: string, timeoutMs: number): TransientError | InvariantError {
    if (isTooSlow(error)) return new TransientError(`A query took longer than ${timeoutMs} ms and was cancelled.`);
    const outage = outageMessage(error);
    if (outage === undefined) return new InvariantError(`QuestDB refuses a query: ${messageOf(error)}; it was ${sql}`);
    this.#away(outage, error);
    return new TransientError(outage);
  }

  async probe(): Promise<void> {
    try {
      await this.#pool.query('select 1');
      if (this.#outage !== undefined) this.#log.info(`QuestDB at ${this.#place} answers again`);
      this.#outage = undefined;
    } catch (error) {
      this.#away(outageMessage(error) ?? 'The database (QuestDB) refuses to answer.', error);
    }
  }

  watch(intervalMs: number): void {
    const { signal } = this.#closing;
    const loop = async (): Promise<void> => {
      for await (const _ of setInterval(intervalMs, undefined, { signal })) await this.probe();
    };
    this.#watching = loop().catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  #away(message: string, error: unknown): void {
    if (this.#outage?.message === message || this.#closing.signal.aborted) return;
    this.#outage = { since: this.#outage?.since ?? Date.now(), message };
    this.#log.warn(`QuestDB at ${this.#place}: ${messageOf(error) || 'no answer'}; trying again until it works`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#watching;
    await this.#pool.end();
  }
}

/** Without it node-postgres reads timestamps as local time, and QuestDB's LONG as text. */
const typeParser = ((oid: number, format?: 'text') => {
  if (oid === timestamp) return (text: string) => Date.parse(`${text.replace(' ', 'T')}Z`);
  if (oid === int8) return Number;
  return pg.types.getTypeParser(oid, format);
}) as typeof pg.types.getTypeParser;

// QuestDB gives nearly all its errors the code 00000: only the text tells them apart [ran, 9.3.4].
const isMissingTable = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && /(table|view) does not exist/.test(error.message);

const isTooSlow = (error: unknown): boolean =>
  /^timeout, query aborted|^Query read timeout/.test(messageOf(error)) || /cancelled by user/.test(messageOf(error));

/** What to tell the viewer when it is the connection that failed; undefined when the server understood and refused the query. */
function outageMessage(error: unknown): string | undefined {
  if (error instanceof pg.DatabaseError) {
    return /invalid username\/password/.test(error.message)
      ? 'The database (QuestDB) refuses the dashboard’s user name or password.'
      : undefined;
  }
  return 'The database (QuestDB) does not answer.';
}
