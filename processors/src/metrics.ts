import type { Consumer } from '@millrace/runtime/kafka/types.ts';
import { Gauge, type Metrics } from '@millrace/runtime/metrics.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import type { Partitions } from './partitions.ts';

/** `in` counts readings, `out` rows of statistics, `lag` records not yet processed. */
export function processorMetrics(
  metrics: Metrics,
  partitions: Pick<Partitions, 'counters' | 'standings'>,
  consumer: Pick<Consumer, 'lag'>,
): void {
  const { registry, flow } = metrics;
  // Its own: in the collect of another gauge it would come after `millrace_lag` was read, and show the scrape before.
  Object.assign(flow.lag, { collect: () => flow.lag.set(consumer.lag) });
  ledgerMetrics(metrics, () => partitions.standings());
  new Gauge({
    name: 'millrace_processors_readings',
    help: 'Readings since the start, by what became of them.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      for (const [outcome, count] of Object.entries(partitions.counters)) this.set({ outcome }, count);
    },
  });
}
