/** What a rejected payload says, as far as it can be read. */
import { type Batch, clockNames, decodeBatch } from '@millrace/wire/batch.ts';
import { batchIdentity } from '@millrace/wire/identity.ts';
import { type KafkaTopics, parseMqttTopic } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';
import { decodeStatus, gatewayStateNames } from '@millrace/wire/status.ts';
import type { RejectedRecord } from './rejected.ts';

export interface Description {
  readonly kind: 'ReadingBatch' | 'GatewayStatus' | 'SenML' | 'bytes';
  /** Decoded; of a batch that breaks a rule only its identity. */
  readonly content?: unknown;
  /** Why it cannot be decoded now. */
  readonly problem?: string;
}

const maxReadings = 10;

export function describe(
  { origin, value }: Pick<RejectedRecord, 'origin' | 'value'>,
  topics: KafkaTopics,
): Description {
  const bytes = value ?? new Uint8Array();
  const channel = parseMqttTopic(origin)?.channel;
  if (origin === topics.readings || origin === topics.late || channel === 'readings')
    return attempt('ReadingBatch', () => batchContent(decodeBatch(bytes)), batchIdentity(bytes));
  if (origin === topics.gateways || channel === 'status')
    return attempt('GatewayStatus', () => {
      const status = decodeStatus(bytes);
      return { ...status, state: gatewayStateNames[status.state], clock: clockNames[status.clock] };
    });
  if (channel === 'senml')
    return attempt('SenML', () => {
      try {
        return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
      } catch (error) {
        throw new RejectedError('payload', `not JSON (${error instanceof Error ? error.message : String(error)})`);
      }
    });
  return { kind: 'bytes' };
}

function attempt(kind: Description['kind'], decode: () => unknown, otherwise?: unknown): Description {
  try {
    return { kind, content: decode() };
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    return { kind, problem: error.message, ...(otherwise !== undefined && { content: otherwise }) };
  }
}

function batchContent(batch: Batch): object {
  const { gateway, site, boot, firstSeq, series, seriesIndex, timeUs, value, quality, clock, dropped } = batch;
  const count = value.length;
  const time = (us: number): string => new Date(us / 1000).toISOString();
  const readings = value.slice(0, maxReadings).map((one, i) => {
    const { sensor, metric, unit } = series[seriesIndex[i]!]!;
    return { seq: firstSeq + i, time: time(timeUs[i]!), sensor, metric, value: one, unit, quality: quality[i] };
  });
  return {
    gateway,
    site,
    boot,
    firstSeq,
    lastSeq: firstSeq + count - 1,
    clock: clockNames[clock],
    ...(dropped.length > 0 && { dropped }),
    readings,
    ...(count > maxReadings && { more: count - maxReadings }),
  };
}

/** Bytes as offset, hexadecimal and ASCII, 16 a line. */
export function hexDump(bytes: Uint8Array, most = 512): string[] {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const row = Buffer.from(bytes.subarray(at, Math.min(at + 16, most)));
    const hex = (row.toString('hex').match(/../g) ?? []).join(' ');
    const text = [...row].map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bytes.length > most) lines.push(`… ${bytes.length - most} more bytes`);
  return lines;
}
