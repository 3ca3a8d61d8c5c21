/** What a sink is, and what its parts ask of each other. */
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import type { Assignment, IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { KafkaTopics } from '@millrace/wire/names.ts';
import type { SinkMetrics } from './metrics.ts';
import type { QuestdbHttp, QuestdbHttpOptions } from './questdb/http.ts';
import type { Outage } from './questdb/outage.ts';

/** A record of Kafka on its way through a sink. */
export interface Taken {
  readonly topic: string;
  readonly partition: number;
  readonly record: IncomingRecord;
  /** To be called once, when every row of the record is stored, or rejected and safe in the rejected topic. */
  settled(): void;
}

export interface Rejection {
  readonly reason: string;
  readonly field: string;
  /** One row of a record that has several: which, from 0, and the row alone in the record's format. Default: the record. */
  readonly part?: { readonly row: number; readonly value: Uint8Array };
}

/** Where a sink's rows go. */
export interface Store extends AsyncDisposable {
  /**
   * Checks the record and takes all its rows into memory; nothing is kept of a record that throws.
   * @returns the number of rows taken.
   * @throws {RejectedError} when the record can never be stored.
   */
  take(taken: Taken): number;
  /** Told of the partitions it will be given records of, and awaited before the first of them. */
  assigned?(assignment: Assignment): Promise<void>;
  /** Resolves when there is room for more; rejects with the signal's reason. */
  room(signal: AbortSignal): Promise<void>;
  /** Resolves when everything taken so far is settled. */
  drained(): Promise<void>;
  /** Never resolves; rejects when the store cannot go on. */
  readonly failed: Promise<never>;
}

/** When a request to QuestDB is full or due. */
export interface WriterLimits {
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly lingerMs: number;
}

/** What a store is given. */
export interface StoreContext {
  readonly limits: WriterLimits;
  /** Name of the table in QuestDB, with the prefix that tests set. */
  readonly table: string;
  readonly tablePrefix: string;
  readonly kafka: Kafka;
  readonly topics: KafkaTopics;
  readonly http: QuestdbHttp;
  readonly questdb: QuestdbHttpOptions;
  readonly outage: Outage;
  readonly gate: Gate;
  readonly metrics: SinkMetrics;
  readonly log: Logger;
  /** Aborted when the sink gives up waiting: what is not settled then comes again. */
  readonly stop: AbortSignal;
  /** Brings a record, or a part of it, into the rejected topic; retries until it is there. */
  reject(taken: Taken, rejection: Rejection): Promise<void>;
}

/** `suspended`: QuestDB takes rows and shows none of them. `wal-lag`: it shows them much later. */
export type ShutReason = 'suspended' | 'wal-lag';

/** Shut while QuestDB takes rows that nobody could read: see `wal-watch.ts`. */
export interface Gate {
  readonly isOpen: boolean;
  /** Undefined while it is open. */
  readonly shut: { readonly reason: ShutReason; readonly sentence: string } | undefined;
  /** Resolves when the gate is open; rejects with the signal's reason. */
  passable(signal: AbortSignal): Promise<void>;
}

/** One line of `list.ts`. */
export interface Sink {
  readonly name: string;
  /** The topics it reads, by their names in the contract. Of several, one process has the same partitions of each. */
  readonly topics: readonly (keyof KafkaTopics)[];
  /** The table it writes. */
  readonly table: string;
  openStore(context: StoreContext): Store;
}
