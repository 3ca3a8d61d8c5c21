/** For the lake's tests: DuckDB as any reader has it, records without Kafka, and a store that dies. */
import assert from 'node:assert/strict';
import { DuckDBInstance } from '@duckdb/node-api';
import { type Batch, encodeBatch } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import type { Taken } from '../sink.ts';
import { type Lab, until } from '../testing.ts';
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

/** Of every column that has one. The last is of floating point numbers, which add up in another order elsewhere. */
const sums = 'count(*), sum(seq), sum(boot), sum(quality), sum(value)';

/** That the lake and the table have as many rows, and the same in them. */
export async function sameAsQuestdb(lab: Lab, root: string): Promise<void> {
  const { rows } = await lab.http.query(`SELECT ${sums} FROM ${lab.tablePrefix}readings`);
  const [inLake] = await duckdb(`SELECT ${sums} FROM ${glob(root)}`);
  closeTo(inLake!.map(Number), rows[0]!.map(Number));
}

export function closeTo(actual: readonly number[], expected: readonly number[]): void {
  assert.deepEqual(actual.slice(0, -1), expected.slice(0, -1));
  assert.ok(Math.abs(actual.at(-1)! - expected.at(-1)!) < 1e-6, `${actual.at(-1)} is not ${expected.at(-1)}`);
}

/** Waits until both sinks have committed all records of the topic. */
export async function bothHave(lab: Lab, records: number, deadlineMs = 60_000): Promise<void> {
  for (const sink of ['lake', 'readings']) {
    const committed = (): Promise<number> => lab.committed(sink, lab.topics.readings);
    await until(`${records} records of ${sink}`, async () => (await committed()) === records, deadlineMs);
  }
}

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
