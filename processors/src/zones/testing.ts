/**
 * For tests: a city of sensors, partitions that roll them up, and the task that merges their parts. Each partition keeps
 * its panes as lists of readings, calls the roll-up as the engine does, commits results and state together, and loses on
 * `kill` whatever came after its last commit.
 */
import type { OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import type { Series } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { decodeZoneStats, type ZoneStatsRow, zoneKey } from '@millrace/wire/zones.ts';
import { Sketch } from '../sketch.ts';
import { type ZoneMember, ZoneRollUp, type ZoneRollUpOptions } from './roll-up.ts';
import type { SensorPane } from './sum.ts';
import { ZonesTask, type ZonesTaskOptions } from './task.ts';

export const minuteUs = 60_000_000;
/** A whole minute. */
export const baseUs = 29_833_334 * minuteUs;
export const hourUs = 60 * minuteUs;

const times = { windowUs: minuteUs, maxHoldUs: 5 * minuteUs, waitUs: 6 * hourUs };

export const rollUpOptions: ZoneRollUpOptions = {
  ...times,
  partition: 0,
  topics: { zoneParts: 'zone-parts.v1' },
  earlyIntervalMs: 10_000,
  limits: { sensorsPerGateway: 100, zones: 100, windows: 1_000 },
};

export const zonesOptions: ZonesTaskOptions = {
  ...times,
  topics: { zones: 'zones.v1' },
  window: '1m',
  earlyIntervalMs: 1_000,
  limits: { zones: 100, parts: 10_000 },
};

export interface Reading {
  readonly gateway: GatewayId;
  readonly series: Series;
  readonly startUs: number;
  readonly value: number;
}

export const seriesOf = (sensor: string, zone: string, intervalMs = 10_000): Series => ({
  sensor,
  metric: 'm',
  unit: '1',
  intervalMs,
  zone,
});

export const paneOf = (values: readonly number[]): SensorPane => {
  const sketch = new Sketch();
  for (const value of values) sketch.add(value);
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  return { count: values.length, mean, min: Math.min(...values), max: Math.max(...values), sketch };
};

/** What an engine keeps in its state. */
interface GatewayPanes {
  closedUs: number;
  forgottenUs: number;
  /** By sensor. */
  readonly series: Map<string, { series: Series; readonly panes: Map<number, number[]> }>;
}

type Step = Reading | { readonly gateway: GatewayId; readonly closedUs: number };

/** One partition of the readings. */
export class CityPartition {
  /** Committed, in order: what the repartition topic has of it. */
  readonly published: OutgoingRecord[] = [];
  /** Readings that were counted, committed or not. */
  counted: Reading[] = [];
  rollUp: ZoneRollUp;
  readonly #options: ZoneRollUpOptions;
  readonly #keepUs: number;
  readonly #state = new Map<string, Uint8Array>();
  #gateways = new Map<GatewayId, GatewayPanes>();
  readonly #members = new Map<string, ZoneMember>();
  #committed = structuredClone({ gateways: this.#gateways, counted: this.counted });
  #uncommitted: Step[] = [];

  constructor(options: ZoneRollUpOptions, keepUs: number) {
    this.#options = options;
    this.#keepUs = keepUs;
    this.rollUp = new ZoneRollUp(options);
  }

  /** Takes a reading, or a gateway's word that it has sent all before a time. */
  take(step: Step): void {
    this.#uncommitted.push(step);
    const gateway = this.#gatewayOf(step.gateway);
    if ('closedUs' in step) {
      gateway.closedUs = Math.max(gateway.closedUs, step.closedUs);
      gateway.forgottenUs = Math.max(gateway.forgottenUs, gateway.closedUs - this.#keepUs);
      return;
    }
    const { series, startUs, value } = step;
    if (startUs + minuteUs <= gateway.forgottenUs) return;
    this.counted.push(step);
    let entry = gateway.series.get(series.sensor);
    if (entry === undefined) {
      entry = { series, panes: new Map() };
      gateway.series.set(series.sensor, entry);
      this.#join(step.gateway, series);
    } else if (entry.series.zone !== series.zone) {
      entry.series = series;
      const member = this.#members.get(`${step.gateway}/${series.sensor}`);
      if (member === undefined) this.#join(step.gateway, series);
      else this.rollUp.describe(member, 'town', series);
    }
    const member = this.#members.get(`${step.gateway}/${series.sensor}`);
    const pane = entry.panes.get(startUs);
    if (pane !== undefined) pane.push(value);
    else entry.panes.set(startUs, [value]);
    if (member === undefined) return;
    if (pane === undefined) this.rollUp.opened(member, startUs);
    else this.rollUp.changed(member, startUs);
  }

  commit(clock: { monotonicMs: number; nowUs: number }): void {
    for (const [id, gateway] of this.#gateways) {
      this.#settle(id, gateway);
      this.rollUp.progress(id, gateway.closedUs, gateway.forgottenUs);
    }
    const { results, state } = this.rollUp.flush(clock);
    this.published.push(...results);
    for (const [key, value] of state) {
      if (value === null) this.#state.delete(key);
      else this.#state.set(key, value);
    }
    this.#uncommitted = [];
    this.#committed = structuredClone({ gateways: this.#gateways, counted: this.counted });
  }

  /** Somebody else takes over, and reads again what was not committed. */
  kill(): void {
    const again = this.#uncommitted;
    this.#uncommitted = [];
    ({ gateways: this.#gateways, counted: this.counted } = structuredClone(this.#committed));
    this.#members.clear();
    this.rollUp = new ZoneRollUp(this.#options);
    for (const [key, value] of this.#state) this.rollUp.restore(key, value);
    for (const [id, { series, closedUs, forgottenUs }] of this.#gateways) {
      for (const entry of series.values()) this.#join(id, entry.series);
      this.rollUp.progress(id, closedUs, forgottenUs);
    }
    for (const step of again) this.take(step);
  }

  get stateKeys(): string[] {
    return [...this.#state.keys()];
  }

  #settle(id: GatewayId, { forgottenUs, series }: GatewayPanes): void {
    for (const [sensor, { panes }] of series) {
      const member = this.#members.get(`${id}/${sensor}`);
      for (const startUs of panes.keys()) {
        if (startUs + minuteUs > forgottenUs) continue;
        if (member !== undefined) this.rollUp.settled(member, startUs);
        panes.delete(startUs);
      }
      if (panes.size > 0) continue;
      if (member !== undefined) this.rollUp.leave(member);
      series.delete(sensor);
      this.#members.delete(`${id}/${sensor}`);
    }
  }

  #join(id: GatewayId, series: Series): void {
    const { panes } = this.#gatewayOf(id).series.get(series.sensor)!;
    const pane = (startUs: number): SensorPane | undefined => {
      const values = panes.get(startUs);
      return values && paneOf(values);
    };
    const member = this.rollUp.join(id, 'town', series, { pane });
    if (member !== undefined) this.#members.set(`${id}/${series.sensor}`, member);
  }

  #gatewayOf(id: GatewayId): GatewayPanes {
    let gateway = this.#gateways.get(id);
    if (gateway === undefined) {
      gateway = { closedUs: 0, forgottenUs: 0, series: new Map() };
      this.#gateways.set(id, gateway);
    }
    return gateway;
  }
}

/** The task that merges, with its partition of the repartition topic. */
export class CityZones {
  task: ZonesTask;
  /** Committed rows, in order. */
  readonly rows: { readonly zone: string; readonly row: ZoneStatsRow }[] = [];
  readonly #options: ZonesTaskOptions;
  readonly #log: OutgoingRecord[] = [];
  readonly #state = new Map<string, Uint8Array>();
  #next = 0;
  #committed = 0;

  constructor(options: ZonesTaskOptions) {
    this.#options = options;
    this.task = new ZonesTask(options);
  }

  append(records: readonly OutgoingRecord[]): void {
    this.#log.push(...records);
  }

  read(count = Number.POSITIVE_INFINITY): void {
    for (const { key, value } of this.#log.slice(this.#next, this.#next + count)) {
      this.task.process({ offset: BigInt(this.#next++), key, value, headers: {}, timestampMs: 0 });
    }
  }

  commit(clock: { monotonicMs: number; nowUs: number }): void {
    const { results, state } = this.task.flush(clock);
    for (const { value } of results) {
      const { rows, ...of } = decodeZoneStats(value!);
      for (const row of rows) this.rows.push({ zone: zoneKey(of), row });
    }
    for (const [key, value] of state) {
      if (value === null) this.#state.delete(key);
      else this.#state.set(key, value);
    }
    this.#committed = this.#next;
  }

  kill(): void {
    this.#next = this.#committed;
    this.task = new ZonesTask(this.#options);
    for (const [key, value] of this.#state) this.task.restore(key, value);
  }

  get stateKeys(): string[] {
    return [...this.#state.keys()];
  }

  /** The newest row of each window, as an upserting table has it; by zone's name and start. */
  table(): Map<string, ZoneStatsRow> {
    const table = new Map<string, ZoneStatsRow>();
    for (const { zone, row } of this.rows)
      table.set(`${(JSON.parse(zone) as string[])[1]} ${(row.startUs - baseUs) / minuteUs}`, row);
    return table;
  }
}
