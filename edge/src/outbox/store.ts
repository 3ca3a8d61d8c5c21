/**
 * The outbox's file: SQLite, one row a sealed batch. WAL with `synchronous = FULL`, so that a commit that returned
 * survives a power cut (SQLite documentation, "PRAGMA synchronous"); exclusive locking, so that the file has one owner,
 * and the kernel releases it however that owner ends.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { unpack } from './packed.ts';
import { prepareSchema, type State, stateId } from './schema.ts';
import type { NewBatch, SealedBatch } from './seal.ts';

/** One transaction. */
export interface Change {
  /** Sealed now, in the order of their ids; the first `published` of them are published at once. */
  readonly batches: readonly NewBatch[];
  readonly published: number;
  /** Ids of batches to forget. */
  readonly forget: readonly number[];
  readonly state: State;
}

/** A batch without its bytes; `bytes` are those that it takes in the file. */
export interface StoredBatch {
  readonly id: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
  readonly published: 0 | 1;
  /** When it was sealed, by the outbox's own clock, µs. */
  readonly sealedUs: number;
}

/** A batch as it was read. */
export interface StoredBytes extends SealedBatch {
  readonly published: 0 | 1;
}

export interface Store extends Disposable {
  /** As it was when the file was opened. */
  readonly found: State;
  /** Where the damaged file went that was found in this place, if one was. */
  readonly setAside?: { readonly path: string; readonly reason: string };
  /** All of it or nothing; on disk when it returns. Throws SQLite's error, as do the others. */
  write(change: Change): void;
  /** Forgets batches, in one transaction. */
  forget(ids: readonly number[]): void;
  /** Says, on disk, that these batches are about to be published. */
  publish(ids: readonly number[]): void;
  /** Batches with `afterId < id < beforeId`, oldest first, at most `limit`. */
  page(afterId: number, beforeId: number, limit: number): StoredBytes[];
  /** `declaredUs` of the first batch with `afterId < id < beforeId`. */
  declaredUs(afterId: number, beforeId: number): number | undefined;
  /** Batches with readings that were never published, oldest first; of one priority, or of any. */
  droppable(afterId: number, priority: number | undefined, limit: number): StoredBatch[];
  /** All batches, oldest first, one at a time. */
  batches(): Iterable<StoredBatch>;
  /** Of the oldest batch, by the outbox's own clock, µs. */
  oldestSealedUs(): number | undefined;
  /** Bytes that the file can take without growing. */
  reusableBytes(): number;
}

/** Primary result codes, https://sqlite.org/rescode.html */
export const SqliteCode = { BUSY: 5, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const;

/** The primary result code of an error thrown by `node:sqlite`, or undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
}

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
    // Checkpoints copy each changed page once; a batch that was sent in the meantime is then never written twice. After
    // 1 MiB, because the WAL takes its room beside `minFreeBytes`.
    db.exec('PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 8388608; PRAGMA temp_store = MEMORY;');
    const check = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (check.quick_check !== 'ok') throw new Damaged(check.quick_check);
    prepareSchema(db);
    return storeOn(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function storedState(db: DatabaseSync): State {
  const row = db.prepare('SELECT blob FROM batch WHERE id = ?').get(stateId) as { blob: Uint8Array } | undefined;
  if (row === undefined) throw new Damaged('the row of the state is missing');
  let state: State;
  try {
    state = JSON.parse(Buffer.from(row.blob).toString()) as State;
  } catch (error) {
    throw new Damaged(`the row of the state cannot be read (${messageOf(error)})`);
  }
  for (const key of ['boot', 'nextSeq', 'completeThroughUs', 'clockUs'] as const)
    if (!Number.isSafeInteger(state[key])) throw new Damaged(`${key} of the state is missing or no number`);
  return state;
}

const summary =
  'id, last_seq - readings + 1 AS firstSeq, last_seq AS lastSeq, bytes, published, created_us AS sealedUs';

function storeOn(db: DatabaseSync): Store {
  const found = storedState(db);
  const { page_size: pageSize } = db.prepare('PRAGMA page_size').get() as { page_size: number };
  const insert = db.prepare(
    'INSERT INTO batch (id, last_seq, readings, bytes, created_us, priority, published, claim_us, blob) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const forget = db.prepare('DELETE FROM batch WHERE id = ?');
  const setState = db.prepare(`UPDATE batch SET blob = ? WHERE id = ${stateId}`);
  const publish = db.prepare('UPDATE batch SET published = 1 WHERE id = ?');
  const page = db.prepare(
    'SELECT id, last_seq - readings + 1 AS firstSeq, last_seq AS lastSeq, claim_us AS declaredUs, published, blob FROM batch WHERE id > ? AND id < ? ORDER BY id LIMIT ?',
  );
  const declared = db.prepare('SELECT claim_us FROM batch WHERE id > ? AND id < ? ORDER BY id LIMIT 1');
  const neverPublished = `SELECT ${summary} FROM batch WHERE id > ? AND published = 0 AND readings > 0`;
  const droppable = db.prepare(`${neverPublished} ORDER BY id LIMIT ?`);
  const droppableOf = db.prepare(`${neverPublished} AND priority = ? ORDER BY id LIMIT ?`);
  const all = db.prepare(`SELECT ${summary} FROM batch WHERE id < ${stateId} ORDER BY id`);
  const oldest = db.prepare(`SELECT created_us FROM batch WHERE id < ${stateId} ORDER BY id LIMIT 1`);
  const freePages = db.prepare('PRAGMA freelist_count');
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
  const forgetAll = (ids: readonly number[]): void => ids.forEach(id => forget.run(id));
  return {
    found,
    write: ({ batches, published, forget: forgotten, state }) =>
      transaction(() => {
        forgetAll(forgotten); // First, so that the new rows take the pages of the old.
        for (const [i, { id, firstSeq, lastSeq, packed, priority, declaredUs }] of batches.entries()) {
          const readings = lastSeq - firstSeq + 1;
          const isPublished = i < published ? 1 : 0;
          insert.run(id, lastSeq, readings, packed.length, state.clockUs, priority, isPublished, declaredUs, packed);
        }
        setState.run(Buffer.from(JSON.stringify(state)));
      }),
    forget: ids => transaction(() => forgetAll(ids)),
    publish: ids => transaction(() => ids.forEach(id => publish.run(id))),
    page: (afterId, beforeId, limit) =>
      page.all(afterId, Math.min(beforeId, stateId), limit).map(row => {
        const { blob, ...batch } = row as unknown as Omit<StoredBytes, 'bytes' | 'storedBytes'> & { blob: Uint8Array };
        return { ...batch, bytes: unpack(blob), storedBytes: blob.length };
      }),
    declaredUs: (afterId, beforeId) =>
      (declared.get(afterId, Math.min(beforeId, stateId)) as { claim_us: number } | undefined)?.claim_us,
    droppable: (afterId, priority, limit) =>
      (priority === undefined
        ? droppable.all(afterId, limit)
        : droppableOf.all(afterId, priority, limit)) as unknown as StoredBatch[],
    *batches() {
      for (const row of all.iterate()) yield row as unknown as StoredBatch;
    },
    oldestSealedUs: () => (oldest.get() as { created_us: number } | undefined)?.created_us,
    reusableBytes: () => (freePages.get() as { freelist_count: number }).freelist_count * pageSize,
    [Symbol.dispose]: () => db.close(),
  };
}
