import { atScrape, Gauge, type Metrics } from '@millrace/runtime/metrics.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import type { ReadingsTask } from './readings-task.ts';
import type { ZonesTask } from './zones/task.ts';

interface Running<T> {
  readonly consumer: { readonly lag: number };
  /** Of the oldest commit under way. */
  readonly committingMs: number;
  tasks(): Iterable<T>;
}

/** Tasks of now, and the counters of those of before, so that none falls when a partition moves. */
class Counted<T> {
  readonly #kinds: readonly { readonly of: (task: T) => object; readonly past: Map<string, number> }[];
  running: Running<T> | undefined;

  constructor(...kinds: readonly ((task: T) => object)[]) {
    this.#kinds = kinds.map(of => ({ of, past: new Map() }));
  }

  tasks(): Iterable<T> {
    return this.running?.tasks() ?? [];
  }

  givenUp(task: T): void {
    for (const { of, past } of this.#kinds) add(past, of(task));
  }

  /** @param kind as given to the constructor, from 0. */
  sums(kind: number): ReadonlyMap<string, number> {
    const { of, past } = this.#kinds[kind]!;
    const sums = new Map(past);
    for (const task of this.tasks()) add(sums, of(task));
    return sums;
  }
}

function add(sums: Map<string, number>, counters: object): void {
  for (const [name, count] of Object.entries(counters)) sums.set(name, (sums.get(name) ?? 0) + (count as number));
}

export interface ProcessorCounters {
  readonly readings: Pick<Counted<ReadingsTask>, 'givenUp'>;
  readonly zones: Pick<Counted<ZonesTask>, 'givenUp'>;
  watch(readings: Running<ReadingsTask>, zones: Running<ZonesTask> | undefined): void;
}

/** `in` counts readings, `out` rows of statistics, `lag` records not yet processed. */
export function processorMetrics(metrics: Metrics): ProcessorCounters {
  const registers = [metrics.registry];
  const readings = new Counted<ReadingsTask>(
    task => task.counters,
    task => task.rollUpCounters,
    task => task.alertCounters,
  );
  const zones = new Counted<ZonesTask>(task => task.counters);
  atScrape(metrics.flow.lag, () => (readings.running?.consumer.lag ?? 0) + (zones.running?.consumer.lag ?? 0));
  ledgerMetrics(metrics, function* standings() {
    for (const task of readings.tasks()) yield* task.standings();
  });
  const committing = new Gauge({
    name: 'millrace_processors_commit_seconds',
    help: 'How long the oldest commit under way has been; alert on what stays above 20.',
    registers,
    collect: () => {
      const ms = [readings.running?.committingMs ?? 0, zones.running?.committingMs ?? 0];
      committing.set(Math.max(...ms) / 1000);
    },
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
  byOutcome('readings', 'Readings since the start, by what became of them.', () => readings.sums(0));
  byOutcome('roll_up', 'What zones have lost since the start: late, refused, cut.', () => readings.sums(1));
  byOutcome('alerts', 'Readings judged by rules, and alerts, since the start.', () => readings.sums(2));
  byOutcome('zone_parts', 'Parts of zones since the start, by what became of them.', () => zones.sums(0));
  const sizes = new Gauge({
    name: 'millrace_processors_held',
    help: 'What is held in memory now: gateways, series, panes of windows.',
    labelNames: ['kind'],
    registers,
    collect() {
      const sums = new Map(['gateways', 'series', 'panes'].map(kind => [kind, 0]));
      for (const { sizes: held } of readings.tasks()) add(sums, held);
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
