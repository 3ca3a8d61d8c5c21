/**
 * Sparkplug B (Sparkplug 3.0.0): `spBv1.0/<group>/<kind>/<node>[/<device>]`. DATA carries aliases that only the BIRTH
 * explains, so a node is asked for its birth again whenever this side may have missed something.
 *
 *   unknown ──NBIRTH──► alive ──sequence gap, unknown alias──► alive, rebirth asked ──NBIRTH──► alive
 *      ▲                  │
 *      └─────NDEATH───────┘      a device likewise by DBIRTH and DDEATH, and with its node
 */
import type { Reading } from '../../../reading.ts';
import { knownUnit } from '../../../unit-words.ts';
import type { SensorTrouble } from '../../sensors.ts';
import { configured } from '../fields.ts';
import { type Message, nothing, type Preset, type Taken } from '../preset.ts';
import { decodePayload, type Metric, numberOfMetric, type Payload, rebirthCommand } from './sparkplug-payload.ts';

interface Known {
  readonly name: string;
  readonly datatype: number;
  readonly unit: string;
}

/** What a birth said: metrics by alias, and by name. */
type Born = ReadonlyMap<number | string, Known>;

interface Node {
  seq: number;
  bdSeq: number | undefined;
  readonly born: Map<string, Born>;
}

const rebirthPauseUs = 10e6;
const maxNodes = 1000;

export const sparkplugB: Preset = ({ units }) => {
  const own = configured(units);
  const nodes = new Map<string, Node>();
  const askedUs = new Map<string, number>();

  const rebirth = (id: string, { levels, nowUs }: Message): Taken => {
    if (nowUs - (askedUs.get(id) ?? Number.NEGATIVE_INFINITY) < rebirthPauseUs) return nothing;
    if (askedUs.size >= maxNodes) askedUs.clear();
    askedUs.set(id, nowUs);
    const topic = `${levels[0]}/${levels[1]}/NCMD/${levels[3]}`;
    return { requests: [{ topic, payload: rebirthCommand(Math.round(nowUs / 1000)) }] };
  };

  const birth = (metrics: readonly Metric[]): Born => {
    const born = new Map<number | string, Known>();
    for (const { name, alias, datatype, properties } of metrics) {
      if (name === undefined || datatype === undefined) continue;
      // engUnit is what Ignition and others call it; the specification has no name for it.
      const word = properties.get('engUnit') ?? properties.get('unit');
      const known = {
        name,
        datatype,
        unit: own(name, name) ?? (typeof word === 'string' ? knownUnit(word) : undefined) ?? '1',
      };
      born.set(name, known);
      if (alias !== undefined) born.set(alias, known);
    }
    return born;
  };

  return {
    sensorOf,
    take(message) {
      const [, group, kind, name] = message.levels;
      if (group === 'STATE' || name === undefined || !/^[ND](BIRTH|DATA|DEATH)$/.test(kind!)) return nothing;
      const id = `${group}/${name}`;
      const sensor = sensorOf(message);
      const payload = decodePayload(message.payload);
      const node = nodes.get(id);
      if (kind === 'NDEATH') {
        const bdSeq = bdSeqOf(payload);
        // A will that comes after the next birth is of the session before (§ 6.4.14).
        if (node?.bdSeq !== undefined && bdSeq !== undefined && bdSeq !== node.bdSeq) return nothing;
        nodes.delete(id);
        return { troubles: [id, ...(node?.born.keys() ?? [])].map(gone) };
      }
      if (kind === 'NBIRTH') {
        if (nodes.size >= maxNodes) nodes.clear();
        const born = birth(payload.metrics);
        nodes.set(id, { seq: payload.seq ?? 0, bdSeq: bdSeqOf(payload), born: new Map([[id, born]]) });
        askedUs.delete(id);
        return {
          readings: readings(id, born, payload, message.nowUs).found,
          troubles: [{ sensor: id, trouble: undefined }],
        };
      }
      if (node === undefined) return rebirth(id, message);
      const missed = payload.seq !== undefined && payload.seq !== (node.seq + 1) % 256;
      if (payload.seq !== undefined) node.seq = payload.seq;
      if (kind === 'DDEATH') {
        node.born.delete(sensor);
        return { troubles: [gone(sensor)], ...(missed && rebirth(id, message)) };
      }
      if (kind === 'DBIRTH') node.born.set(sensor, birth(payload.metrics));
      const { found, unknown } = readings(sensor, node.born.get(sensor) ?? new Map(), payload, message.nowUs);
      return {
        readings: found,
        ...(kind === 'DBIRTH' && { troubles: [{ sensor, trouble: undefined }] }),
        ...((missed || unknown) && rebirth(id, message)),
      };
    },
  };
};

/** `group/node` or `group/node/device`. */
function sensorOf({ levels }: Message): string {
  return [levels[1], levels[3], levels[4]].filter(level => level !== undefined).join('/');
}

const gone = (sensor: string): SensorTrouble => ({
  sensor,
  trouble: 'absent',
  why: 'its death certificate came (Sparkplug)',
});

function bdSeqOf({ metrics }: Payload): number | undefined {
  const value = metrics.find(({ name }) => name === 'bdSeq')?.value;
  return typeof value === 'number' ? value : undefined;
}

/** Metrics that steer the node, and are no readings. */
const control = /^(bdSeq|Node Control\/.*|Device Control\/.*)$/;

function readings(sensor: string, born: Born, payload: Payload, nowUs: number): { found: Reading[]; unknown: boolean } {
  const found: Reading[] = [];
  let unknown = false;
  for (const metric of payload.metrics) {
    const known = born.get(metric.alias ?? metric.name ?? '') ?? born.get(metric.name ?? '');
    if (known === undefined) {
      unknown ||= !control.test(metric.name ?? '');
      continue;
    }
    const value = metric.isNull ? undefined : numberOfMetric(metric.value, metric.datatype ?? known.datatype);
    if (value === undefined || !Number.isFinite(value) || control.test(known.name)) continue;
    const ms = metric.timestamp ?? payload.timestamp;
    const quality = qualityOf(metric);
    found.push({
      sensor,
      metric: known.name,
      unit: known.unit,
      value,
      ...(ms === undefined ? { timeUs: nowUs } : { timeUs: ms * 1000, dated: 'source' }),
      ...(quality > 0 && { quality }),
    });
  }
  return { found, unknown };
}

/** § 6.4.9, property Quality: 0 bad, 192 good, 500 stale. */
function qualityOf({ properties }: Metric): 0 | 1 | 2 {
  const quality = properties.get('Quality');
  if (quality === 500) return 1;
  return quality === 0 ? 2 : 0;
}
