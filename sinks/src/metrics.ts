import { Counter, Gauge, Histogram, type Metrics } from '@millrace/runtime/metrics.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import type { ShutReason, Taken } from './sink.ts';

/** Why a sink writes nothing: its table's gate is shut, or what it writes to takes nothing (away, frozen, disk full). */
export type PauseReason = ShutReason | 'unavailable';
const pauseReasons: readonly PauseReason[] = ['suspended', 'wal-lag', 'unavailable'];

/** What one sink counts; each shows as `millrace_sink_…{sink="readings"}`. */
export interface SinkMetrics {
  /** Rows taken from Kafka. */
  taken(rows: number): void;
  /** Rows of a record that QuestDB has acknowledged; also observes the time since the bridge received it. */
  stored(taken: Taken, rows: number): void;
  readonly requests: { inc(): void };
  readonly retries: { inc(): void };
  readonly rejected: { inc(): void };
  readonly restarts: { inc(): void };
  readonly rebalances: { inc(): void };
  paused(reason: PauseReason, yes: boolean): void;
}

/** Registers what is counted of the tables, whichever sinks write them; call once a process. */
export function openResumeCounter({ registry }: Metrics): Counter {
  return new Counter({
    name: 'millrace_sinks_table_resumes_total',
    help: 'Times QuestDB was asked to go on with a table that it had suspended for want of disk, memory or files.',
    registers: [registry],
  });
}

/** Registers the counters of all sinks; call once a process. */
export function openSinkMetrics({ registry, flow }: Metrics): (sink: string) => SinkMetrics {
  const registers = [registry];
  const labelNames = ['sink'] as const;
  const counter = (name: string, help: string) =>
    new Counter({ name: `millrace_sink_${name}`, help, labelNames, registers });
  const rows = counter('rows_total', 'Rows that QuestDB acknowledged; of a webhook, alerts that its endpoint took.');
  const requests = counter('requests_total', 'Write requests to QuestDB, or to the endpoint.');
  const retries = counter('retries_total', 'Of these, those that have to be sent again.');
  const rejected = counter('rejected_total', 'Records, or single rows of one, sent to the rejected topic.');
  const restarts = counter('restarts_total', 'Times the sink failed and was started again.');
  const rebalances = counter('rebalances_total', 'Times the sink was given partitions: once at its start.');
  const paused = new Gauge({
    name: 'millrace_sink_paused',
    help: '1 while the sink writes nothing for this reason: suspended (table), wal-lag (table), unavailable (server, endpoint).',
    labelNames: ['sink', 'reason'],
    registers,
  });
  const latency = new Histogram({
    name: 'millrace_sink_received_to_stored_seconds',
    help: 'From the bridge (or, without its header, from Kafka) to the acknowledgement of QuestDB or the endpoint.',
    labelNames,
    registers,
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600],
  });
  return sink => {
    const labels = { sink };
    const [ownRows, ownLatency] = [rows.labels(labels), latency.labels(labels)];
    for (const reason of pauseReasons) paused.set({ sink, reason }, 0);
    return {
      taken: count => flow.in.inc(count),
      stored: ({ record }, count) => {
        ownRows.inc(count);
        flow.out.inc(count);
        const receivedMs = Number(record.headers[readingHeaders.receivedAt] ?? Number.NaN) / 1000;
        ownLatency.observe(
          Math.max(0, Date.now() - (Number.isFinite(receivedMs) ? receivedMs : record.timestampMs)) / 1000,
        );
      },
      requests: requests.labels(labels),
      retries: retries.labels(labels),
      rejected: rejected.labels(labels),
      restarts: restarts.labels(labels),
      rebalances: rebalances.labels(labels),
      paused: (reason, yes) => paused.set({ sink, reason }, yes ? 1 : 0),
    };
  };
}
