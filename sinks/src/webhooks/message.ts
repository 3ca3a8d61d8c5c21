/** An alert as a message of the Standard Webhooks specification 1.0 (standardwebhooks.com). */
import { createHash, createHmac } from 'node:crypto';
import { type Alert, alertStateNames, severityNames } from '@millrace/wire/alert.ts';

export interface Message {
  /** `webhook-id`: the same whenever this change of state is sent, also by another process. */
  readonly id: string;
  readonly body: Buffer;
}

/** Always the same bytes for the same alert. */
export function messageOfAlert({
  id,
  gateway,
  sensor,
  metric,
  rule,
  severity,
  state,
  value,
  message,
  atUs,
}: Alert): Message {
  const stateName = alertStateNames[state].toLowerCase();
  const body = {
    type: `alert.${stateName}`,
    timestamp: isoMicros(atUs),
    data: {
      id,
      rule,
      severity: severityNames[severity].toLowerCase(),
      state: stateName,
      gateway,
      // Of a gateway, or where a rule has no value: null.
      sensor: sensor === '' ? null : sensor,
      metric: metric === '' ? null : metric,
      value: Number.isFinite(value) ? value : null,
      message,
    },
  };
  return { id: `${headerSafe(id)}_${stateName}`, body: Buffer.from(JSON.stringify(body)) };
}

/** The signed text is `id.timestamp.body`, so an id has no dot, and a header has no control characters. */
const headerSafe = (id: string): string =>
  /^[A-Za-z0-9_-]{1,128}$/.test(id) ? id : createHash('sha256').update(id).digest('hex');

/** @param timestampS Unix time of this attempt: receivers refuse what is old, as a replay. */
export function signedHeaders(
  { id, body }: Message,
  timestampS: number,
  keys: readonly Buffer[],
): Readonly<Record<string, string>> {
  const signatures = keys.map(
    key => `v1,${createHmac('sha256', key).update(`${id}.${timestampS}.`).update(body).digest('base64')}`,
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signatures.join(' '),
  };
}

function isoMicros(us: number): string {
  return `${new Date(Math.floor(us / 1000)).toISOString().slice(0, -1)}${String(us % 1000).padStart(3, '0')}Z`;
}
