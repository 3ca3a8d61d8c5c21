/** For the lake's tests: DuckDB as any reader has it, records without Kafka, and a store that dies. */
import { DuckDBInstance } from '@duckdb/node-api';
import { type Batch, encodeBatch } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import type { Taken } from '../sink.ts';
import type { ObjectStore } from './objects.ts';

type Cell = string | number | boolean | null;

let instance: Promise<DuckDBInstance> | undefined;

/** Answers the last of the statements; 64-bit numbers come as text. */
export async function duckdb(...statements: readonly string[]): Promise<readonly (readonly Cell[])[]> {
  instance ??= DuckDBInstance.create();
  const connection = await (await instance).connect();
  try {
    let rows: readonly (readonly Cell[])[] = [];
    await connection.run("SET TimeZone = 'UTC'");
    for (const statement of statements) rows = (await connection.runAndReadAll(statement)).getRowsJson() as Cell[][];
    return rows;
  } finally {
    connection.closeSync();
  }
}

/** What a reader says who knows nothing but the folder. */
export const glob = (root: string): string =>
  `read_parquet('${root}/readings/**/*.parquet', hive_partitioning = true, union_by_name = true)`;

export function takenOf(
  offset: number,
  batch: Batch,
  settled: () => void = () => {},
  receivedUs = batch.timeUs[0]!,
): Taken {
  return {
    topic: 'readings.v1',
    partition: 0,
    record: {
      offset: BigInt(offset),
      key: batch.gateway,
      value: encodeBatch(batch),
      headers: { [readingHeaders.receivedAt]: String(receivedUs) },
      timestampMs: Math.floor(receivedUs / 1000),
    },
    settled,
  };
}

export class Killed extends Error {}

/** Does so many changes, and then nothing any more: the last one with or without having done it. */
export class MortalStore implements ObjectStore {
  readonly shown = 'a store';
  readonly #store: ObjectStore;
  readonly #isDone: boolean;
  #left: number;

  constructor(store: ObjectStore, changes: number, isDone: boolean) {
    this.#store = store;
    this.#left = changes;
    this.#isDone = isDone;
  }

  get isDead(): boolean {
    return this.#left < 0;
  }

  create(name: string, bytes: Uint8Array): Promise<boolean> {
    return this.#change(() => this.#store.create(name, bytes));
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    this.#live();
    return this.#store.read(name);
  }

  async list(folder: string): Promise<readonly string[]> {
    this.#live();
    return this.#store.list(folder);
  }

  /** One after the other: it may die between any two. */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#change(() => this.#store.remove([name]));
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    this.#live();
    if (--this.#left >= 0) return work();
    if (this.#isDone) await work();
    throw new Killed();
  }

  #live(): void {
    if (this.isDead) throw new Killed();
  }
}
