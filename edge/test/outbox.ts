/** What the tests of the outbox and of the uplink share: folders, readings, and outboxes on them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type Logger, openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { type Outbox, type OutboxOptions, openOutbox } from '../src/outbox/outbox.ts';
import type { Reading } from '../src/reading.ts';

export const gateway = 'gw-1' as GatewayId;
export const silent: Logger = openLog('test', 'silent');

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-edge-'));
  // A process that was killed may still be writing its last file there.
  after(() => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  return path;
}

export function openAt(path: string, options: Partial<OutboxOptions> = {}): Outbox {
  return openOutbox({
    path,
    origin: { gateway, site: 'test', zone: '', clock: Clock.SYNCED },
    sources: ['s'],
    maxBytes: 1 << 30,
    maxAgeMs: 0,
    minFreeBytes: 0,
    dropPolicy: 'refuse',
    groupCommitMs: 5,
    groupCommitReadings: 500,
    log: silent,
    ...options,
  });
}

/** Environment of a child process: no settings of the person who runs the tests, and code compiled once for all children. */
export function childEnv(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'));
  return { ...Object.fromEntries(inherited), NODE_COMPILE_CACHE: join(tmpdir(), 'millrace-edge-compile-cache') };
}

/** A whole number that nothing compresses, the same for the same seed (the finalizer of MurmurHash3). */
function scattered(seed: number): number {
  let bits = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Readings whose values count up from `from`. */
export function readings(count: number, from = 0): Reading[] {
  return Array.from({ length: count }, (_, i) => ({
    sensor: 'a',
    metric: 'count',
    unit: '1',
    value: from + i,
    // Uneven, as real times are: they are what a batch takes most bytes for once it is packed.
    timeUs: 1_700_000_000_000_000 + (from + i) * 1000 + (scattered(from + i) % 997),
  }));
}

/** Waits until the condition holds; fails after `deadlineMs`. */
export async function until(what: string, condition: () => boolean, deadlineMs = 30_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** What a source is told when nobody is interested in how its sensors are. */
export const unwatched = { nowUs: () => Date.now() * 1000, trouble: () => {} };
