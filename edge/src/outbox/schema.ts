/** The tables of the outbox's file, and what becomes of a file that an earlier version wrote. */
import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '@millrace/runtime/errors.ts';

/** What is kept of a source, in the same transaction as its readings. */
export interface SourceState {
  /** The source's own note of where it stands. */
  readonly cursor?: string;
  /** Its own declaration; absent: none yet. */
  readonly completeThroughUs?: number;
}

/** All that is kept beside the batches; changes with them, in one transaction. */
export interface State {
  readonly boot: number;
  readonly nextSeq: number;
  /** What the sources had declared when the last batch was sealed, µs. */
  readonly completeThroughUs: number;
  /** The outbox's own clock: how long an agent has run with this file, µs. */
  readonly clockUs: number;
  /** Readings given up, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly sources: Readonly<Record<string, SourceState>>;
}

/**
 * The state is a row of the same table, and the last one: it then lies in the page that takes the new batches, and a
 * commit of a few readings writes this one page. In a table of its own it would be a second page a commit.
 */
export const stateId = Number.MAX_SAFE_INTEGER;

/** 3: batches are compressed, which earlier agents could not read; those of version 2 stay as they are. */
const schemaVersion = 3;

/**
 * Makes the table, or brings one of version 1 up to date, in one transaction.
 * @throws {ConfigError} when a later version wrote the file.
 */
export function prepareSchema(db: DatabaseSync): void {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === schemaVersion) return;
  if (version === 2) return db.exec(`PRAGMA user_version = ${schemaVersion}`);
  if (version !== 0 && version !== 1)
    throw ConfigError.of(
      'edge.outbox.path',
      `was written by another version (schema ${version}, this agent writes ${schemaVersion}); update the agent, or name a new path`,
    );
  db.exec('BEGIN IMMEDIATE');
  const state = version === 0 ? create(db) : migrateFrom1(db);
  db.prepare(
    'INSERT INTO batch (id, last_seq, readings, bytes, created_us, priority, published, claim_us, blob) VALUES (?, -1, 0, 0, 0, 0, 1, 0, ?)',
  ).run(stateId, Buffer.from(JSON.stringify(state)));
  db.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT`);
}

function create(db: DatabaseSync): State {
  // The blob comes last, so that marking a large batch as published leaves its other pages alone.
  db.exec(`
    CREATE TABLE batch (
      id INTEGER PRIMARY KEY,
      last_seq INTEGER NOT NULL,
      readings INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      created_us INTEGER NOT NULL, -- by the outbox's own clock
      priority INTEGER NOT NULL,
      published INTEGER NOT NULL, -- 1: was or may have been published, and is never given up
      claim_us INTEGER NOT NULL, -- what was declared complete before it was sealed
      blob BLOB NOT NULL -- as packed.ts has it
    ) STRICT;
  `);
  return { boot: newBoot(), nextSeq: 0, completeThroughUs: 0, clockUs: 0, dropped: {}, sources: {} };
}

/** 53 random bits, so that every number of the wire stays a safe integer. */
function newBoot(): number {
  return Number(randomBytes(8).readBigUInt64BE() >> 11n);
}

/**
 * The rows have wall-clock times, so the outbox's own clock goes on from the newest of them: their ages are then as right as
 * that clock was. Adds columns, which rewrites no row however many there are. Nobody knows which batches of version 1 were published and
 * what was declared before them, so none is given up, and nothing later is claimed before they are sent.
 */
function migrateFrom1(db: DatabaseSync): State {
  const rows = db.prepare('SELECT key, value FROM state').all() as { key: string; value: unknown }[];
  const values = new Map(rows.map(({ key, value }) => [key, value]));
  const sources = rows
    .filter(({ key }) => key.startsWith('source:'))
    .map(({ key, value }) => [key.slice('source:'.length), JSON.parse(String(value)) as SourceState]);
  const { newest } = db.prepare('SELECT max(created_us) AS newest FROM batch').get() as { newest: number | null };
  db.exec(`
    ALTER TABLE batch RENAME COLUMN first_seq TO id;
    ALTER TABLE batch ADD COLUMN priority INTEGER NOT NULL DEFAULT 5;
    ALTER TABLE batch ADD COLUMN published INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE batch ADD COLUMN claim_us INTEGER NOT NULL DEFAULT 0;
    DROP TABLE state;
  `);
  return {
    boot: values.get('boot') as number,
    nextSeq: values.get('next_seq') as number,
    completeThroughUs: values.get('complete_through_us') as number,
    clockUs: newest ?? 0,
    dropped: {},
    sources: Object.fromEntries(sources) as Record<string, SourceState>,
  };
}
