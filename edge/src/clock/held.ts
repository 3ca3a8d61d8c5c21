/**
 * Readings whose time is provisional: on disk, and neither numbered nor sealed before it is known when they were taken.
 * A file of its own beside the outbox, SQLite as that one; it exists only where a clock was ever wrong.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { ConfigError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { isDiskError } from '../outbox/capacity.ts';
import type { Note } from '../outbox/declarations.ts';
import { type Origin, seal } from '../outbox/seal.ts';
import type { Reading } from '../reading.ts';
import type { Timeline } from './clock.ts';

/** Readings of one source and one timeline, as they were appended. */
export interface HeldRow {
  /** Grows, and is never given again. */
  readonly id: number;
  readonly timeline: Timeline;
  readonly readings: readonly Reading[];
}

export interface HeldOptions {
  readonly path: string;
  readonly origin: Origin;
  readonly groupCommitMs: number;
  readonly log: Logger;
}

interface Waiting {
  readonly source: string;
  readonly readings: readonly Reading[];
  readonly cursor: string | undefined;
  readonly timeline: Timeline;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const retryWriteMs = 1000;
const noNumbering = { boot: 0, firstId: 0, firstSeq: 0, declaredUs: 0, completeBeforeUs: 0, completeAfterUs: 0 };

/** States: **open** ⇄ **unwritable** (a full disk: appends wait) → **closed**. */
export class Held implements Disposable {
  /** Of this file: ids of another one mean other rows. */
  readonly uuid: string;
  readonly #db: DatabaseSync;
  readonly #options: HeldOptions;
  readonly #cursors: Map<string, string>;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #level = { readings: 0, bytes: 0 };
  #isSaid = false;
  #isDraining = false;

  /** @throws {ConfigError} when the file cannot be used. */
  constructor(options: HeldOptions) {
    this.#options = options;
    try {
      this.#db = new DatabaseSync(options.path);
      this.#db.exec(`
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        CREATE TABLE IF NOT EXISTS file (uuid TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS held (
          id INTEGER PRIMARY KEY AUTOINCREMENT, -- an id that was given up is not given again
          boot_id TEXT NOT NULL,
          ahead_us INTEGER NOT NULL,
          readings INTEGER NOT NULL,
          blob BLOB NOT NULL -- a ReadingBatch with provisional times
        ) STRICT;
        CREATE TABLE IF NOT EXISTS cursor (source TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT, WITHOUT ROWID;
      `);
      this.#db.prepare('INSERT INTO file SELECT ? WHERE NOT EXISTS (SELECT 1 FROM file)').run(randomUUID());
    } catch (error) {
      throw ConfigError.of(
        'edge.outbox.path',
        `the file beside it, ${options.path}, cannot be used (${messageOf(error)})`,
      );
    }
    this.uuid = (this.#db.prepare('SELECT uuid FROM file').get() as { uuid: string }).uuid;
    const cursors = this.#db.prepare('SELECT source, cursor FROM cursor').all() as { source: string; cursor: string }[];
    this.#cursors = new Map(cursors.map(({ source, cursor }) => [source, cursor]));
    this.#count();
  }

  /** Whether a former run left something in that place. */
  static isThere(path: string): boolean {
    return existsSync(path);
  }

  get level(): { readonly readings: number; readonly bytes: number } {
    return this.#level;
  }

  /** Nothing is here, and nobody waits to bring something. */
  get isEmpty(): boolean {
    return this.#level.readings === 0 && this.#waiting.length === 0;
  }

  /** Cursors of sources whose last append is here. */
  get cursors(): ReadonlyMap<string, string> {
    return this.#cursors;
  }

  /** Resolves once it is on disk. @throws {TransientError} when the agent stops before. */
  append(source: string, readings: readonly Reading[], { cursor }: Note, timeline: Timeline): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ source, readings, cursor, timeline, resolve, reject });
      if (this.#isDraining) this.#commit();
      else this.#within(this.#options.groupCommitMs);
    });
  }

  /** The oldest rows with an id above `afterId`, about so many readings. */
  oldest(afterId: number, readings: number): HeldRow[] {
    const rows: HeldRow[] = [];
    let count = 0;
    for (const row of this.#db.prepare('SELECT * FROM held WHERE id > ? ORDER BY id').iterate(afterId)) {
      const {
        id,
        boot_id: bootId,
        ahead_us: aheadUs,
        blob,
      } = row as {
        id: number;
        boot_id: string;
        ahead_us: number;
        blob: Uint8Array;
      };
      const one = { id, timeline: { bootId, aheadUs }, readings: readingsOf(blob) };
      rows.push(one);
      count += one.readings.length;
      if (count >= readings) break;
    }
    return rows;
  }

  /** These, and all before, are elsewhere now. */
  forget(throughId: number): void {
    this.#db.prepare('DELETE FROM held WHERE id <= ?').run(throughId);
    this.#count();
  }

  /** The cursors are elsewhere now. */
  forgetCursors(): void {
    this.#db.exec('DELETE FROM cursor');
    this.#cursors.clear();
  }

  /** From now on an append is committed at once, or rejected. */
  drain(): void {
    this.#isDraining = true;
    this.#commit();
  }

  [Symbol.dispose](): void {
    this.drain();
    clearTimeout(this.#timer);
    this.#db.close();
  }

  #within(ms: number): void {
    this.#timer ??= setTimeout(() => this.#commit(), ms);
  }

  #commit(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    try {
      this.#write(group);
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      if (isDiskError(error) && !this.#isDraining) return this.#waitForDisk(group, error);
      for (const { reject } of group) reject(new TransientError(`readings cannot be kept: ${messageOf(error)}`));
      return;
    }
    this.#isSaid = false;
    for (const { resolve } of group) resolve();
  }

  #write(group: readonly Waiting[]): void {
    const insert = this.#db.prepare('INSERT INTO held (boot_id, ahead_us, readings, blob) VALUES (?, ?, ?, ?)');
    const setCursor = this.#db.prepare('INSERT OR REPLACE INTO cursor VALUES (?, ?)');
    this.#db.exec('BEGIN IMMEDIATE');
    for (const { timeline, readings } of joined(group))
      for (const { firstSeq, lastSeq, bytes } of seal(readings, this.#options.origin, noNumbering))
        insert.run(timeline.bootId, timeline.aheadUs, lastSeq - firstSeq + 1, bytes);
    for (const { source, cursor } of group) if (cursor !== undefined) setCursor.run(source, cursor);
    this.#db.exec('COMMIT');
    for (const { source, cursor } of group) if (cursor !== undefined) this.#cursors.set(source, cursor);
    this.#count();
  }

  #waitForDisk(group: readonly Waiting[], error: unknown): void {
    this.#waiting = [...group, ...this.#waiting];
    if (!this.#isSaid)
      this.#options.log.error(`readings cannot be kept (${messageOf(error)}): sources wait; trying each second`);
    this.#isSaid = true;
    this.#within(retryWriteMs);
  }

  #count(): void {
    const { readings, bytes } = this.#db
      .prepare('SELECT coalesce(sum(readings), 0) AS readings, coalesce(sum(length(blob)), 0) AS bytes FROM held')
      .get() as { readings: number; bytes: number };
    this.#level = { readings, bytes };
  }
}

/** Those of one timeline together: a group commit is then one batch. */
function joined(group: readonly Waiting[]): { timeline: Timeline; readings: readonly Reading[] }[] {
  const key = ({ timeline }: Waiting): string => `${timeline.bootId} ${timeline.aheadUs}`;
  return [...Map.groupBy(group, key).values()].map(of => ({
    timeline: of[0]!.timeline,
    readings: of.flatMap(({ readings }) => readings),
  }));
}

function readingsOf(bytes: Uint8Array): Reading[] {
  const { series, seriesIndex, timeUs, value, quality } = decodeBatch(bytes);
  return seriesIndex.map((index, i) => ({
    ...series[index]!,
    timeUs: timeUs[i]!,
    value: value[i]!,
    quality: quality[i] as NonNullable<Reading['quality']>,
  }));
}
