/** Tasks as the configuration asks for them. */
import type { KafkaTopics } from '@millrace/wire/names.ts';
import { AlertMonitor } from './alerts/monitor.ts';
import type { Rule } from './alerts/rules.ts';
import type { ProcessorsConfig } from './config.ts';
import { ReadingsTask } from './readings-task.ts';
import { nameOf, paneLevels, type WindowSpec } from './windows.ts';
import { ZoneRollUp } from './zones/roll-up.ts';
import { ZonesTask } from './zones/task.ts';

export interface TaskSettings {
  readonly config: ProcessorsConfig;
  readonly topics: KafkaTopics;
  readonly windows: readonly WindowSpec[];
  readonly rules: readonly Rule[];
  /** A sentence for the operator, once. */
  readonly say: (sentence: string) => void;
}

const hourUs = 3_600_000_000;
/** How long a zone's minute that nobody changes waits for gateways that are away; what comes later is in the sensors' statistics alone. */
const zoneWaitUs = 6 * hourUs;
/** The parts of a minute come from many partitions within moments of each other. */
const zoneEarlyMs = 1000;
const zones = 20_000;
/** Of a partition: up to 2.5 KB each. Beyond them the oldest are given up, and counted. */
const zoneWindows = 50_000;
const zoneParts = 100_000;

const lifeTimes = ({ config, windows }: TaskSettings, earlyIntervalMs: number) => ({
  windowUs: paneLevels(windows)[0]!.stepUs,
  earlyIntervalMs,
  maxHoldUs: config.maxHoldMs * 1000,
  waitUs: zoneWaitUs,
});

export function readingsTask(settings: TaskSettings, partition: number): ReadingsTask {
  const { config, topics, windows, rules, say } = settings;
  const { quantiles, counters, earlyIntervalMs, ledgerIntervalMs, limits } = config;
  const { seriesPerGateway, panesPerGateway, panesPerPartition } = limits;
  return new ReadingsTask({
    partition,
    topics,
    windows,
    quantiles,
    counters,
    earlyIntervalMs,
    ledgerIntervalMs,
    keepUs: config.keepMs * 1000,
    maxHoldUs: config.maxHoldMs * 1000,
    maxAheadUs: config.maxAheadMs * 1000,
    limits: { seriesPerGateway, panesPerGateway, panes: panesPerPartition },
    // Also without rules: it clears what those of before have raised.
    alerts: new AlertMonitor({ rules, say }),
    zones: config.zones.enabled
      ? new ZoneRollUp({
          ...lifeTimes(settings, config.zones.earlyIntervalMs),
          partition,
          topics,
          limits: { sensorsPerGateway: seriesPerGateway, zones, windows: zoneWindows },
        })
      : undefined,
  });
}

export function zonesTask(settings: TaskSettings): ZonesTask {
  const times = lifeTimes(settings, zoneEarlyMs);
  return new ZonesTask({
    ...times,
    topics: settings.topics,
    window: nameOf(times.windowUs),
    limits: { zones, parts: zoneParts },
  });
}
