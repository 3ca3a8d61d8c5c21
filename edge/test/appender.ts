/**
 * Appends numbered readings of several priorities to an outbox until it is killed: `node edge/test/appender.ts FILE [POLICY]`.
 * Writes to standard output, with a synchronous write after each resolved append, how many readings are on disk by its
 * word. With a policy that drops, the outbox is small, and now and then a connection opens, and what is read for it may not be given up any more.
 */
import { writeSync } from 'node:fs';
import { openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { openOutbox } from '../src/outbox/outbox.ts';
import type { DropPolicy } from '../src/outbox/victims.ts';

const policy = (process.argv[3] ?? 'refuse') as DropPolicy;
const isSmall = policy !== 'refuse';
const outbox = openOutbox({
  path: process.argv[2]!,
  origin: { gateway: 'gw-1' as GatewayId, site: '', zone: '', clock: Clock.SYNCED },
  sources: ['s'],
  maxBytes: isSmall ? 12_000 : 1 << 30,
  maxAgeMs: 0,
  minFreeBytes: 0,
  dropPolicy: policy,
  priorityOf: ({ metric }) => Number(metric.slice(-1)),
  groupCommitMs: 1,
  groupCommitReadings: 50,
  log: openLog('appender', 'silent'),
});
let next = Number(outbox.cursor('s') ?? 0);
for (;;) {
  const count = 1 + Math.floor(Math.random() * 40);
  const batch = Array.from({ length: count }, (_, i) => ({
    sensor: 'a',
    metric: `priority-${(next + i) % 3}`,
    unit: '1',
    value: next + i,
    timeUs: 1_700_000_000_000_000 + (next + i) * 1000,
  }));
  next += count;
  const upTo = next;
  await outbox.append('s', batch, { cursor: String(upTo), completeThroughUs: batch.at(-1)!.timeUs });
  writeSync(1, `${upTo}\n`);
  if (isSmall && Math.random() < 0.02) {
    outbox.openLanes();
    outbox.lanes.next(true);
    outbox.lanes.wait(1);
    outbox.closeLanes();
  }
}
