/** `GatewayStatus` of this gateway. */
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayStatus } from '@millrace/wire/status.ts';
import edgePackage from '../package.json' with { type: 'json' };
import type { GatewayClock } from './clock/clock.ts';
import type { EdgeConfig } from './config.ts';
import type { Outbox } from './outbox/outbox.ts';

/** What the gateway knows of the time. */
export type StatusClock = Pick<GatewayClock, 'state' | 'offsetMs' | 'nowUs'>;

/** A clock that is not looked at. */
export function assumedClock(assume: 'synced' | 'unsynced'): StatusClock {
  const state = assume === 'synced' ? Clock.SYNCED : Clock.UNSYNCED;
  return { state, offsetMs: 0, nowUs: () => Date.now() * 1000 };
}

export function statusOf(config: EdgeConfig, outbox: Outbox, clock: StatusClock): Omit<GatewayStatus, 'state'> {
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
    clock: clock.state,
    clockOffsetMs: clock.offsetMs,
    atUs: clock.nowUs(),
    completeThroughUs: outbox.sentThroughUs,
    unsent: outbox.unsent,
    ...(lat !== undefined && lon !== undefined && { lat, lon }),
  };
}
