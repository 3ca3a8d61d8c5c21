/** What the agent shows of itself, beside the flow that every service has. */
import { atScrape, Counter, Gauge, type Metrics, type Registry } from '@millrace/runtime/metrics.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { DatedOutbox } from './clock/dated-outbox.ts';
import type { Outbox } from './outbox/outbox.ts';
import type { SensorWatch } from './sources/watch.ts';
import type { Uplink } from './uplink.ts';

export interface EdgeMetrics {
  readonly onTaken: (readings: number) => void;
  readonly onAcknowledged: (readings: number) => void;
  observe(uplink: Uplink, sensors: SensorWatch, dated: Pick<DatedOutbox, 'clock' | 'heldReadings'>): void;
}

/** In: readings on disk; out: readings with a PUBACK; lag: readings in the outbox. */
export function edgeMetrics({ registry, flow }: Metrics, outbox: Outbox): EdgeMetrics {
  const registers = [registry];
  atScrape(flow.lag, () => outbox.level.readings);
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge(
    'millrace_edge_outbox_bytes',
    'Bytes of the batches that wait for their PUBACK, as they lie in the file.',
    () => outbox.level.bytes,
  );
  gauge('millrace_edge_outbox_writable', '1 when an append is committed at once, 0 when sources wait.', () =>
    outbox.writable === true ? 1 : 0,
  );
  gauge('millrace_edge_last_seq', 'Highest sequence number given; -1 none.', () => outbox.level.lastSeq);
  gauge(
    'millrace_edge_backlog_readings',
    'Readings that were there before the connection opened; without one, all.',
    () => outbox.backlogReadings,
  );
  gauge(
    'millrace_edge_oldest_unsent_seconds',
    'How long the oldest batch has been in the outbox.',
    () => outbox.oldestMs / 1000,
  );
  const dropped: Record<string, number> = {};
  new Counter({
    name: 'millrace_edge_dropped_total',
    help: 'Readings given up since the boot, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      for (const [reason, count] of Object.entries(outbox.dropped)) {
        this.inc({ reason }, count - (dropped[reason] ?? 0));
        dropped[reason] = count;
      }
    },
  });
  let refused = 0;
  new Counter({
    name: 'millrace_edge_refused_total',
    help: 'Readings refused before they were taken, because no batch may hold them.',
    registers,
    collect() {
      this.inc(outbox.refused - refused);
      refused = outbox.refused;
    },
  });
  return {
    onTaken: readings => flow.in.inc(readings),
    onAcknowledged: readings => flow.out.inc(readings),
    observe(uplink, watch, dated) {
      gauge('millrace_edge_connected', '1 while the broker is connected.', () => (uplink.connected ? 1 : 0));
      gauge(
        'millrace_edge_held_readings',
        'Readings that wait for the clock to be synchronised.',
        () => dated.heldReadings,
      );
      gauge('millrace_edge_clock_synced', '1 while the clock is synchronised.', () =>
        dated.clock.state === Clock.SYNCED ? 1 : 0,
      );
      watchSensors(watch, registers);
    },
  };
}

/** Only sensors in trouble have a series of their own: a gateway may have thousands. */
function watchSensors(watch: SensorWatch, registers: Registry[]): void {
  new Gauge({
    name: 'millrace_edge_sensor_trouble',
    help: '1 for each sensor that is absent, late, garbage or flood.',
    labelNames: ['source', 'sensor', 'trouble'],
    registers,
    collect() {
      this.reset();
      for (const { source, sensor, trouble } of watch.sensors)
        if (trouble !== undefined) this.set({ source, sensor, trouble }, 1);
    },
  });
  const flooded = new Map<string, number>();
  new Counter({
    name: 'millrace_edge_flooded_total',
    help: 'Readings left out because their sensor sent too many, by source.',
    labelNames: ['source'],
    registers,
    collect() {
      const sums = new Map<string, number>();
      for (const { source, flooded: count } of watch.sensors) sums.set(source, (sums.get(source) ?? 0) + count);
      for (const [source, sum] of sums) {
        this.inc({ source }, sum - (flooded.get(source) ?? 0));
        flooded.set(source, sum);
      }
    },
  });
}
