/** What a sink is, and what its parts ask of each other. */
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import type { Assignment, IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { KafkaTopics } from '@millrace/wire/names.ts';
import type { SinksConfig } from './config.ts';
import type { SinkMetrics } from './metrics.ts';
import type { TableSink } from './questdb/table-sink.ts';

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

/** Where a sink's records go: a table, an endpoint. "Row" stands for whatever the store counts. */
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
  /** Undefined, or why nothing could be stored now. */
  readonly trouble?: string | undefined;
  /** While it is shut no record is handed over; absent: always open. */
  readonly gate?: Gate;
}

/** What a store is given. */
export interface StoreContext {
  readonly kafka: Kafka;
  /** Consumer group of the sink. */
  readonly groupId: string;
  readonly topics: KafkaTopics;
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
  /** Called when it opens, shuts, or is shut for another reason, until what this returns is called. */
  onChange(listener: () => void): () => void;
}

/** What runs: a consumer group of its own and a store. */
export interface Sink {
  readonly name: string;
  /** The topics it reads, by their names in the contract. Of several, one process has the same partitions of each. */
  readonly topics: readonly (keyof KafkaTopics)[];
  /** Where its group begins that has never committed anything: at the topics' `start` (default), or at their `end`. */
  readonly begin?: 'start' | 'end';
  /** Awaited before the group is joined: what the store needs is there. Rejects with the signal's reason. */
  readonly downstream?: (signal: AbortSignal) => Promise<void>;
  readonly openStore: (context: StoreContext) => Store;
}

/** Makes its sinks from the configuration, one for each entry there. */
export interface SinkFamily {
  readonly name: string;
  readonly sinksOf: (config: SinksConfig) => readonly Sink[];
}

/** One line of `list.ts`. */
export type ListedSink = TableSink | SinkFamily;
