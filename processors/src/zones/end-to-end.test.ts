/** Readings → the task of each partition → parts → the task of zones, in memory, against the oracle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IncomingRecord, OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import { type Batch, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import fc from 'fast-check';
import { ReadingsTask } from '../readings-task.ts';
import type { FlushClock } from '../task.ts';
import { parseWindows } from '../windows.ts';
import { equalsOracle, zoneOracle } from './oracle.ts';
import { ZoneRollUp } from './roll-up.ts';
import { baseUs, CityZones, minuteUs, type Reading, rollUpOptions, seriesOf, zonesOptions } from './testing.ts';

const topics = kafkaTopics('');
const partitions = 2;
const gateways = 4;
const minutes = 12;
const movedUs = baseUs + 7 * minuteUs;
const cadenceUs = 20_000_000;
const maxHoldUs = 2 * minuteUs;

/** A partition of the readings with its task, and what Kafka has of it. */
class Partition {
  readonly parts: OutgoingRecord[] = [];
  task: ReadingsTask;
  rollUp!: ZoneRollUp;
  readonly #number: number;
  readonly #state = new Map<string, Uint8Array>();
  #uncommitted: IncomingRecord[] = [];

  constructor(number: number) {
    this.#number = number;
    this.task = this.#open();
  }

  take(batch: Batch, receivedAtUs: number): void {
    const record: IncomingRecord = {
      offset: 0n,
      key: batch.gateway,
      value: encodeBatch(batch),
      headers: { [readingHeaders.receivedAt]: String(receivedAtUs) },
      timestampMs: receivedAtUs / 1000,
    };
    this.#uncommitted.push(record);
    this.task.process(record);
  }

  commit(clock: FlushClock): void {
    const { results, state } = this.task.flush(clock);
    this.parts.push(...results.filter(({ topic }) => topic === topics.zoneParts));
    for (const [key, value] of state) {
      if (value === null) this.#state.delete(key);
      else this.#state.set(key, value);
    }
    this.#uncommitted = [];
  }

  kill(): void {
    this.task = this.#open();
    for (const [key, value] of this.#state) this.task.restore(key, value);
    for (const record of this.#uncommitted) this.task.process(record);
  }

  #open(): ReadingsTask {
    this.rollUp = new ZoneRollUp({ ...rollUpOptions, partition: this.#number, maxHoldUs });
    return new ReadingsTask({
      partition: this.#number,
      topics,
      windows: parseWindows(['1m', '5m/1m', '15m/5m']),
      quantiles: true,
      counters: [],
      earlyIntervalMs: 1000,
      keepUs: 2 * minuteUs,
      maxHoldUs,
      maxAheadUs: 60 * minuteUs,
      ledgerIntervalMs: 1000,
      limits: { seriesPerGateway: 10, panesPerGateway: 1000, panes: 10_000 },
      zones: this.rollUp,
    });
  }
}

interface Sent {
  readonly batch: Batch;
  readonly readings: readonly Reading[];
}

/** All that a gateway measures, in batches of up to six readings; sensor 2 moves from north to south. */
function batchesOf(number: number, values: readonly number[]): Sent[] {
  const gateway = `g${number}` as GatewayId;
  const taken: { series: Reading['series']; timeUs: number; value: number }[] = [];
  for (let at = 0; at < minutes * minuteUs; at += cadenceUs)
    for (const sensor of [0, 1, 2]) {
      // Some are silent for a while; all are there in the first minute.
      if (at >= minuteUs && values[(at / cadenceUs + 5 * sensor) % values.length]! < -500) continue;
      const zone = sensor === 0 || (sensor === 2 && baseUs + at < movedUs) ? 'north' : 'south';
      const value = values[taken.length % values.length]!;
      taken.push({ series: seriesOf(`s${sensor}`, zone, cadenceUs / 1000), timeUs: baseUs + at + sensor, value });
    }
  const batches: Sent[] = [];
  let next = 0;
  while (next < taken.length) {
    const first = next;
    // An agent that was told another zone begins another batch.
    const isMove = (i: number) => i > first && taken[i]!.timeUs >= movedUs && taken[i - 1]!.timeUs < movedUs;
    do next++;
    while (next < taken.length && next < first + 6 && !isMove(next));
    const some = taken.slice(first, next);
    const readings = some.map(({ series, timeUs, value }) => ({
      gateway,
      series,
      startUs: timeUs - (timeUs % minuteUs),
      value,
    }));
    const batch = {
      gateway,
      site: 'town',
      boot: 1,
      firstSeq: first,
      series: some.map(({ series }) => series),
      seriesIndex: some.map((_, i) => i),
      timeUs: some.map(({ timeUs }) => timeUs),
      value: some.map(({ value }) => value),
      quality: some.map(() => 0),
      clock: 1,
      completeThroughUs: 0,
      dropped: [],
    } as const;
    batches.push({ batch, readings });
  }
  return batches;
}

const schedules = fc.record({
  values: fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), { minLength: 7, maxLength: 23, size: 'max' }),
  /** Which of a gateway's next five batches goes out; 0 the oldest. */
  order: fc.array(fc.nat(4), { minLength: 11, maxLength: 40, size: 'max' }),
  /** What happens between batches. */
  steps: fc.array(fc.nat(20), { minLength: 50, maxLength: 200, size: 'max' }),
});

test('zones of readings that come in disorder and again, through killed tasks, are as the oracle has them', () => {
  fc.assert(
    fc.property(schedules, ({ values, order, steps }) => {
      const city = Array.from({ length: partitions }, (_, number) => new Partition(number));
      const zones = new CityZones({ ...zonesOptions, maxHoldUs });
      const read = city.map(() => 0);
      const unsent = Array.from({ length: gateways }, (_, number) => batchesOf(number, values));
      const all = unsent.flatMap(batches => batches.flatMap(({ readings }) => readings));
      const clock = { monotonicMs: 0, nowUs: baseUs + minutes * minuteUs };
      const partitionOf = (gateway: number) => city[gateway % partitions]!;
      let sent: Batch[] = [];
      const send = (gateway: number, which: number) => {
        const batches = unsent[gateway]!;
        const [{ batch } = { batch: undefined }] = batches.splice(which % Math.min(5, batches.length || 1), 1);
        if (batch === undefined) return;
        const oldestUs = batches[0]?.batch.timeUs[0] ?? baseUs + 100 * minuteUs;
        const sealed = { ...batch, completeThroughUs: Math.min(oldestUs, baseUs + minutes * minuteUs) };
        sent.push(sealed);
        partitionOf(gateway).take(sealed, clock.nowUs);
      };
      const commit = (number: number) => {
        const { parts } = city[number]!;
        city[number]!.commit(clock);
        zones.append(parts.slice(read[number]));
        read[number] = parts.length;
      };
      const pass = (seconds: number) => {
        clock.monotonicMs += seconds * 1000;
        clock.nowUs += seconds * 1_000_000;
      };
      // All gateways are known before any closes a window.
      for (let gateway = 0; gateway < gateways; gateway++) for (const which of [0, 0]) send(gateway, which);
      city.forEach((_, number) => commit(number));
      zones.read();
      let turn = 0;
      while (unsent.some(batches => batches.length > 0)) {
        send(turn % gateways, order[turn % order.length]!);
        const step = steps[turn % steps.length]!;
        turn++;
        if (step < 4) commit(step % partitions);
        else if (step < 6) city[step % partitions]!.kill();
        else if (step < 9) zones.read(step);
        else if (step < 10) zones.commit(clock);
        else if (step < 11) zones.kill();
        else if (step < 14) pass(step);
        else if (step < 15) {
          const again = sent[turn % sent.length]!;
          partitionOf(Number(again.gateway.slice(1))).take(again, clock.nowUs);
        }
      }
      for (let i = 0; i < 4; i++) {
        pass(4 * 60 * 60);
        city.forEach((_, number) => commit(number));
        zones.read();
        zones.commit(clock);
      }
      for (const { task, rollUp } of city) {
        assert.deepEqual([task.counters.late, task.counters.refused], [0, 0]);
        assert.deepEqual(rollUp.counters, { late: 0, refused: 0, cut: 0 });
      }
      equalsOracle(zones.table(), zoneOracle(all, (1e6 * 60) / cadenceUs));
      assert.ok(!zones.stateKeys.some(key => !key.startsWith('w/')), 'nothing is left but what is forgotten');
    }),
    { numRuns: 8 },
  );
});
