/**
 * The outbox's file: SQLite, one row a sealed batch. WAL with `synchronous = FULL`, so that a commit that returned
 * survives a power cut (SQLite documentation, "PRAGMA synchronous"); exclusive locking, so that the file has one owner,
 * and the kernel releases it however that owner ends.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { SealedBatch } from './seal.ts';

/** What is kept of a source, in the same transaction as its readings. */
export interface SourceState {
  /** The source's own note of where it stands. */
  readonly cursor?: string;
  /** Its own declaration; absent: none yet. */
  readonly completeThroughUs?: number;
}

/** One transaction. */
export interface Change {
  readonly batches: readonly SealedBatch[];
  /** `firstSeq` of batches to forget. */
  readonly forget: readonly number[];
  readonly nextSeq: number;
  readonly completeThroughUs: number;
  readonly sources: ReadonlyMap<string, SourceState>;
}

export interface Store extends Disposable {
  readonly boot: number;
  /** As it was when the file was opened. */
  readonly found: Pick<Change, 'nextSeq' | 'completeThroughUs'> & {
    readonly sources: ReadonlyMap<string, SourceState>;
    readonly batches: number;
    readonly readings: number;
    readonly bytes: number;
  };
  /** Where the damaged file went that was found in this place, if one was. */
  readonly setAside?: { readonly path: string; readonly reason: string };
  /** All of it or nothing; on disk when it returns. Throws SQLite's error. */
  write(change: Change): void;
  /** Forgets batches by their `firstSeq`, in one transaction. */
  forget(firstSeqs: readonly number[]): void;
  /** Batches with `firstSeq` above `afterSeq`, oldest first, at most `limit`. */
  page(afterSeq: number, limit: number): SealedBatch[];
}

/** Primary result codes, https://sqlite.org/rescode.html */
export const SqliteCode = { BUSY: 5, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const;

/** The primary result code of an error thrown by `node:sqlite`, or undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
}

const schemaVersion = 1;

/**
 * Opens the file, or makes it. A damaged one is renamed to `<path>.damaged-<time>` and a new one takes its place.
 * @throws {ConfigError} when the path cannot be used, or another agent uses it.
 */
export function openStore(path: string): Store {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  } catch (error) {
    throw ConfigError.of('edge.outbox.path', `its folder cannot be made (${messageOf(error)})`);
  }
  try {
    return open(path);
  } catch (error) {
    const reason = damage(error);
    if (reason === undefined) throw explained(error, path);
    const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '')}`;
    for (const suffix of ['', '-wal', '-shm', '-journal'])
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    return { ...open(path), setAside: { path: aside, reason } };
  }
}

class Damaged extends Error {}

function damage(error: unknown): string | undefined {
  const code = sqliteCode(error);
  return error instanceof Damaged || code === SqliteCode.CORRUPT || code === SqliteCode.NOTADB
    ? messageOf(error)
    : undefined;
}

function explained(error: unknown, path: string): unknown {
  switch (sqliteCode(error)) {
    case SqliteCode.BUSY:
      return ConfigError.of('edge.outbox.path', `${path} is in use by another agent; each agent needs its own`);
    case SqliteCode.CANTOPEN:
      return ConfigError.of('edge.outbox.path', `${path} cannot be opened; it must be a file this user can write`);
    default:
      return error;
  }
}

function open(path: string): Store {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    // Before the first access in WAL mode: then the lock is held for good, and no shared-memory file is needed.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    // Checkpoints copy each changed page once; a batch that was sent in the meantime is then never written twice.
    db.exec('PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 8388608; PRAGMA temp_store = MEMORY;');
    const check = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (check.quick_check !== 'ok') throw new Damaged(check.quick_check);
    prepareSchema(db);
    return storeOn(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function prepareSchema(db: DatabaseSync): void {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === schemaVersion) return;
  if (version !== 0)
    throw ConfigError.of(
      'edge.outbox.path',
      `was written by another version (schema ${version}, this agent writes ${schemaVersion}); update the agent, or name a new path`,
    );
  db.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE batch (
      first_seq INTEGER PRIMARY KEY,
      last_seq INTEGER NOT NULL,
      readings INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      created_us INTEGER NOT NULL,
      blob BLOB NOT NULL
    ) STRICT;
    CREATE TABLE state (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO state VALUES ('boot', ${newBoot()}), ('next_seq', 0), ('complete_through_us', 0);
    PRAGMA user_version = ${schemaVersion};
    COMMIT;
  `);
}

/** 53 random bits, so that every number of the wire stays a safe integer. */
function newBoot(): number {
  return Number(randomBytes(8).readBigUInt64BE() >> 11n);
}

function storeOn(db: DatabaseSync): Store {
  const state = new Map(
    (db.prepare('SELECT key, value FROM state').all() as { key: string; value: unknown }[]).map(({ key, value }) => [
      key,
      value,
    ]),
  );
  const number = (key: string): number => {
    const value = state.get(key);
    if (!Number.isSafeInteger(value)) throw new Damaged(`the row ${key} of table state is missing or no number`);
    return value as number;
  };
  const sources = new Map(
    [...state]
      .filter(([key]) => key.startsWith('source:'))
      .map(([key, value]) => [key.slice('source:'.length), JSON.parse(String(value)) as SourceState]),
  );
  const totals = db
    .prepare(
      'SELECT count(*) AS batches, coalesce(sum(readings), 0) AS readings, coalesce(sum(bytes), 0) AS bytes FROM batch',
    )
    .get() as { batches: number; readings: number; bytes: number };
  const insert = db.prepare(
    'INSERT INTO batch (first_seq, last_seq, readings, bytes, created_us, blob) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const forget = db.prepare('DELETE FROM batch WHERE first_seq = ?');
  const setState = db.prepare('INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
  const page = db.prepare(
    'SELECT first_seq AS firstSeq, last_seq AS lastSeq, blob AS bytes FROM batch WHERE first_seq > ? ORDER BY first_seq LIMIT ?',
  );
  const transaction = (work: () => void): void => {
    db.exec('BEGIN IMMEDIATE');
    try {
      work();
      db.exec('COMMIT');
    } catch (error) {
      // A full disk makes SQLite roll back by itself, and a second ROLLBACK is an error of its own.
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  };
  const forgetAll = (firstSeqs: readonly number[]): void => firstSeqs.forEach(firstSeq => forget.run(firstSeq));
  return {
    boot: number('boot'),
    found: { nextSeq: number('next_seq'), completeThroughUs: number('complete_through_us'), sources, ...totals },
    write: change =>
      transaction(() => {
        forgetAll(change.forget); // First, so that the new rows take the pages of the old.
        for (const { firstSeq, lastSeq, bytes } of change.batches)
          insert.run(firstSeq, lastSeq, lastSeq - firstSeq + 1, bytes.length, Date.now() * 1000, bytes);
        if (change.batches.length > 0) setState.run('next_seq', change.nextSeq);
        if (change.batches.length > 0) setState.run('complete_through_us', change.completeThroughUs);
        for (const [name, source] of change.sources) setState.run(`source:${name}`, JSON.stringify(source));
      }),
    forget: firstSeqs => transaction(() => forgetAll(firstSeqs)),
    page: (afterSeq, limit) => page.all(afterSeq, limit) as unknown as SealedBatch[],
    [Symbol.dispose]: () => db.close(),
  };
}
