/**
 * Live first, on a real bridge and Kafka: how long a reading takes from emit to PUBACK in normal times, and while the
 * backlog of an outage drains; how fast the backlog drains against what it grows by in an outage. Prints JSON.
 *
 *   node edge/bench/live-first.ts [--rate 1000] [--outage 40] [--normal 15]      readings/s, seconds, seconds
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { openProxy } from '../../stack/src/proxy.ts';
import { Pipeline } from '../../test/pipeline.ts';
import { edgeSchema } from '../src/config.ts';
import { openOutbox } from '../src/outbox/outbox.ts';
import type { SealedBatch } from '../src/outbox/seal.ts';
import { assumedClock, statusOf } from '../src/status.ts';
import { Uplink } from '../src/uplink.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    outage: { type: 'string', default: '40' },
    normal: { type: 'string', default: '15' },
  },
});
const rate = Number(values.rate);
const tickMs = 10;
const log = openLog('live-first', process.env['MILLRACE_LOG__LEVEL'] ?? 'silent');

const home = mkdtempSync(join(tmpdir(), 'millrace-live-first-'));
try {
  await using pipeline = new Pipeline(home, { edges: false });
  await pipeline.start();
  const bridge = new URL(pipeline.running()!.mqttUrl);
  await using proxy = await openProxy({ target: { host: bridge.hostname, port: Number(bridge.port) } });
  process.stdout.write(`${JSON.stringify(await measure(proxy), null, 2)}\n`);
  await pipeline.stop('SIGTERM');
} finally {
  rmSync(home, { recursive: true, force: true });
}

async function measure(proxy: Awaited<ReturnType<typeof openProxy>>): Promise<Record<string, number>> {
  const gateway = 'live-first' as GatewayId;
  const config = edgeSchema.parse({
    gateway,
    mqtt: { url: `mqtt://127.0.0.1:${proxy.port}` },
    sources: [{ type: 'host' }],
  });
  await using outbox = openOutbox({
    ...config.outbox,
    path: join(home, 'outbox.db'),
    origin: { gateway, site: 'bench', zone: '', clock: Clock.SYNCED },
    sources: ['s'],
    log,
  });
  /** When a reading was emitted, ms of the monotonic clock, by sequence number. */
  const emittedMs: number[] = [];
  let delays: number[] | undefined;
  const acknowledge = outbox.acknowledge.bind(outbox);
  outbox.acknowledge = (batch: SealedBatch): void => {
    if (delays !== undefined && outbox.lanes.isLive(batch))
      for (let seq = batch.firstSeq; seq <= batch.lastSeq; seq++) delays.push(performance.now() - emittedMs[seq]!);
    acknowledge(batch);
  };
  await using uplink = new Uplink({
    ...config,
    outbox,
    status: () => statusOf(config, outbox, assumedClock('synced')),
    log,
    maxPauseMs: 500,
  });
  const emitting = new AbortController();
  const source = emitSteadily();
  await until(() => uplink.connected && outbox.level.readings < rate);
  await wait(5000); // Just-in-time compilers warm up, on both sides.

  delays = [];
  await wait(Number(values.normal) * 1000);
  const normal = delays;

  delays = undefined;
  proxy.blackhole(true);
  proxy.cut();
  await wait(Number(values.outage) * 1000);
  proxy.cut();
  proxy.blackhole(false);
  await until(() => uplink.connected);
  const drainStartedMs = performance.now();
  const backlog = outbox.backlogReadings;
  delays = [];
  let peakRssMb = 0;
  await until(() => {
    peakRssMb = Math.max(peakRssMb, process.memoryUsage.rss() / 2 ** 20);
    return outbox.backlogReadings === 0;
  });
  const drainMs = performance.now() - drainStartedMs;
  const draining = delays;
  emitting.abort();
  await source;
  const drainRate = (backlog / drainMs) * 1000;
  return {
    rate,
    outageSeconds: Number(values.outage),
    normalReadings: normal.length,
    normalP50Ms: round(quantile(normal, 0.5)),
    normalP99Ms: round(quantile(normal, 0.99)),
    backlogReadings: backlog,
    drainSeconds: round(drainMs / 1000),
    drainReadings: draining.length,
    drainP50Ms: round(quantile(draining, 0.5)),
    drainP99Ms: round(quantile(draining, 0.99)),
    p99Ratio: round(quantile(draining, 0.99) / quantile(normal, 0.99)),
    drainRate: Math.round(drainRate),
    drainToGrowth: round(drainRate / rate),
    peakRssMb: Math.round(peakRssMb),
  };

  async function emitSteadily(): Promise<void> {
    const startedMs = performance.now();
    for (let emitted = 0; !emitting.signal.aborted; ) {
      const due = Math.floor(((performance.now() - startedMs) * rate) / 1000);
      const nowUs = Date.now() * 1000;
      const readings = Array.from({ length: due - emitted }, (_, i) => {
        emittedMs[emitted + i] = performance.now();
        return { sensor: `s-${(emitted + i) % 50}`, metric: 'm', unit: '1', value: i, timeUs: nowUs };
      });
      emitted = due;
      // Not awaited: the readings of a sensor do not wait for the disk.
      if (readings.length > 0) void outbox.append('s', readings, { completeThroughUs: nowUs });
      await wait(tickMs);
    }
  }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 300_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error('not within 300 s');
    await wait(20);
  }
}
