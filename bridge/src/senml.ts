/**
 * SenML JSON (RFC 8428) to a `ReadingBatch`, for devices that speak it directly.
 *
 * SenML has no sequence numbers, so a message is its own boot: `boot` is a hash of its bytes and its readings are 0 … n − 1.
 * The same bytes sent again have the same identity. That only works when the bytes carry the time of each reading:
 * a message without absolute time could not be told from a resend, and is rejected.
 */
import { createHash } from 'node:crypto';
import { type Batch, Clock, maxBatchBytes, maxBatchReadings, Quality, type Series } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { RejectedError } from '@millrace/wire/rejected.ts';

/** RFC 8428 § 4.5.3: smaller times are relative to now. */
const absoluteTimeFrom = 2 ** 28;
const supportedVersion = 10;

/** SenML units (RFC 8428 § 12.1, RFC 8798) whose UCUM code is another. The rest is tried as it is. */
const ucum: Readonly<Record<string, string>> = {
  '%RH': '%',
  '%EL': '%',
  '/': '1',
  count: '1',
  EL: '1',
  degC: 'Cel',
  beats: '1',
  'beat/min': '/min',
  'beat/m': '/min',
  lat: 'deg',
  lon: 'deg',
  pH: '[pH]',
  dB: 'dB',
  dBm: 'dB[mW]',
  dBW: 'B[W]',
  'm3/s': 'm3/s',
  VA: 'V.A',
  kVA: 'kV.A',
  Wh: 'W.h',
  kWh: 'kW.h',
  vah: 'V.A.h',
  var: 'V.A',
  B: 'By',
  'bit/s': 'bit/s',
  'B/s': 'By/s',
  ppm: '[ppm]',
  ppb: '[ppb]',
  hPa: 'hPa',
  ms: 'ms',
  'ug/m3': 'ug/m3',
};

type Json = Record<string, unknown>;

/** @throws {RejectedError} naming the record and member. */
export function senmlToBatch(payload: Uint8Array, gateway: GatewayId): Batch {
  if (payload.length > maxBatchBytes)
    throw new RejectedError('payload', `has ${payload.length} bytes, at most ${maxBatchBytes} are taken`);
  const pack = parse(payload);
  const series: Series[] = [];
  const indexOf = new Map<string, number>();
  const seriesIndex: number[] = [];
  const timeUs: number[] = [];
  const value: number[] = [];
  // Base values hold until they are given again (§ 4.1).
  let base: { name: string; time: number; unit: string | undefined; value: number } = {
    name: '',
    time: 0,
    unit: undefined,
    value: 0,
  };
  for (const [i, record] of pack.entries()) {
    const at = `[${i}]`;
    if (!isObject(record)) throw new RejectedError(at, 'must be an object');
    base = {
      name: text(record, 'bn', at) ?? base.name,
      time: number(record, 'bt', at) ?? base.time,
      unit: text(record, 'bu', at) ?? base.unit,
      value: number(record, 'bv', at) ?? base.value,
    };
    if ((number(record, 'bver', at) ?? supportedVersion) > supportedVersion)
      throw new RejectedError(`${at}.bver`, `newer than ${supportedVersion}`);
    const must = Object.keys(record).find(key => key.endsWith('_'));
    if (must !== undefined) throw new RejectedError(`${at}.${must}`, 'must be understood (RFC 8428 § 4.4), and is not');
    const reading = readingValue(record, at);
    if (reading === undefined) continue;
    const time = base.time + (number(record, 't', at) ?? 0);
    if (time < absoluteTimeFrom)
      throw new RejectedError(
        `${at}.t`,
        'a time since 1970 in seconds is needed (in bt or t): without it a resend could not be told from a new reading',
      );
    // Beyond 2^53 µs protobuf would wrap it round to another time.
    if (!Number.isSafeInteger(Math.round(time * 1e6)))
      throw new RejectedError(`${at}.t`, 'is no time in seconds since 1970');
    const one = seriesOf(base.name + (text(record, 'n', at) ?? ''), text(record, 'u', at) ?? base.unit, gateway, at);
    const key = `${one.sensor}\n${one.metric}\n${one.unit}`;
    if (!indexOf.has(key)) indexOf.set(key, series.push(one) - 1);
    seriesIndex.push(indexOf.get(key)!);
    timeUs.push(Math.round(time * 1e6));
    value.push(base.value + reading);
    if (value.length > maxBatchReadings) throw new RejectedError('payload', `more than ${maxBatchReadings} readings`);
  }
  if (value.length === 0) throw new RejectedError('payload', 'holds no reading');
  return {
    gateway,
    site: '',
    boot: Number(createHash('sha256').update(payload).digest().readBigUInt64BE() >> 11n),
    firstSeq: 0,
    series,
    seriesIndex,
    timeUs,
    value,
    quality: value.map(() => Quality.GOOD),
    clock: Clock.SYNCED,
    // Nothing is declared: the next message may hold an earlier reading.
    completeThroughUs: 0,
    dropped: [],
  };
}

function parse(payload: Uint8Array): unknown[] {
  let pack: unknown;
  try {
    pack = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    throw new RejectedError('payload', `not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!Array.isArray(pack)) throw new RejectedError('payload', 'a SenML pack is an array of records');
  return pack;
}

function readingValue(record: Json, at: string): number | undefined {
  for (const kind of ['vs', 'vd'] as const)
    if (kind in record)
      throw new RejectedError(`${at}.${kind}`, 'texts and data are not readings; send a number (v) or a boolean (vb)');
  if ('vb' in record) {
    if (typeof record['vb'] !== 'boolean') throw new RejectedError(`${at}.vb`, 'must be true or false');
    return Number(record['vb']);
  }
  return number(record, 'v', at);
}

/** `urn:dev:ow:10e2:temp` → sensor `urn:dev:ow:10e2`, metric `temp`; `temp` alone is the gateway's own. */
function seriesOf(name: string, unit: string | undefined, gateway: GatewayId, at: string): Series {
  // RFC 8428 § 4.5.1
  if (!/^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/.test(name))
    throw new RejectedError(`${at}.n`, 'a name starts with a letter or digit and holds letters, digits and - : . / _');
  const cut = Math.max(name.lastIndexOf('/'), name.lastIndexOf(':'));
  const sensor = cut > 0 ? name.slice(0, cut) : gateway;
  const metric = name.slice(cut + 1);
  if (metric === '') throw new RejectedError(`${at}.n`, 'ends without a metric');
  const code = unit ?? '1';
  return { sensor, metric, unit: Object.hasOwn(ucum, code) ? ucum[code]! : code, intervalMs: 0, zone: '' };
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function text(record: Json, key: string, at: string): string | undefined {
  const value = record[key];
  if (value === undefined || typeof value === 'string') return value;
  throw new RejectedError(`${at}.${key}`, 'must be a string');
}

function number(record: Json, key: string, at: string): number | undefined {
  const value = record[key];
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw new RejectedError(`${at}.${key}`, 'must be a finite number');
}
