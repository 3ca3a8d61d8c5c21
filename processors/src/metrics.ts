import { atScrape, Gauge, type Metrics } from '@millrace/runtime/metrics.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import type { ReadingsTask } from './readings-task.ts';
import type { ZonesTask } from './zones/task.ts';

interface Running<T> {
  readonly consumer: { readonly lag: number };
  tasks(): Iterable<T>;
}

/** Sums over the tasks of now and of before, so that no counter falls when a partition moves. */
class Sums<T extends { readonly counters: object }> {
  readonly #past = new Map<string, number>();
  running: Running<T> | undefined;

  /** Its counters go on counting for the sum. */
  givenUp(task: T): void {
    add(this.#past, task.counters);
  }

  get all(): ReadonlyMap<string, number> {
    const sums = new Map(this.#past);
    for (const { counters } of this.running?.tasks() ?? []) add(sums, counters);
    return sums;
  }
}

function add(sums: Map<string, number>, counters: object): void {
  for (const [name, count] of Object.entries(counters)) sums.set(name, (sums.get(name) ?? 0) + (count as number));
}

export interface ProcessorCounters {
  readonly readings: Pick<Sums<ReadingsTask>, 'givenUp'>;
  readonly zones: Pick<Sums<ZonesTask>, 'givenUp'>;
  watch(readings: Running<ReadingsTask>, zones: Running<ZonesTask> | undefined): void;
}

/** `in` counts readings, `out` rows of statistics, `lag` records not yet processed. */
export function processorMetrics(metrics: Metrics): ProcessorCounters {
  const registers = [metrics.registry];
  const readings = new Sums<ReadingsTask>();
  const zones = new Sums<ZonesTask>();
  const tasks = (): Iterable<ReadingsTask> => readings.running?.tasks() ?? [];
  atScrape(metrics.flow.lag, () => (readings.running?.consumer.lag ?? 0) + (zones.running?.consumer.lag ?? 0));
  ledgerMetrics(metrics, function* standings() {
    for (const task of tasks()) yield* task.standings();
  });
  const byOutcome = (name: string, help: string, sums: () => ReadonlyMap<string, number>): void =>
    void new Gauge({
      name: `millrace_processors_${name}`,
      help,
      labelNames: ['outcome'],
      registers,
      collect() {
        for (const [outcome, count] of sums()) this.set({ outcome }, count);
      },
    });
  byOutcome('readings', 'Readings since the start, by what became of them.', () => readings.all);
  byOutcome('zone_parts', 'Parts of zones since the start, by what became of them.', () => zones.all);
  const sizes = new Gauge({
    name: 'millrace_processors_held',
    help: 'What is held in memory now: gateways, series, panes of windows.',
    labelNames: ['kind'],
    registers,
    collect() {
      const sums = new Map(['gateways', 'series', 'panes'].map(kind => [kind, 0]));
      for (const { sizes: held } of tasks()) add(sums, held);
      for (const [kind, count] of sums) sizes.set({ kind }, count);
    },
  });
  return {
    readings,
    zones,
    watch: (runningReadings, runningZones) => {
      readings.running = runningReadings;
      zones.running = runningZones;
    },
  };
}
