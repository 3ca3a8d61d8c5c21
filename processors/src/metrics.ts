import type { Consumer } from '@millrace/runtime/kafka/types.ts';
import { atScrape, Gauge, type Metrics } from '@millrace/runtime/metrics.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import type { Partitions } from './partitions.ts';

/** `in` counts readings, `out` rows of statistics, `lag` records not yet processed. */
export function processorMetrics(
  metrics: Metrics,
  partitions: Pick<Partitions, 'counters' | 'standings'>,
  consumer: Pick<Consumer, 'lag'>,
): void {
  const { registry, flow } = metrics;
  atScrape(flow.lag, () => consumer.lag);
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
