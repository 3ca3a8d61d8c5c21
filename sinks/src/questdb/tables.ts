import type { Logger } from '@millrace/runtime/log.ts';
import type { Metrics } from '@millrace/runtime/metrics.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { openResumeCounter } from '../metrics.ts';
import { QuestdbHttp, type QuestdbHttpOptions } from './http.ts';
import { migrate } from './migrations.ts';
import type { Tables, WriterLimits } from './table-sink.ts';
import { keepViewsValid } from './views.ts';
import { WalWatch } from './wal-watch.ts';

export interface TablesOptions {
  readonly questdb: QuestdbHttpOptions;
  readonly limits: WriterLimits;
  /** See `WalWatchOptions`. */
  readonly lagLimit: number;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Ends the wait for QuestDB. */
  readonly signal: AbortSignal;
}

/** Begins to make the tables and to watch them; returns at once: `made` tells, and says once when QuestDB is away. */
export function openTables({
  questdb,
  limits,
  lagLimit,
  metrics,
  log,
  signal,
}: TablesOptions): Tables & AsyncDisposable {
  const http = new QuestdbHttp(questdb);
  const watch = WalWatch.start({ http, log, lagLimit, resumes: openResumeCounter(metrics) });
  const made = keepTrying('QuestDB', () => migrate(http), { log, signal }).then(applied => {
    if (applied.length > 0) log.info({ applied }, 'tables are ready');
  });
  const views = made.then(() => keepViewsValid(http, log, signal));
  views.catch(() => {}); // As `made`, which tells.
  made.catch(() => {}); // Each sink awaits it before it joins its group.
  return {
    limits,
    questdb,
    http,
    watch,
    made,
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]();
      http[Symbol.dispose]();
      await views.catch(() => {});
    },
  };
}
