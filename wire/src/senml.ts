/**
 * SenML JSON (RFC 8428) to its readings, resolved: base values applied, units as UCUM codes. The bridge and the agent's
 * sources share it; they differ in what they make of a time that is not absolute.
 */
import { maxBatchReadings } from './batch.ts';
import { RejectedError } from './rejected.ts';

export interface SenmlReading {
  /** The record's place in the pack, `[3]`, for messages. */
  readonly at: string;
  /** Undefined: the name has only one part, which is the metric. */
  readonly sensor: string | undefined;
  readonly metric: string;
  /** UCUM code where SenML's unit has one; unknown units stay as they are. */
  readonly unit: string;
  readonly value: number;
  /** µs: since the Unix epoch, or, when `relative`, from now on (negative: ago). */
  readonly timeUs: number;
  readonly relative: boolean;
}

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

/**
 * At least one reading; records that hold base values only give none.
 * @throws {RejectedError} naming the record and member.
 */
export function parseSenml(payload: Uint8Array): SenmlReading[] {
  const readings: SenmlReading[] = [];
  // Base values hold until they are given again (§ 4.1).
  let base: { name: string; time: number; unit: string | undefined; value: number } = {
    name: '',
    time: 0,
    unit: undefined,
    value: 0,
  };
  for (const [i, record] of parse(payload).entries()) {
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
    const own = readingValue(record, at);
    if (own === undefined) continue;
    const time = base.time + (number(record, 't', at) ?? 0);
    // Beyond 2^53 µs protobuf would wrap it round to another time.
    const timeUs = Math.round(time * 1e6);
    if (!Number.isSafeInteger(timeUs)) throw new RejectedError(`${at}.t`, 'is no time in seconds since 1970');
    const unit = text(record, 'u', at) ?? base.unit ?? '1';
    readings.push({
      at,
      ...nameParts(base.name + (text(record, 'n', at) ?? ''), at),
      unit: Object.hasOwn(ucum, unit) ? ucum[unit]! : unit,
      value: base.value + own,
      timeUs,
      relative: time < absoluteTimeFrom,
    });
    if (readings.length > maxBatchReadings)
      throw new RejectedError('payload', `more than ${maxBatchReadings} readings`);
  }
  if (readings.length === 0) throw new RejectedError('payload', 'holds no reading');
  return readings;
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

/** `urn:dev:ow:10e2:temp` → sensor `urn:dev:ow:10e2`, metric `temp`. */
function nameParts(name: string, at: string): { sensor: string | undefined; metric: string } {
  // RFC 8428 § 4.5.1
  if (!/^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/.test(name))
    throw new RejectedError(`${at}.n`, 'a name starts with a letter or digit and holds letters, digits and - : . / _');
  const cut = Math.max(name.lastIndexOf('/'), name.lastIndexOf(':'));
  const metric = name.slice(cut + 1);
  if (metric === '') throw new RejectedError(`${at}.n`, 'ends without a metric');
  return { sensor: cut > 0 ? name.slice(0, cut) : undefined, metric };
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
