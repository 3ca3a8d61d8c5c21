/** What the tables hold of a recording, and whether the ledger agrees. */
import { createHash } from 'node:crypto';
import { run } from '../../cli/test/run.ts';
import type { City } from './city.ts';
import { expectedReadings, expectedWindows, type Recording, readingsOf, windowLine } from './load.ts';

const dayMs = 86_400_000;

export async function sql(city: City, query: string): Promise<unknown[][]> {
  const url = `${city.questdb.httpUrl}/exec?query=${encodeURIComponent(query)}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(60_000) });
  const answer = (await response.json()) as { error?: string; dataset: unknown[][] };
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.dataset;
}

const iso = (ms: number): string => new Date(ms).toISOString();
/** Gateways' names are the suite's own, of letters, digits and hyphens. */
const ofRecording = ({ gateway, startMs }: Recording): string =>
  `gateway = '${gateway}' and ts >= '${iso(startMs)}' and ts < '${iso(startMs + dayMs)}'`;

export interface Stored {
  readonly rows: number;
  readonly lost: number;
  readonly twice: number;
  /** Every reading with its time, sensor and value is the recording's. */
  readonly same: boolean;
}

/** @param recordedTimes false when the agent dated its readings itself: then times are left out. */
export async function storedReadings(city: City, recording: Recording, recordedTimes: boolean): Promise<Stored> {
  const where = recordedTimes ? ofRecording(recording) : `gateway = '${recording.gateway}'`;
  const [[rows, distinct] = [0, 0]] = await sql(
    city,
    `select count(), count_distinct(seq) from readings where ${where}`,
  );
  const expected = expectedReadings(recording, recordedTimes);
  return {
    rows: Number(rows),
    lost: expected.readings - Number(distinct),
    twice: Number(rows) - Number(distinct),
    same: (await hashOf(city, where, recordedTimes)) === expected.sha256,
  };
}

/** Over the lines of all rows in the order of `seq`, as load.ts makes them of the recording. */
async function hashOf(city: City, where: string, withTime: boolean): Promise<string> {
  const time = withTime ? 'cast(ts as long)' : '0';
  const query = `select seq, ${time} t, sensor, cast(value * 8 as long) v from readings where ${where} order by seq`;
  const response = await fetch(`${city.questdb.httpUrl}/exp?query=${encodeURIComponent(query)}`);
  const hash = createHash('sha256');
  let header = true;
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (header) header = false;
      else hash.update(`${line.trim().replaceAll('"', '')}\n`);
    }
  }
  if (rest.trim() !== '') hash.update(`${rest.trim().replaceAll('"', '')}\n`);
  return hash.digest('hex');
}

/** The final one-minute windows that differ from those of the recording. */
export async function wrongWindows(city: City, recording: Recording): Promise<{ windows: number; wrong: number }> {
  const rows = await sql(
    city,
    `select cast(ts as long), sensor, count, mean, min, max, first, last from stats
     where ${ofRecording(recording)} and window = '1m' and final = true`,
  );
  const found = new Set(
    rows.map(([tsUs, sensor, count, mean, min, max, first, last]) =>
      windowLine({
        tsUs: Number(tsUs),
        sensor: String(sensor),
        count: Number(count),
        mean: Number(mean),
        min: Number(min),
        max: Number(max),
        first: Number(first),
        last: Number(last),
      }),
    ),
  );
  const expected = expectedWindows(recording);
  const whole = new Set(expected);
  const missing = expected.filter(line => !found.has(line)).length;
  const extra = [...found].filter(line => !whole.has(line)).length;
  return { windows: expected.length, wrong: missing + extra };
}

/** `millrace reconcile` as an operator runs it. */
export async function reconcile(city: City, gateway: string): Promise<{ ok: boolean; said: string }> {
  const { code, stdout, stderr } = await run(['reconcile', '--gateway', gateway, '--wait', '60'], city.environment);
  return { ok: code === 0, said: stdout + stderr };
}

export async function newestSeq(city: City, { gateway, startMs }: Recording, recordedTimes: boolean): Promise<number> {
  const where = recordedTimes ? ofRecording({ gateway, startMs, rows: 0 }) : `gateway = '${gateway}'`;
  const [[seq] = [-1]] = await sql(city, `select max(seq) from readings where ${where}`);
  return Number(seq ?? -1);
}

export const totalOf = (recordings: readonly Recording[]): number =>
  recordings.reduce((sum, recording) => sum + readingsOf(recording), 0);
