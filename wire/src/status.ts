/** `GatewayStatus`: birth, pulse and will of a gateway. */

import { millrace } from '../gen/millrace.js';
import { type ClockState, clockNames } from './batch.ts';
import { decode } from './decode.ts';
import type { Interval } from './intervals.ts';
import { type GatewayId, gatewayRule, isGatewayId } from './names.ts';
import { fromRanges, toRanges } from './ranges.ts';
import { RejectedError } from './rejected.ts';

const maxStatusBytes = 4096;

export const GatewayState = { OFFLINE: 0, ONLINE: 1 } as const;
export const gatewayStateNames = ['OFFLINE', 'ONLINE'] as const;

export interface GatewayStatus {
  readonly gateway: GatewayId;
  readonly site: string;
  readonly state: (typeof GatewayState)[keyof typeof GatewayState];
  readonly version: string;
  readonly boot: number;
  /** Highest sequence number given so far; −1 none. */
  readonly lastSeq: number;
  readonly outboxReadings: number;
  readonly outboxBytes: number;
  /** Readings given up since the boot. */
  readonly dropped: number;
  readonly clock: ClockState;
  readonly clockOffsetMs: number;
  readonly lat?: number;
  readonly lon?: number;
  /** When the gateway made this status, µs since the Unix epoch. */
  readonly atUs: number;
  /** Sequence numbers without PUBACK, oldest first; at most 100 ranges, of which the last may be too wide. */
  readonly unsent: readonly Interval[];
  /** Every reading taken before has been sent, µs since the Unix epoch; 0 not declared. */
  readonly completeThroughUs: number;
}

export function encodeStatus(status: GatewayStatus): Uint8Array {
  return millrace.v1.GatewayStatus.encode({ ...status, unsent: toRanges(status.unsent) }).finish();
}

/** @throws {RejectedError} */
export function decodeStatus(bytes: Uint8Array): GatewayStatus {
  if (bytes.length > maxStatusBytes)
    throw new RejectedError('payload', `has ${bytes.length} bytes, at most ${maxStatusBytes} are taken`);
  const raw = decode('GatewayStatus', bytes, reader => millrace.v1.GatewayStatus.decode(reader));
  const {
    gateway,
    site,
    version,
    boot,
    lastSeq,
    outboxReadings,
    outboxBytes,
    dropped,
    clockOffsetMs,
    lat,
    lon,
    atUs,
    completeThroughUs,
  } = raw;
  if (!isGatewayId(gateway)) throw new RejectedError('gateway', gatewayRule);
  if (site.length > 255) throw new RejectedError('site', 'longer than 255 characters');
  if (version.length > 64) throw new RejectedError('version', 'longer than 64 characters');
  if (!(raw.state in gatewayStateNames)) throw new RejectedError('state', `${raw.state} is none of 0, 1`);
  if (!(raw.clock in clockNames)) throw new RejectedError('clock', `${raw.clock} is none of 0, 1, 2`);
  for (const [field, value] of Object.entries({
    boot,
    lastSeq,
    outboxReadings,
    outboxBytes,
    dropped,
    clockOffsetMs,
    atUs,
    completeThroughUs,
  })) {
    if (!Number.isSafeInteger(value)) throw new RejectedError(field, 'must be a whole number within ±2^53');
  }
  const place = lat != null && lon != null && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : {};
  return {
    gateway,
    site,
    version,
    boot,
    lastSeq,
    outboxReadings,
    outboxBytes,
    dropped,
    clockOffsetMs,
    atUs,
    completeThroughUs,
    unsent: fromRanges('unsent', raw.unsent),
    ...place,
    state: raw.state as GatewayStatus['state'],
    clock: raw.clock as ClockState,
  };
}
