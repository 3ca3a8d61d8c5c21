/** What the agent says of itself on its door: `GET /status`, `millrace edge status`. */
import { clockNames } from '@millrace/wire/batch.ts';
import edgePackage from '../../package.json' with { type: 'json' };
import type { DatedOutbox } from '../clock/dated-outbox.ts';
import { type EdgeConfig, sourceName } from '../config.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { SensorState, SensorWatch } from '../sources/watch.ts';
import type { Uplink } from '../uplink.ts';
import { doorSource } from './source-name.ts';

export interface AgentStatus {
  readonly gateway: string;
  readonly version: string;
  readonly boot: number;
  /** Highest sequence number given; −1: none. */
  readonly lastSeq: number;
  readonly connected: boolean;
  readonly broker: string;
  readonly outbox: {
    readonly readings: number;
    readonly bytes: number;
    /** Readings that wait for the clock, before they are numbered. */
    readonly held: number;
    /** Or a sentence that says why not. */
    readonly writable: true | string;
  };
  readonly clock: { readonly state: (typeof clockNames)[number]; readonly offsetMs: number; readonly nowUs: number };
  readonly sources: readonly {
    readonly name: string;
    readonly type: string;
    readonly sensors: readonly SensorState[];
  }[];
}

export interface StatusParts {
  readonly config: EdgeConfig;
  readonly outbox: Outbox;
  readonly dated: Pick<DatedOutbox, 'clock' | 'heldReadings'>;
  readonly uplink: Pick<Uplink, 'connected'>;
  readonly watch: SensorWatch;
}

export function agentStatus({ config, outbox, dated, uplink, watch }: StatusParts): AgentStatus {
  const { lastSeq, readings, bytes } = outbox.level;
  const { clock, heldReadings } = dated;
  const bySource = Map.groupBy(watch.sensors, ({ source }) => source);
  const described = [
    ...config.sources.map(source => ({ name: sourceName(source), type: source.type as string })),
    { name: doorSource, type: 'door' },
  ];
  return {
    gateway: config.gateway,
    version: edgePackage.version,
    boot: outbox.boot,
    lastSeq,
    connected: uplink.connected,
    broker: config.mqtt.url,
    outbox: { readings, bytes, held: heldReadings, writable: outbox.writable },
    clock: { state: clockNames[clock.state], offsetMs: clock.offsetMs, nowUs: clock.nowUs() },
    sources: described
      .map(({ name, type }) => ({
        name,
        type,
        sensors: bySource.get(name) ?? [],
      }))
      .filter(({ type, sensors }) => type !== 'door' || sensors.length > 0),
  };
}
