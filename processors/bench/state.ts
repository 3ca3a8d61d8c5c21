/**
 * What the state of many series costs, with the default windows and without Kafka: memory, bytes of changelog a commit
 * against snapshots with replay, and the time to restore.
 *
 *     node processors/bench/state.ts [--series 100000] [--minutes 70]
 *
 * Gateways of 20 series, a reading each 10 s, a batch a gateway each 10 s. After an hour and more, whose panes all are in
 * the state, one minute is committed each second.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { zstdCompressSync } from 'node:zlib';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import { ReadingsTask, type ReadingsTaskOptions } from '../src/readings-task.ts';
import type { Flush } from '../src/task.ts';
import { parseWindows } from '../src/windows.ts';

const { values } = parseArgs({
  options: { series: { type: 'string', default: '100000' }, minutes: { type: 'string', default: '70' } },
});
const seriesPerGateway = 20;
const gateways = Number(values.series) / seriesPerGateway;
const minutes = Number(values.minutes);
const secondUs = 1_000_000;
const minuteUs = 60 * secondUs;
const cadenceUs = 10 * secondUs;
const hourUs = 60 * minuteUs;
const baseUs = 1_790_000_000_000_000 - (1_790_000_000_000_000 % hourUs);

const options: ReadingsTaskOptions = {
  partition: 0,
  topics: kafkaTopics(''),
  windows: parseWindows(['1m', '5m/1m', '1h/5m']),
  quantiles: true,
  counters: ['*_total'],
  earlyIntervalMs: 1000,
  keepUs: 5 * minuteUs,
  maxHoldUs: 5 * minuteUs,
  maxAheadUs: minuteUs,
  ledgerIntervalMs: 2000,
  limits: { seriesPerGateway: 2000, panesPerGateway: 100_000, panes: 10_000_000 },
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function memoryBytes(): Promise<number> {
  // Buffers are freed some time after their owners.
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await wait(100);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const gatewaySeries = Array.from({ length: seriesPerGateway }, (_, i) => ({
  sensor: `lamp-${i}`,
  metric: 'temperature',
  unit: 'Cel',
  intervalMs: cadenceUs / 1000,
  zone: 'harbour',
}));

/** @param fromUs of `steps` readings of each series, one each 10 s. */
function recordOf(gateway: number, fromUs: number, steps: number): IncomingRecord {
  const readings = steps * seriesPerGateway;
  const column = <T>(one: (i: number) => T): T[] => Array.from({ length: readings }, (_, i) => one(i));
  const startUs = baseUs + fromUs;
  const value = encodeBatch({
    gateway: `gateway-${gateway}` as GatewayId,
    site: 'town',
    boot: 1,
    firstSeq: (fromUs / cadenceUs) * seriesPerGateway,
    series: gatewaySeries,
    seriesIndex: column(i => i % seriesPerGateway),
    timeUs: column(i => startUs + Math.floor(i / seriesPerGateway) * cadenceUs + (i % seriesPerGateway) * 1000),
    value: column(
      i =>
        Math.round((20 + 5 * Math.sin(gateway + (i % seriesPerGateway) + fromUs / hourUs) + Math.random()) * 10) / 10,
    ),
    quality: column(() => 0),
    clock: 1,
    completeThroughUs: startUs,
    dropped: [],
  });
  const receivedAtUs = startUs + steps * cadenceUs;
  const headers = { [readingHeaders.receivedAt]: String(receivedAtUs) };
  return { offset: 0n, key: `gateway-${gateway}`, value, headers, timestampMs: receivedAtUs / 1000 };
}

const state = new Map<string, Uint8Array>();
const entryBytes = (key: string, value: Uint8Array | null): number => key.length + (value?.length ?? 0);

function keep({ state: changed }: Flush): { raw: number; compressed: number; entries: number } {
  let raw = 0;
  for (const [key, value] of changed) {
    raw += entryBytes(key, value);
    if (value === null) state.delete(key);
    else state.set(key, value);
  }
  const all = Buffer.concat(
    [...changed].map(([key, value]) => Buffer.concat([Buffer.from(key), value ?? Buffer.alloc(0)])),
  );
  // As the producer does with each batch of up to 1 MB.
  let compressed = 0;
  for (let at = 0; at < all.length; at += 900_000)
    compressed += zstdCompressSync(all.subarray(at, at + 900_000)).length;
  return { raw, compressed, entries: changed.size };
}

const clock = (us: number) => ({ monotonicMs: us / 1000, nowUs: baseUs + us });
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const say = (what: string, figure: string): void => console.log(what.padEnd(64), figure);
/** CPU, so that a busy machine does not change it. */
function timed<T>(work: () => T): [ms: number, result: T] {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / 1000, result];
}

/** An hour and more of a hundred gateways, which the others are copies of; without early results: nobody looks at them. */
function fill(): void {
  const models = Math.min(100, gateways);
  const task = new ReadingsTask({ ...options, earlyIntervalMs: 1e9 });
  for (let minute = 0; minute < minutes; minute++) {
    for (let gateway = 0; gateway < models; gateway++) task.process(recordOf(gateway, minute * minuteUs, 6));
    for (const [key, value] of task.flush(clock((minute + 1) * minuteUs)).state) {
      if (value === null) state.delete(key);
      else state.set(key, value);
    }
  }
  const entries = [...state];
  for (let first = models; first < gateways; first += models)
    for (const [key, value] of entries) {
      const [kind, model, ...rest] = key.split('/');
      const gateway = first + Number(model!.slice('gateway-'.length));
      state.set([kind, `gateway-${gateway}`, ...rest].join('/'), value.slice());
    }
}

/** A minute of commits, a tenth of the gateways in each. */
function commitMinute(task: ReadingsTask) {
  const sum = { raw: 0, compressed: 0, entries: 0, flushMs: 0, processMs: 0, rows: 0 };
  const perSecond = Math.ceil(gateways / 10);
  for (let second = 0; second < 60; second++) {
    const from = (second % 10) * perSecond;
    const fromUs = minutes * minuteUs + Math.floor(second / 10) * cadenceUs;
    const records = Array.from({ length: Math.min(perSecond, gateways - from) }, (_, i) =>
      recordOf(from + i, fromUs, 1),
    );
    const [processMs] = timed(() => {
      for (const record of records) task.process(record);
    });
    const [flushMs, flush] = timed(() => task.flush(clock(minutes * minuteUs + (second + 1) * secondUs)));
    const { raw, compressed, entries } = keep(flush);
    sum.raw += raw;
    sum.compressed += compressed;
    sum.entries += entries;
    sum.flushMs += flushMs;
    sum.processMs += processMs;
    sum.rows += flush.rows;
  }
  return sum;
}

function restore(): void {
  const restored = new ReadingsTask(options);
  const [restoreMs] = timed(() => {
    for (const [key, value] of state) restored.restore(key, value);
    // The first record puts it together.
    restored.process(recordOf(gateways, minutes * minuteUs, 1));
  });
  const [flushMs, { rows }] = timed(() => restored.flush(clock((minutes + 1) * minuteUs)));
  if (restored.sizes.panes < task.sizes.panes) throw new Error('it has not restored all');
  say(
    'restore from the entries',
    `${restoreMs.toFixed(0)} ms of CPU; its first flush ${flushMs.toFixed(0)} ms, ${rows} rows`,
  );
}

const emptyBytes = await memoryBytes();
fill();
const task = new ReadingsTask(options);
for (const [key, value] of state) task.restore(key, value);
const { raw, compressed, entries, flushMs, processMs, rows } = commitMinute(task);
const { series, panes } = task.sizes;
const readings = (series / 10) * 60;
const stateBytes = [...state].reduce((sum, [key, value]) => sum + entryBytes(key, value), 0);
say('series, and panes of them in memory', `${series}, ${panes} (${(panes / series).toFixed(1)} each)`);
say('state, all entries', `${megabytes(stateBytes)} in ${state.size}, ${Math.round(stateBytes / panes)} bytes a pane`);
say(
  'changelog: a commit each second',
  `${megabytes(raw / 60)} in ${Math.round(entries / 60)} entries, zstd ${megabytes(compressed / 60)}; ${Math.round(raw / readings)} bytes a reading`,
);
say('  its flush, results and state together', `${(flushMs / 60).toFixed(0)} ms of CPU, ${Math.round(rows / 60)} rows`);
for (const every of [1, 5, 15])
  say(
    `snapshot every ${every} min and replay`,
    `${megabytes(stateBytes / every / 60)}/s; replay of up to ${((every * processMs) / 1000).toFixed(1)} s of CPU`,
  );
restore();
state.clear();
const usedBytes = (await memoryBytes()) - emptyBytes;
say(
  'memory',
  `${megabytes(usedBytes)}, ${Math.round(usedBytes / series)} bytes a series, ${Math.round(usedBytes / panes)} a pane`,
);
// Kept alive till here.
if (task.sizes.panes !== panes) throw new Error('panes got lost');
