/** `GatewayStatus` of this gateway. */
import { Clock, type ClockState } from '@millrace/wire/batch.ts';
import type { GatewayStatus } from '@millrace/wire/status.ts';
import edgePackage from '../package.json' with { type: 'json' };
import type { EdgeConfig } from './config.ts';
import type { Outbox } from './outbox/outbox.ts';

/** What the configuration says of the clock; nobody looks at it yet. */
export function clockStateOf({ clock }: Pick<EdgeConfig, 'clock'>): ClockState {
  return clock.assume === 'synced' ? Clock.SYNCED : Clock.UNSYNCED;
}

export function statusOf(config: EdgeConfig, outbox: Outbox): Omit<GatewayStatus, 'state'> {
  const { gateway, site, lat, lon } = config;
  const { readings, bytes, lastSeq } = outbox.level;
  return {
    gateway,
    site,
    version: edgePackage.version,
    boot: outbox.boot,
    lastSeq,
    outboxReadings: readings,
    outboxBytes: bytes,
    dropped: Object.values(outbox.dropped).reduce((sum, count) => sum + count, 0),
    clock: clockStateOf(config),
    clockOffsetMs: 0,
    atUs: Date.now() * 1000,
    completeThroughUs: outbox.sentThroughUs,
    unsent: outbox.unsent,
    ...(lat !== undefined && lon !== undefined && { lat, lon }),
  };
}
