/** Results as the processors publish them, of a street whose lamps the examples dim, and what a right service makes of them. */
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import type { OutgoingRecord } from '@millrace/runtime/kafka/types.ts';
import { encodeAlert } from '@millrace/wire/alert.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { encodeStats, type StatsRow } from '@millrace/wire/stats.ts';

const posts = ['queen-st-01', 'queen-st-02', 'k-rd-01', 'k-rd-02'] as GatewayId[];
const minutes = 30;
const minuteUs = 60_000_000;
const startUs = Date.UTC(2026, 2, 14, 7) * 1000;
export const quiet = 2;
export const busy = 12;

export interface Street {
  readonly records: readonly OutgoingRecord[];
  /** Key → body, of every effect that there must be. */
  readonly effects: ReadonlyMap<string, unknown>;
  /** Gateway → level, in the end. */
  readonly levels: ReadonlyMap<string, number>;
  /** The second effect of a record whose first one has been done: where a kill leaves half of it behind. */
  readonly halfWay: string;
  /** Windows with too few readings. */
  readonly incomplete: number;
}

export function street(prefix: string): Street {
  const records: OutgoingRecord[] = [];
  const effects = new Map<string, unknown>();
  const levels = new Map<string, number>();
  let incomplete = 0;
  const publish = (gateway: GatewayId, rows: readonly StatsRow[], window = '1m'): void =>
    void records.push({
      topic: `${prefix}stats.v1`,
      key: gateway,
      value: encodeStats({ gateway, site: 'test', window, rows }),
    });
  const expect = (gateway: string, { startUs: at, mean, revision }: StatsRow): void => {
    const level = Math.round(40 + 60 * Math.min(1, Math.max(0, (mean - quiet) / (busy - quiet))));
    effects.set(`${gateway}/road/vehicles|1m|${at}|${revision}`, { level, startUs: at, revision });
    if (at === startUs + (minutes - 1) * minuteUs) levels.set(gateway, level);
  };
  for (let minute = 0; minute < minutes; minute += 2)
    for (const [p, gateway] of posts.entries()) {
      const rows = [minute, minute + 1].map(at => row(at, (at * 7 + p * 5) % 16));
      const early = rows.map(one => ({ ...one, final: false, mean: 99, revision: 1 }));
      publish(gateway, early);
      publish(gateway, [row(minute, 50)], '1h/5m');
      publish(gateway, [{ ...row(minute, 50), series: { ...row(0, 0).series, metric: 'noise', unit: 'dB[SPL]' } }]);
      if (minute === 12) {
        publish(
          gateway,
          rows.map(one => ({ ...one, count: 47 })),
        );
        incomplete += 2;
        continue;
      }
      publish(gateway, rows);
      for (const one of rows) expect(gateway, one);
      if (minute !== 20) continue;
      // Late readings: an older window has a new result, and the lamp of now must not follow it.
      const revised = { ...row(3, 15.5), revision: 5 };
      publish(gateway, [revised]);
      expect(gateway, revised);
    }
  records.push({ topic: `${prefix}stats.v1`, key: posts[0]!, value: Buffer.from('no protobuf') });
  for (const state of [1, 0] as const) {
    const [id, gateway, message] = ['abc-1', posts[0]!, 'PM2.5 is "high", above 35 µg/m³'];
    const alert = {
      id,
      gateway,
      sensor: 'air',
      metric: 'pm2_5',
      rule: 'air-bad',
      severity: 1,
      state,
      value: 40,
      message,
      atUs: startUs,
    } as const;
    records.push({ topic: `${prefix}alerts.v1`, key: `${gateway}/air/pm2_5`, value: encodeAlert(alert) });
    const name = state === 1 ? 'RAISED' : 'CLEARED';
    effects.set(`${id}/${name}`, { id, state: name, message });
  }
  const halfWay = `${posts[1]}/road/vehicles|1m|${startUs + 17 * minuteUs}|2`;
  return { records, effects, levels, halfWay, incomplete };
}

function row(minute: number, mean: number): StatsRow {
  return {
    series: { sensor: 'road', metric: 'vehicles', unit: '{vehicles}/min', intervalMs: 1000, zone: 'cbd' },
    startUs: startUs + minute * minuteUs,
    count: 60,
    expected: 60,
    mean,
    min: mean,
    max: mean,
    stddev: null,
    p50: null,
    p95: null,
    p99: null,
    rate: null,
    first: mean,
    last: mean,
    revision: 2,
    final: true,
  };
}

/** Topics of one's own on the broker, with three partitions, and the records in them. */
export async function publish(
  brokers: readonly string[],
  prefix: string,
  records: readonly OutgoingRecord[],
): Promise<void> {
  const kafka = openKafka({ brokers: [...brokers] });
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(
    ['stats.v1', 'alerts.v1'].map(name => ({ name: prefix + name, partitions: 3, replicationFactor: 0, config: {} })),
  );
  await using producer = await kafka.openProducer();
  await Promise.all(records.map(record => producer.send(record)));
}

/** Records that the group has not committed yet. */
export async function uncommitted(
  brokers: readonly string[],
  group: string,
  topics: readonly string[],
): Promise<number> {
  await using admin = await openKafka({ brokers: [...brokers] }).openAdmin();
  let left = 0;
  for (const topic of topics) {
    const [ends, next] = await Promise.all([admin.endOffsets(topic), admin.committedOffsets(group, topic)]);
    for (const [partition, end] of ends.entries()) left += Number(end - (next[partition] ?? 0n));
  }
  return left;
}
