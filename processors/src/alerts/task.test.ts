/** The monitor where it works: in the task, by its state and its input alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { decodeAlert } from '@millrace/wire/alert.ts';
import { type Batch, Clock, encodeBatch, Quality } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import { ReadingsTask } from '../readings-task.ts';
import { parseWindows } from '../windows.ts';
import { AlertMonitor } from './monitor.ts';
import { minuteUs, rulesOf, secondUs, series, startUs } from './testing.ts';

const topics = kafkaTopics('t.');
const rules = rulesOf(`
rules:
  - { name: hot, where: { metric: temperature }, above: 8, clear: 6, for: 20s, atMostEvery: 1m }
  - { name: gone, silent: sensor, missed: 2, atMostEvery: 0s }
  - { name: odd, deviates: 2, over: 4m, readings: 5, atMostEvery: 0s }
`);

function taskOf(state: ReadonlyMap<string, Uint8Array>): ReadingsTask {
  const task = new ReadingsTask({
    partition: 0,
    topics,
    windows: parseWindows(['1m']),
    quantiles: false,
    counters: [],
    earlyIntervalMs: 1000,
    keepUs: minuteUs,
    maxHoldUs: minuteUs,
    maxAheadUs: minuteUs,
    ledgerIntervalMs: 1000,
    limits: { seriesPerGateway: 100, panesPerGateway: 1000, panes: 1000 },
    alerts: new AlertMonitor({ rules }),
  });
  for (const [key, value] of state) task.restore(key, value);
  return task;
}

/** A batch each ten seconds, alternately of two gateways, each with three sensors; now and then one of them is missing. */
function record(n: number): IncomingRecord {
  const sensors = [0, 1, 2].filter(sensor => (n * 7 + sensor * 3) % 11 > (sensor === 2 ? 6 : 0));
  const timeUs = startUs + n * 10 * secondUs;
  const batch: Batch = {
    gateway: `lamp-${n % 2}` as GatewayId,
    site: 'city',
    boot: 7,
    firstSeq: 3 * n,
    series: [0, 1, 2].map(sensor => ({ ...series, sensor: `air-${sensor}`, intervalMs: 20_000 })),
    seriesIndex: sensors,
    timeUs: sensors.map(sensor => timeUs + sensor),
    value: sensors.map(sensor => 5 + Math.round(5 * Math.sin((n * (1 + sensor)) / 9) * 10) / 10),
    quality: sensors.map(() => Quality.GOOD),
    clock: Clock.SYNCED,
    completeThroughUs: timeUs + 10 * secondUs,
    dropped: [],
  };
  const headers = { [readingHeaders.receivedAt]: String(timeUs + secondUs) };
  return { offset: BigInt(n), key: batch.gateway, value: encodeBatch(batch), headers, timestampMs: timeUs / 1000 };
}

/** @param killed after these records the task is thrown away, with what it has not flushed. */
function alertsOf(records: number, flushEvery: number, killed: ReadonlySet<number>): readonly string[] {
  const committed = new Map<string, Uint8Array>();
  const alerts: string[] = [];
  const kills = new Set(killed);
  let task = taskOf(committed);
  let next = 0;
  for (let n = 0; n < records; n++) {
    task.process(record(n));
    if (kills.delete(n)) {
      task = taskOf(committed);
      n = next - 1;
    } else if (n % flushEvery === 0 || n === records - 1) {
      const { results, state } = task.flush({ monotonicMs: n, nowUs: startUs + (n * 10 + 1) * secondUs });
      for (const [key, value] of state)
        if (value === null) committed.delete(key);
        else committed.set(key, value);
      for (const { topic, key, value } of results) {
        if (topic !== topics.alerts) continue;
        const alert = decodeAlert(value!);
        assert.equal(key, `${alert.gateway}/${alert.sensor}/${alert.metric}`);
        alerts.push(JSON.stringify(alert));
      }
      next = n + 1;
    }
  }
  return alerts;
}

test('a task gives the same alerts whenever it is flushed, killed and restored', () => {
  const undisturbed = alertsOf(600, 1, new Set());
  for (const { name } of rules)
    assert.ok(undisturbed.filter(alert => alert.includes(`"rule":"${name}"`)).length > 10, `${name} is met`);
  assert.deepEqual(alertsOf(600, 17, new Set()), undisturbed);
  assert.deepEqual(alertsOf(600, 5, new Set([3, 4, 40, 123, 124, 300, 301, 511])), undisturbed);
});
