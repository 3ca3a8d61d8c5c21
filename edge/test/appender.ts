/**
 * Appends numbered readings to an outbox until it is killed: `node edge/test/appender.ts FILE`. Writes to standard
 * output, with a synchronous write after each resolved append, how many readings are on disk by its word.
 */
import { writeSync } from 'node:fs';
import { openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { openOutbox } from '../src/outbox/outbox.ts';

const outbox = openOutbox({
  path: process.argv[2]!,
  origin: { gateway: 'gw-1' as GatewayId, site: '', zone: '', clock: Clock.SYNCED },
  sources: ['s'],
  maxBytes: 1 << 30,
  maxAgeMs: 0,
  minFreeBytes: 0,
  dropPolicy: 'refuse',
  groupCommitMs: 1,
  groupCommitReadings: 50,
  log: openLog('appender', 'silent'),
});
let next = Number(outbox.cursor('s') ?? 0);
for (;;) {
  const count = 1 + Math.floor(Math.random() * 40);
  const batch = Array.from({ length: count }, (_, i) => ({
    sensor: 'a',
    metric: 'count',
    unit: '1',
    value: next + i,
    timeUs: 1_700_000_000_000_000 + (next + i) * 1000,
  }));
  next += count;
  const upTo = next;
  await outbox.append('s', batch, { cursor: String(upTo), completeThroughUs: batch.at(-1)!.timeUs });
  writeSync(1, `${upTo}\n`);
}
