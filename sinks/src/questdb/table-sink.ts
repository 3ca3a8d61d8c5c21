/** A sink that writes a table of QuestDB: what it is given beyond any other sink. */
import type { KafkaTopics } from '@millrace/wire/names.ts';
import { orAborted } from '../abortable.ts';
import type { Gate, ListedSink, Sink, Store, StoreContext } from '../sink.ts';
import type { QuestdbHttp, QuestdbHttpOptions } from './http.ts';
import { Outage } from './outage.ts';
import type { WalWatch } from './wal-watch.ts';

/** When a request to QuestDB is full or due. */
export interface WriterLimits {
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly lingerMs: number;
}

/** What all tables of a process share. */
export interface Tables {
  readonly limits: WriterLimits;
  readonly questdb: QuestdbHttpOptions;
  readonly http: QuestdbHttp;
  readonly watch: WalWatch;
  /** Resolves when every table is there, rejects with a ConfigError when one cannot be. Default: they are. */
  readonly made?: Promise<unknown>;
  /** Begins the names of tables, for tests. */
  readonly tablePrefix?: string;
}

export interface TableContext extends StoreContext, Pick<Tables, 'limits' | 'questdb' | 'http'> {
  /** Name of the table in QuestDB, with the prefix that tests set. */
  readonly table: string;
  readonly tablePrefix: string;
  readonly outage: Outage;
  readonly gate: Gate;
}

export interface TableSink {
  readonly name: string;
  /** The topics it reads, by their names in the contract. Of several, one process has the same partitions of each. */
  readonly topics: readonly (keyof KafkaTopics)[];
  /** The table it writes. */
  readonly table: string;
  readonly openStore: (context: TableContext) => Store;
}

export const isTableSink = (sink: ListedSink | Sink): sink is TableSink => 'table' in sink;

export function sinkOfTable(
  { name, topics, table, openStore }: TableSink,
  { limits, questdb, http, watch, made = Promise.resolve(), tablePrefix = '' }: Tables,
): Sink {
  return {
    name,
    topics,
    downstream: async signal => void (await orAborted(made, signal)),
    openStore: context =>
      openStore({
        ...context,
        limits,
        questdb,
        http,
        table: tablePrefix + table,
        tablePrefix,
        outage: new Outage(context.log, failing => context.metrics.paused('unavailable', failing)),
        gate: watch.gate(tablePrefix + table),
      }),
  };
}
