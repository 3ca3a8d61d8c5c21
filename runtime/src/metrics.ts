/** Prometheus metrics. Every service shows the same three of its flow, so that one reader can watch them all. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface Flow {
  /** Items taken in: readings, rows or messages, as the service says in its help text. */
  readonly in: Counter;
  /** Items passed on and acknowledged by whoever took them. */
  readonly out: Counter;
  /** Items known to wait upstream or inside. */
  readonly lag: Gauge;
}

export interface Metrics {
  readonly registry: Registry;
  readonly flow: Flow;
}

export function openMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    flow: {
      in: new Counter({ name: 'millrace_in_total', help: 'Readings (or rows) taken in.', registers }),
      out: new Counter({
        name: 'millrace_out_total',
        help: 'Readings (or rows) passed on and acknowledged.',
        registers,
      }),
      lag: new Gauge({ name: 'millrace_lag', help: 'Readings (or records) known to wait.', registers }),
    },
  };
}

/**
 * Reads the gauge's value when it is scraped. Set in the `collect` of another gauge it would come too late where that one
 * is registered after it, and show the scrape before.
 */
export function atScrape(gauge: Gauge, read: () => number): void {
  Object.assign(gauge, { collect: () => gauge.set(read()) });
}
