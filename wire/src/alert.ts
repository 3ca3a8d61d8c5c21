/** `Alert`: a rule's change of state on one series. */

import { millrace } from '../gen/millrace.js';
import { decode } from './decode.ts';
import { type GatewayId, gatewayRule, isGatewayId } from './names.ts';
import { RejectedError } from './rejected.ts';

export const severityNames = ['INFO', 'WARNING', 'CRITICAL'] as const;
export const alertStateNames = ['CLEARED', 'RAISED'] as const;

export interface Alert {
  readonly id: string;
  readonly gateway: GatewayId;
  readonly sensor: string;
  readonly metric: string;
  readonly rule: string;
  /** Index into `severityNames`. */
  readonly severity: 0 | 1 | 2;
  /** Index into `alertStateNames`. */
  readonly state: 0 | 1;
  readonly value: number;
  readonly message: string;
  /** When the state changed, event time, µs since the Unix epoch. */
  readonly atUs: number;
}

export function encodeAlert(alert: Alert): Uint8Array {
  return millrace.v1.Alert.encode(alert).finish();
}

/** @throws {RejectedError} */
export function decodeAlert(bytes: Uint8Array): Alert {
  const { id, gateway, sensor, metric, rule, severity, state, value, message, atUs } = decode('Alert', bytes, reader =>
    millrace.v1.Alert.decode(reader),
  );
  if (!isGatewayId(gateway)) throw new RejectedError('gateway', gatewayRule);
  if (!(severity in severityNames)) throw new RejectedError('severity', `${severity} is none of 0, 1, 2`);
  if (!(state in alertStateNames)) throw new RejectedError('state', `${state} is none of 0, 1`);
  if (!Number.isSafeInteger(atUs) || atUs < 0) throw new RejectedError('at_us', 'is not a time');
  return {
    id,
    gateway,
    sensor,
    metric,
    rule,
    severity: severity as Alert['severity'],
    state: state as Alert['state'],
    value,
    message,
    atUs,
  };
}
