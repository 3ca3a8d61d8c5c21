/** Reads QuestDB's side of the account, over the PostgreSQL wire with bound parameters. */
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, InvariantError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { QuestdbConfig } from '@millrace/runtime/schemas.ts';
import pg from 'pg';

export type TableAddress = Pick<QuestdbConfig, 'pgHost' | 'pgPort' | 'user' | 'password'> & {
  /** Name of the table of readings. Default `readings`; tests have tables of their own. */
  readonly table?: string;
  /** Name of the table of statuses. Default `gateways`, and none beside another table of readings. */
  readonly gatewaysTable?: string;
};

/** The highest number of a boot that its statuses in the table tell of. */
export interface Told {
  readonly gateway: string;
  readonly boot: number;
  readonly lastSeq: number;
}

type Value = string | number;

/** Consecutive sequence numbers of a boot, as many as they span, with how many rows hold them. */
export interface Bucket {
  readonly gateway: string;
  readonly boot: number;
  readonly rows: number;
  readonly numbers: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

const connectTimeoutMs = 5000;
const statementTimeoutMs = 600_000;
const bucketSize = 10_000;
const pageRows = 50_000;
const seqPageRows = 200_000;
const appliedPollMs = 50;

/** PostgreSQL type number of LONG (pg_type.dat): node-postgres gives it as text. All of ours lie below 2^53. */
const int8 = 20;

/** One connection, for one account. @throws {TransientError} QuestDB is away or busy, or has no such table. */
export class ReadingsTable implements AsyncDisposable {
  readonly #client: pg.Client;
  readonly #table: string;
  readonly #gatewaysTable: string | undefined;

  static async open(address: TableAddress): Promise<ReadingsTable> {
    const { pgHost, pgPort, user, password, table = 'readings' } = address;
    const gatewaysTable = address.gatewaysTable ?? (address.table === undefined ? 'gateways' : undefined);
    for (const name of [table, gatewaysTable ?? 'none'])
      if (!/^\w+$/.test(name)) throw new InvariantError(`${name} is no name of a table`);
    const client = new pg.Client({
      host: pgHost,
      port: pgPort,
      user,
      password,
      database: 'qdb',
      application_name: 'millrace-ledger',
      connectionTimeoutMillis: connectTimeoutMs,
      // QuestDB takes the limit from `options` and not from the start-up parameter `statement_timeout` [ran, 9.3.4].
      options: `-c statement_timeout=${statementTimeoutMs}`,
      query_timeout: statementTimeoutMs + 5000,
      types: {
        getTypeParser: ((oid: number, format?: 'text') =>
          oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
      },
    });
    client.on('error', () => {}); // A connection that breaks fails the query under way, which tells.
    try {
      await client.connect();
    } catch (error) {
      if (/invalid username\/password/.test(messageOf(error)))
        throw ConfigError.of('questdb.password', `QuestDB at ${pgHost}:${pgPort} does not take this user and password`);
      throw new TransientError(
        `QuestDB at ${pgHost}:${pgPort} does not answer (${messageOf(error)}): check questdb.pgHost and questdb.pgPort`,
        { cause: error },
      );
    }
    return new ReadingsTable(client, table, gatewaysTable);
  }

  private constructor(client: pg.Client, table: string, gatewaysTable: string | undefined) {
    this.#client = client;
    this.#table = table;
    this.#gatewaysTable = gatewaysTable;
  }

  /** Resolves with whether all that QuestDB has acknowledged until now could be read within the deadline. */
  async applied(deadlineMs: number): Promise<boolean> {
    const end = Date.now() + deadlineMs;
    let target: number | undefined;
    for (;;) {
      const [state] = await this.query<{ writerTxn: number; sequencerTxn: number; suspended: boolean }>(
        `SELECT writerTxn, sequencerTxn, suspended FROM wal_tables() WHERE name = $1`,
        [this.#table],
      );
      if (state === undefined) return true; // no such table: the first query of its rows says so
      target ??= state.sequencerTxn;
      if (state.writerTxn >= target) return true;
      if (state.suspended || Date.now() > end) return false;
      await wait(appliedPollMs);
    }
  }

  /** What statuses received at `fromUs` or later tell, by gateway and boot; nothing when there is no such table. */
  async told(gateway: string | undefined, fromUs: number): Promise<readonly Told[]> {
    const table = this.#gatewaysTable;
    if (table === undefined) return [];
    const found = await this.query('SELECT table_name FROM tables() WHERE table_name = $1', [table]);
    if (found.length === 0) return [];
    const filter = gateway === undefined ? '' : 'AND gateway = $2';
    return await this.query<Told>(
      `SELECT gateway, boot, max(last_seq) AS "lastSeq" FROM ${table} WHERE ts >= $1 AND last_seq >= 0 ${filter}`,
      [isoOf(fromUs), ...(gateway === undefined ? [] : [gateway])],
    );
  }

  /** What the table holds, in order of gateway, boot and number. A bucket of as many rows as numbers has no hole. */
  buckets(gateway: string | undefined): AsyncGenerator<Bucket> {
    return this.#grouped(`seq / ${bucketSize}`, '', [], gateway);
  }

  /** Of each boot the lowest and highest number of a row with a time in `fromUs … toUs`, µs, the end not included. */
  ends(gateway: string | undefined, fromUs: number, toUs: number): AsyncGenerator<Bucket> {
    return this.#grouped('0L', 'ts >= $4 AND ts < $5 AND', [isoOf(fromUs), isoOf(toUs)], gateway);
  }

  /** Pages by key, since each SenML message is a boot. */
  async *#grouped(
    bucket: string,
    condition: string,
    values: readonly Value[],
    only: string | undefined,
  ): AsyncGenerator<Bucket> {
    let after: { gateway: string; boot: number; bucket: number } = { gateway: '', boot: -1, bucket: -1 };
    for (;;) {
      const filter = only === undefined ? '' : `gateway = $${4 + values.length} AND`;
      const rows = await this.query<Bucket & { bucket: number }>(
        `SELECT gateway, boot, bucket, rows, numbers, firstSeq, lastSeq FROM (
           SELECT gateway, boot, ${bucket} AS bucket, count() AS rows, count_distinct(seq) AS numbers,
             min(seq) AS firstSeq, max(seq) AS lastSeq
           FROM ${this.#table} WHERE ${condition} ${filter} (gateway > $1 OR (gateway = $1 AND boot >= $2)))
         WHERE gateway > $1 OR boot > $2 OR bucket > $3
         ORDER BY gateway, boot, bucket LIMIT ${pageRows}`,
        [after.gateway, after.boot, after.bucket, ...values, ...(only === undefined ? [] : [only])],
      );
      yield* rows;
      if (rows.length < pageRows) return;
      after = rows.at(-1)!;
    }
  }

  /** The numbers of a boot between two numbers, both included, in order, each once. */
  async *seqs(gateway: string, boot: number, firstSeq: number, lastSeq: number): AsyncGenerator<number> {
    for (let from = firstSeq; ; ) {
      const rows = await this.query<{ seq: number }>(
        `SELECT DISTINCT seq FROM ${this.#table} WHERE gateway = $1 AND boot = $2 AND seq >= $3 AND seq <= $4
         ORDER BY seq LIMIT ${seqPageRows}`,
        [gateway, boot, from, lastSeq],
      );
      for (const { seq } of rows) yield seq;
      if (rows.length < seqPageRows) return;
      from = rows.at(-1)!.seq + 1;
    }
  }

  /** Rows of one query; `{table}` stands for the table's name. @throws {InvariantError} the SQL is wrong. */
  async query<Row extends object>(sql: string, values: readonly Value[]): Promise<Row[]> {
    try {
      const { rows } = await this.#client.query<Row>(sql.replaceAll('{table}', this.#table), [...values]);
      return rows;
    } catch (error) {
      const message = messageOf(error);
      // QuestDB gives nearly all its errors the code 00000: only the text tells them apart [ran, 9.3.4].
      if (/table does not exist/.test(message))
        throw new TransientError(`QuestDB has no table ${this.#table} yet: "millrace sinks" makes it`, {
          cause: error,
        });
      if (!(error instanceof pg.DatabaseError) || /timeout|table busy|is locked|cancelled/i.test(message))
        throw new TransientError(`QuestDB did not answer (${message})`, { cause: error });
      throw new InvariantError(`QuestDB refuses a query: ${message}; it was ${sql}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => {}); // What was asked has been answered.
  }
}

/** The last microsecond of ISO text is lost in a Date, so it is appended. */
export function isoOf(us: number): string {
  const seconds = new Date(Math.floor(us / 1000)).toISOString().slice(0, -1);
  return `${seconds}${String(us % 1000).padStart(3, '0')}Z`;
}
