/** `GatewayLedger`: what has arrived of a gateway's newest boot, as the processors have counted it. */

import { millrace } from '../gen/millrace.js';
import { decode } from './decode.ts';
import type { Interval } from './intervals.ts';
import { type GatewayId, gatewayRule, isGatewayId } from './names.ts';
import { fromRanges, toRanges } from './ranges.ts';
import { RejectedError } from './rejected.ts';

export interface GatewayLedger {
  readonly gateway: GatewayId;
  readonly boot: number;
  /** When the bridge received the newest batch in this account, µs since the Unix epoch. */
  readonly atUs: number;
  /** Highest sequence number seen or dropped; −1 none. */
  readonly lastSeq: number;
  /** Readings seen, each once. */
  readonly counted: number;
  /** Readings that the gateway declared as given up. */
  readonly dropped: number;
  /** Sequence numbers up to `lastSeq` neither seen nor dropped: on their way, rejected, or lost. */
  readonly missing: number;
  /** Where they are, oldest first; at most 100. */
  readonly holes: readonly Interval[];
}

export function encodeLedger(ledger: GatewayLedger): Uint8Array {
  return millrace.v1.GatewayLedger.encode({ ...ledger, holes: toRanges(ledger.holes) }).finish();
}

/** @throws {RejectedError} */
export function decodeLedger(bytes: Uint8Array): GatewayLedger {
  const raw = decode('GatewayLedger', bytes, reader => millrace.v1.GatewayLedger.decode(reader));
  const { gateway, boot, atUs, lastSeq, counted, dropped, missing } = raw;
  if (!isGatewayId(gateway)) throw new RejectedError('gateway', gatewayRule);
  for (const [field, value] of Object.entries({ boot, atUs, lastSeq, counted, dropped, missing })) {
    if (!Number.isSafeInteger(value)) throw new RejectedError(field, 'must be a whole number within ±2^53');
  }
  return { gateway, boot, atUs, lastSeq, counted, dropped, missing, holes: fromRanges('holes', raw.holes) };
}
