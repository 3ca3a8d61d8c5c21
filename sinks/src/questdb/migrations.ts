/** Makes our tables in QuestDB from the numbered files in `sinks/migrations/`, each applied once and recorded. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, InvariantError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { QuestdbHttp } from './http.ts';
import { symbol } from './line-protocol.ts';
import { passesByItself, remedy, suspendedSentence, walStates } from './wal-watch.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  /** Of the file's bytes, hexadecimal. */
  readonly sha256: string;
  readonly statements: readonly string[];
}

export interface MigrateOptions {
  /** Begins the name of every table, for tests that share a server. */
  readonly tablePrefix?: string;
  /** Default: the files beside this room's sources. */
  readonly migrations?: readonly Migration[];
}

export const migrationsDirectory = join(import.meta.dirname, '..', '..', 'migrations');

const addedWithinMs = 15_000;

const tableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads `0001-name.sql` … of a directory, in order. @throws {InvariantError} for a name or numbering that is not so. */
export function readMigrations(directory: string = migrationsDirectory): readonly Migration[] {
  return readdirSync(directory)
    .filter(file => file.endsWith('.sql'))
    .sort()
    .map((file, i) => {
      const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file);
      if (match === null || Number(match[1]) !== i + 1)
        throw new InvariantError(`migrations are numbered 0001, 0002 … without holes; ${file} breaks that`);
      const text = readFileSync(join(directory, file), 'utf8');
      return {
        number: i + 1,
        name: match[2]!,
        sha256: createHash('sha256').update(text).digest('hex'),
        statements: text
          .replace(/--.*$/gm, '')
          .split(/;\s*(?:\n|$)/)
          .map(statement => statement.trim())
          .filter(statement => statement !== ''),
      };
    });
}

/**
 * Applies what is not yet applied. Safe when several processes do it at once: every statement is IF NOT EXISTS, and a
 * migration recorded by two of them is recorded twice, which says the same. @returns the names applied now.
 * @throws {ConfigError} when a file changed after it was applied, or a table is not as its migration makes it.
 * @throws {TransientError} when QuestDB is away, or has yet to apply what was added to a table: suspended, or behind.
 */
export async function migrate(
  http: QuestdbHttp,
  { tablePrefix = '', migrations = readMigrations() }: MigrateOptions = {},
): Promise<readonly string[]> {
  if (tablePrefix !== '' && !tableName.test(tablePrefix))
    throw new InvariantError(`${tablePrefix} cannot begin a table's name`);
  const journal = `${tablePrefix}migrations`;
  await http.query(
    `CREATE TABLE IF NOT EXISTS ${journal} (number INT, name SYMBOL, sha256 VARCHAR, applied TIMESTAMP) TIMESTAMP(applied) PARTITION BY YEAR WAL`,
  );
  const applied = await readJournal(http, journal);
  const missing = migrations.filter(migration => !isApplied(migration, applied));
  for (const migration of missing) {
    // A view of a table that is not ours would be refused without saying what is wrong with the table.
    if (migration.statements.some(statement => statement.includes('MATERIALIZED VIEW')))
      await checkTables(http, migrations.slice(0, migration.number - 1), tablePrefix);
    for (const statement of migration.statements) await apply(http, prefixed(statement, tablePrefix));
    await record(http, journal, migration);
  }
  await untilRecorded(http, journal, missing);
  await checkTables(http, migrations, tablePrefix);
  return missing.map(({ number, name }) => `${String(number).padStart(4, '0')}-${name}`);
}

/** @throws {ConfigError} when a table is not as its migrations make it. */
async function checkTables(http: QuestdbHttp, migrations: readonly Migration[], tablePrefix: string): Promise<void> {
  const alteredBy = Date.now() + addedWithinMs;
  for (const { table, altered } of madeBy(migrations)) {
    const check = (): Promise<string | undefined> => tableFault(http, table, tablePrefix, migrations);
    const fault = altered ? await untilAltered(http, tablePrefix + table, check, alteredBy) : await check();
    if (fault !== undefined) throw ConfigError.of('questdb.url', fault);
  }
}

/**
 * A column that was just added, maybe by another process, shows once the write-ahead log has been applied: while that is
 * held up, nothing is wrong with the table.
 */
async function untilAltered(
  http: QuestdbHttp,
  name: string,
  check: () => Promise<string | undefined>,
  deadline: number,
): Promise<string | undefined> {
  for (;;) {
    // Asked before the columns: what is applied in between shows.
    const state = (await walStates(http)).get(name);
    const fault = await check();
    if (fault === undefined) return undefined;
    if (state?.suspended) {
      if (passesByItself(state)) await http.query(`ALTER TABLE "${name}" RESUME WAL`);
      throw new TransientError(
        `${suspendedSentence(name, state)}; columns that were added show once it goes on. ${remedy(name, state)}`,
      );
    }
    if (Date.now() >= deadline) {
      if (state === undefined || state.lag === 0) return fault;
      throw new TransientError(
        `QuestDB is ${state.lag} transactions behind on the table ${name}; columns that were added show once it has caught up`,
      );
    }
    await wait(50);
  }
}

/** Undefined when the table is as its migration makes it (more columns are fine), else a sentence that says what is not. */
export async function tableFault(
  http: QuestdbHttp,
  table: string,
  tablePrefix = '',
  migrations: readonly Migration[] = readMigrations(),
): Promise<string | undefined> {
  const expected = madeBy(migrations).find(made => made.table === table);
  if (expected === undefined) throw new InvariantError(`no migration makes the table ${table}`);
  const name = tablePrefix + table;
  const tables = await http.query('SELECT table_name, walEnabled, dedup FROM tables()');
  const own = tables.rows.find(([candidate]) => candidate === name);
  if (own === undefined) return `table ${name} is not there; restart the sinks to make it, or restore it`;
  const { rows } = await http.query(`SELECT "column", "type", upsertKey FROM table_columns('${name}')`);
  const found = new Map(
    rows.map(([column, type, key]) => [column as string, { type: type as string, key: key === true }]),
  );
  const remedy = `rename it away and restart: the sinks then make it anew`;
  for (const [column, type] of expected.columns) {
    const is = found.get(column)?.type;
    if (is !== type)
      return `table ${name}: column ${column} ${is === undefined ? 'is missing' : `is ${is}`}, ${type} is needed; ${remedy}`;
  }
  const keys = rows.filter(([, , key]) => key === true).map(([column]) => column as string);
  if (
    own[1] !== true ||
    own[2] !== true ||
    keys.length !== expected.keys.length ||
    !expected.keys.every(key => found.get(key)?.key)
  )
    return `table ${name} must be WAL with DEDUP UPSERT KEYS(${expected.keys.join(', ')}), it has (${keys.join(', ')}); ${remedy}`;
  return undefined;
}

interface JournalEntry {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

async function readJournal(http: QuestdbHttp, journal: string): Promise<readonly JournalEntry[]> {
  const { rows } = await http.query(`SELECT number, name, sha256 FROM ${journal}`);
  return rows.map(([number, name, sha256]) => ({
    number: number as number,
    name: name as string,
    sha256: sha256 as string,
  }));
}

function isApplied({ number, name, sha256 }: Migration, applied: readonly JournalEntry[]): boolean {
  const entries = applied.filter(entry => entry.number === number);
  const other = entries.find(entry => entry.sha256 !== sha256);
  if (other !== undefined)
    throw ConfigError.of(
      `sinks/migrations/${String(number).padStart(4, '0')}-${name}.sql`,
      `is not the file that was applied to this QuestDB as number ${number} (${other.name}): its sha-256 is ${sha256.slice(0, 12)}…, that one's ${other.sha256.slice(0, 12)}…; put the old file back and make the change in a new one`,
    );
  return entries.length > 0;
}

/** Two processes that make one thing at once: QuestDB's IF NOT EXISTS looks first, and then refuses the slower one [ran, 9.3.4]. */
async function apply(http: QuestdbHttp, statement: string): Promise<void> {
  try {
    await http.query(statement);
  } catch (error) {
    if (!statement.includes('IF NOT EXISTS') || !/duplicate column|already exists/.test(messageOf(error))) throw error;
  }
}

/** By line protocol, so that no value stands in SQL. */
async function record(http: QuestdbHttp, journal: string, { number, name, sha256 }: Migration): Promise<void> {
  const line = `${journal}${symbol('name', name)} number=${number}i,sha256="${sha256}" ${Date.now() * 1000}t\n`;
  const answer = await http.write(Buffer.from(line));
  if (answer.outcome !== 'stored')
    throw new TransientError(`QuestDB did not record migration ${number}: ${answer.message}`);
}

/** 204 is not visible: the next process must find what we recorded. */
async function untilRecorded(http: QuestdbHttp, journal: string, migrations: readonly Migration[]): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const applied = await readJournal(http, journal);
    if (migrations.every(migration => isApplied(migration, applied))) return;
    if (Date.now() > deadline)
      throw new TransientError(`QuestDB took the rows of ${journal}, and does not show them after 30 s`);
    await wait(20);
  }
}

interface Made {
  readonly table: string;
  readonly columns: ReadonlyMap<string, string>;
  /** Some of the columns were added later. */
  readonly altered: boolean;
  readonly keys: readonly string[];
}

/** What our own CREATE TABLE and ADD COLUMN statements make; they keep to one form each, which is all this reads. */
function madeBy(migrations: readonly Migration[]): readonly Made[] {
  const statements = migrations.flatMap(migration => migration.statements);
  const added = statements.flatMap(statement => {
    const match = /^ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (\w+) (\w+)$/.exec(statement);
    return match === null ? [] : [{ table: match[1]!, column: [match[2]!, match[3]!] as const }];
  });
  return statements.flatMap(statement => {
    const match = /^CREATE TABLE IF NOT EXISTS (\w+) \(([^)]*)\).*DEDUP UPSERT KEYS\(([^)]*)\)$/s.exec(statement);
    if (match === null) return [];
    const own = added.filter(({ table }) => table === match[1]).map(({ column }) => column);
    const columns = match[2]!.split(',').map(column => column.trim().split(/\s+/) as [string, string, ...string[]]);
    return [
      {
        table: match[1]!,
        columns: new Map([...columns.map(([name, type]) => [name, type] as const), ...own]),
        altered: own.length > 0,
        keys: match[3]!.split(',').map(key => key.trim()),
      },
    ];
  });
}

/** The statement with the prefix before the table or view that it makes or alters, and before what a view is made from. */
function prefixed(statement: string, prefix: string): string {
  const head = /^((?:CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS|ALTER (?:TABLE|MATERIALIZED VIEW))\s+)(\w+)/;
  if (!head.test(statement))
    throw new InvariantError(`a migration may only create and alter tables and views: ${statement.slice(0, 80)}`);
  return statement.replace(head, `$1${prefix}$2`).replace(/\b((?:WITH BASE|FROM)\s+)(\w+)/g, `$1${prefix}$2`);
}
